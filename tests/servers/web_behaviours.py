"""Every way a web server behaves, each with the verdict that is true of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from urllib.parse import unquote

from tests.servers.web import Exchange

PAGE = b"<!doctype html><title>A page about %s</title><h1>Something to read</h1><p>Words.</p>"
Serve = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True)
class Behaviour:
    """How a path is answered, and what a link checker ought to say of it.

    `later` is the verdict a day after the first look, where it differs. `works` says whether a
    reader who clicks gets the page; None where a program cannot know.
    """

    name: str
    verdict: str
    serve: Serve
    works: bool | None
    later: str | None = None


BEHAVIOURS: dict[str, Behaviour] = {}
# Services, not faults.
NOT_LISTED = frozenset(
    {"", "api", "en", "list.md", "repos", "repositories", "save", "set-cookie", "to", "web"}
)


def behaviour(
    name: str, verdict: str, *, works: bool | None, later: str | None = None
) -> Callable[[Serve], Serve]:
    """Enter a behaviour under its name."""

    def enter(serve: Serve) -> Serve:
        BEHAVIOURS[name] = Behaviour(name, verdict, serve, works, later)
        return serve

    return enter


async def page(exchange: Exchange) -> None:
    """An ordinary page."""
    await exchange.send(body=PAGE % exchange.path.encode())


def status(code: int, title: bytes = b"Answer") -> Serve:
    """Always the same status."""

    async def serve(exchange: Exchange) -> None:
        await exchange.send(code, body=b"<title>%s</title>" % title)

    return serve


def wall(code: int, headers: dict[str, str], body: bytes = b"<title>Wait</title>") -> Serve:
    """What stands before a page to keep programs out."""

    async def serve(exchange: Exchange) -> None:
        await exchange.send(code, headers, body)

    return serve


def to(code: int, location: str) -> Serve:
    """A redirect; `{root}` is this server, `{rest}` the rest of the path."""

    async def serve(exchange: Exchange) -> None:
        rest = "/".join(exchange.rest)
        await exchange.redirect(code, location.format(root=exchange.url(""), rest=rest))

    return serve


def titled(title: str) -> Serve:
    """A page with this title and status 200."""

    async def serve(exchange: Exchange) -> None:
        await exchange.send(body=f"<html><head><title>{title}</title></head>".encode())

    return serve


def head_answers(code: int | None) -> Serve:
    """HEAD is answered badly, or with a closed connection; GET brings the page."""

    async def serve(exchange: Exchange) -> None:
        if exchange.method != "HEAD":
            await page(exchange)
        elif code is None:
            await exchange.reset()
        else:
            await exchange.send(code)

    return serve


def head_leads_to(location: str) -> Serve:
    """HEAD is sent elsewhere, as IIS and single sign-on do; GET brings the page."""

    async def serve(exchange: Exchange) -> None:
        if exchange.method == "HEAD":
            await exchange.redirect(302, location)
        else:
            await page(exchange)

    return serve


def range_refused(code: int) -> Serve:
    """A GET that asks for a part is refused; one that does not brings the page."""

    async def serve(exchange: Exchange) -> None:
        await (exchange.send(code) if "range" in exchange.headers else page(exchange))

    return serve


def cookie(way: str) -> Serve:
    """The page for whoever brings the cookie that `way` sets."""

    async def serve(exchange: Exchange) -> None:
        if "seen=1" in exchange.headers.get("cookie", ""):
            await page(exchange)
        elif way:
            await exchange.redirect(302, way)
        else:
            await exchange.send(302, {"Location": exchange.path, "Set-Cookie": "seen=1; Path=/"})

    return serve


def meta(content: str, *, noscript: bool = False) -> Serve:
    """A page that sends its reader on by itself."""
    tag = f'<meta http-equiv="refresh" content="{content}">'
    tag = f"<noscript>{tag}</noscript>" if noscript else tag

    async def serve(exchange: Exchange) -> None:
        await exchange.send(body=f"<head>{tag}<title>One moment</title></head>".encode())

    return serve


def encoded(title: str, charset: str) -> Serve:
    """A page in another charset than UTF-8, that says so."""

    async def serve(exchange: Exchange) -> None:
        body = f"<html><title>{title}</title>".encode(charset)
        await exchange.send(body=body, kind=f"text/html; charset={charset}")

    return serve


def at_first(code: int, headers: dict[str, str] | None = None, times: int = 1) -> Serve:
    """A fault the first `times` times, then the page."""

    async def serve(exchange: Exchange) -> None:
        if exchange.count < times:
            await exchange.send(code, headers)
        else:
            await page(exchange)

    return serve


for code in (404, 410):
    behaviour(str(code), "suspect", works=False, later="dead")(status(code, b"Nothing"))
for code in (401, 403, 999):
    behaviour(str(code), "blocked", works=None)(status(code))
for code in (400, 418, 451, 500):
    behaviour(str(code), "suspect", works=False)(status(code))
for code in (405, 403, 501, 404, 500):
    behaviour(f"head-{code}", "ok", works=True)(head_answers(code))
behaviour("ok", "ok", works=True)(page)
behaviour("head-reset", "ok", works=True)(head_answers(None))
behaviour("503-forever", "suspect", works=False)(status(503))
behaviour("429-forever", "rate_limited", works=None)(status(429))
behaviour("429-long", "rate_limited", works=None)(wall(429, {"Retry-After": "3600"}))
behaviour("429-seconds", "ok", works=True)(at_first(429, {"Retry-After": "1"}))
behaviour("429-span", "ok", works=True)(at_first(429, {"Retry-After": "0m1s"}))
behaviour("429-bare", "ok", works=True)(at_first(429))
behaviour("503-once", "ok", works=True)(at_first(503, times=2))
behaviour("503-after", "ok", works=True)(at_first(503, {"Retry-After": "1"}))
behaviour("408-once", "ok", works=True)(at_first(408, times=2))
behaviour("500-once", "ok", works=True)(at_first(500, times=2))

behaviour("301", "moved", works=True)(to(301, "{root}/ok/{rest}"))
behaviour("308", "moved", works=True)(to(308, "{root}/ok/{rest}"))
behaviour("302", "redirected", works=True)(to(302, "{root}/ok/{rest}"))
behaviour("303", "redirected", works=True)(to(303, "{root}/ok/{rest}"))
behaviour("307", "redirected", works=True)(to(307, "{root}/ok/{rest}"))
behaviour("301-chain", "moved", works=True)(to(301, "{root}/308/{rest}"))
behaviour("301-302", "redirected", works=True)(to(301, "{root}/302/{rest}"))
behaviour("301-404", "suspect", works=False, later="dead")(to(301, "{root}/404/{rest}"))
behaviour("relative", "moved", works=True)(to(301, "../ok/{rest}"))
behaviour("same-scheme", "moved", works=True)(to(301, "/ok/{rest}?a=1#part"))
behaviour("non-ascii", "moved", works=True)(to(301, "/ok/caf\u00e9 \u4e2d/{rest}"))
behaviour("loop", "suspect", works=False)(to(302, "{root}/loop-back/{rest}"))
behaviour("loop-back", "suspect", works=False)(to(302, "{root}/loop/{rest}"))
behaviour("to-root", "suspect", works=False)(to(302, "/"))
behaviour("to-error", "suspect", works=False)(to(302, "/error-page/404.html"))
behaviour("error-page", "suspect", works=False)(titled("Sorry! Page not found"))
behaviour("to-login", "blocked", works=None)(to(302, "/login?next=/{rest}"))
behaviour("login", "ok", works=True)(titled("Sign in"))
behaviour("to-language", "suspect", works=False)(to(302, "/en/"))
behaviour("no-location", "suspect", works=False)(status(301))
behaviour("to-nowhere", "suspect", works=False)(to(301, "http://"))
behaviour("to-metadata", "refused", works=False)(
    to(302, "http://169.254.169.254/latest/meta-data/")
)
behaviour("to-link-local", "refused", works=False)(to(302, "http://169.254.7.7/"))
behaviour("to-mapped", "refused", works=False)(to(302, "http://[::ffff:169.254.169.254]/"))
behaviour("to-multicast", "refused", works=False)(to(302, "http://224.0.0.1/"))
behaviour("to-file", "refused", works=False)(to(301, "file:///etc/passwd"))
behaviour("to-javascript", "refused", works=False)(to(301, "javascript:alert(1)"))
behaviour("to-ssh", "refused", works=False)(to(301, "http://127.0.0.1:22/"))

# Locations that no address is: each once ended a whole run.
for name, location in {
    "open-bracket": "http://[::1/",
    "two-slashes-bracket": "//[",
    "close-bracket": "http://a]b/",
    "not-ipv6": "http://[a.b]/",
    "bad-port": "http://a.test:port/",
    "no-port": "http://a.test:99999999/",
    "surrogate": "http://a.test/\udc80",
    "nfkc": "http://a.test\u2100b/",
    "percent-host": "http://a%zz.test/",
    "long-label": f"http://{'a' * 70}.test/",
    "bad-idna": "http://xn--\u00e4.test/",
    "control": "http://a.test/\x01",
    "only-brackets": "http://[]/",
    "bare-bracket": "[",
    "long": "http://a.test/" + "x" * 5000,
}.items():
    behaviour(f"to-{name}", "suspect", works=False)(to(302, location.replace("{", "{{")))
for name, location in {"error": "/error-page/x", "login": "/login", "404": "/404/x", "root": "/"}.items():  # fmt: skip
    behaviour(f"head-to-{name}", "ok", works=True)(head_leads_to(location))
behaviour("head-to-itself", "ok", works=True)(head_leads_to("/head-to-itself/1"))
for code in (400, 403, 404, 405, 406, 412, 416, 500, 501, 503):
    behaviour(f"range-{code}", "ok", works=True)(range_refused(code))
behaviour("cookie", "ok", works=True)(cookie(""))
behaviour("cookie-elsewhere", "ok", works=True)(cookie("/set-cookie/cookie-elsewhere"))
behaviour("refresh", "redirected", works=True)(meta("0; url=/ok/1"))
behaviour("refresh-quoted", "redirected", works=True)(meta("1;URL='/ok/1'"))
behaviour("refresh-404", "suspect", works=False, later="dead")(meta("0; url=/404/1"))
behaviour("refresh-root", "suspect", works=False)(meta("0;url=/"))
behaviour("refresh-bad", "suspect", works=False)(meta("0; url=http://[::1/"))
behaviour("refresh-metadata", "refused", works=False)(meta("0; url=http://169.254.169.254/"))
behaviour("refresh-loop", "suspect", works=False)(meta("0; url=/refresh-loop-back/1"))
behaviour("refresh-loop-back", "suspect", works=False)(meta("0; url=/refresh-loop/1"))
behaviour("refresh-itself", "ok", works=True)(meta("5; url=/refresh-itself/1"))
behaviour("refresh-slow", "ok", works=True)(meta("600; url=/404/1"))
behaviour("refresh-without-scripts", "ok", works=True)(meta("0; url=/404/1", noscript=True))
behaviour("refresh-header", "suspect", works=False, later="dead")(
    wall(200, {"Refresh": "0; url=/404/1"}, b"<title>One moment</title>")
)

behaviour("cf-wall", "blocked", works=None)(wall(403, {"cf-mitigated": "challenge"}))
behaviour("cf-503", "blocked", works=None)(wall(503, {"cf-mitigated": "challenge"}))
behaviour("202-waf", "blocked", works=None)(wall(202, {"x-amzn-waf-action": "challenge"}))
behaviour("202-empty", "blocked", works=None)(wall(202, {}, b""))
behaviour("200-challenge", "blocked", works=None)(titled("Just a moment..."))

behaviour("soft-404", "suspect", works=False)(titled("Page not found &middot; A site"))
behaviour("soft-404-words", "suspect", works=False)(titled("Sorry, this page isn't available"))
behaviour("soft-410", "suspect", works=False)(titled("This video has been removed"))
for language, title in {
    "zh": "\u60a8\u8bbf\u95ee\u7684\u9875\u9762\u4e0d\u5b58\u5728\u6216\u5df2\u88ab\u5220\u9664",
    "zh-hant": "\u627e\u4e0d\u5230\u9801\u9762",
    "ja": "\u304a\u63a2\u3057\u306e\u30da\u30fc\u30b8\u306f\u898b\u3064\u304b\u308a\u307e\u305b\u3093\u3067\u3057\u305f",
    "ko": "\uc694\uccad\ud558\uc2e0 \ud398\uc774\uc9c0\ub97c \ucc3e\uc744 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4",
    "de": "Seite nicht gefunden | Institut",
    "fr": "Erreur 404 : page non trouv\u00e9e",
    "es": "La p\u00e1gina que buscas no existe",
    "pt": "P\u00e1gina n\u00e3o encontrada",
    "it": "Pagina non trovata",
    "nl": "Pagina niet gevonden",
    "pl": "Strona nie istnieje",
    "ru": "\u0421\u0442\u0440\u0430\u043d\u0438\u0446\u0430 \u043d\u0435 \u043d\u0430\u0439\u0434\u0435\u043d\u0430",
    "tr": "Sayfa bulunamad\u0131",
    "vi": "Kh\u00f4ng t\u00ecm th\u1ea5y trang",
}.items():
    behaviour(f"soft-404-{language}", "suspect", works=False)(titled(title))
behaviour("soft-404-gbk", "suspect", works=False)(encoded("\u9875\u9762\u4e0d\u5b58\u5728", "gbk"))
behaviour("soft-404-koi8", "suspect", works=False)(
    encoded(
        "\u0421\u0442\u0440\u0430\u043d\u0438\u0446\u0430 \u043d\u0435 \u043d\u0430\u0439\u0434\u0435\u043d\u0430",
        "koi8-r",
    )
)
behaviour("about-404-zh", "ok", works=True)(
    titled("\u9875\u9762\u4e0d\u5b58\u5728\u68c0\u6d4b\u65b9\u6cd5\u7814\u7a76")
)
behaviour("escapes", "suspect", works=False)(titled("\x1b\x07 Not found \x9b"))
behaviour("empty-page", "suspect", works=False)(wall(200, {}, b""))
behaviour("about-404", "ok", works=True)(titled("Learning to Rank What Is Not Found: 404 Pages"))
behaviour("about-lost", "ok", works=True)(titled("Missing Modalities Are Not Found in Noise"))


@behaviour("429-date", "ok", works=True)
async def limited_until(exchange: Exchange) -> None:
    """Too many requests, with the moment to come back as an HTTP date."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=1.5)
    after = {"Retry-After": format_datetime(moment, usegmt=True)}
    await at_first(429, after)(exchange)


@behaviour("endless", "suspect", works=False)
async def endless(exchange: Exchange) -> None:
    """Each redirect leads to another."""
    number = int(exchange.rest[-1]) if exchange.rest and exchange.rest[-1].isdigit() else 0
    await exchange.redirect(302, exchange.url(f"/endless/{number + 1}"))


@behaviour("userinfo", "moved", works=True)
async def userinfo(exchange: Exchange) -> None:
    """A redirect whose address carries a name and password."""
    host = exchange.headers["host"]
    await exchange.redirect(301, f"http://someone:secret@{host}/ok/{'/'.join(exchange.rest)}")


@behaviour("comes-and-goes", "suspect", works=False)
async def comes_and_goes(exchange: Exchange) -> None:
    """Gone in the first look, there in the second, gone from the third on; two requests a look."""
    await (page(exchange) if exchange.count in {2, 3} else exchange.send(404))


@behaviour("list.md", "ok", works=True)
async def listing(exchange: Exchange) -> None:
    """All behaviours as a Markdown list: something to try the checker on."""
    from tests.servers.web_addresses import served  # noqa: PLC0415  (it imports this file's)

    links = [
        f"- `[{entry.verdict}]` {entry.serve.__doc__ or name} [[{name}]]({exchange.url(f'/{name}/1')})"
        for name, entry in BEHAVIOURS.items()
        if name not in NOT_LISTED
    ]
    links += [
        f"- `[{entry.verdict}]` {entry.what} [[{entry.name}]]({url})"
        for entry, url in served(exchange.web)
    ]
    text = "\n".join(["# Every fault", "", *links, ""])
    await exchange.send(body=text.encode(), kind="text/markdown; charset=utf-8")


@behaviour("set-cookie", "ok", works=True)
async def set_cookie(exchange: Exchange) -> None:
    """Sets the cookie and sends back to the behaviour that the path names."""
    back = {"Location": f"/{'/'.join(exchange.rest)}/1", "Set-Cookie": "seen=1; Path=/"}
    await exchange.send(302, back)


@behaviour("anchors", "ok", works=True)
async def with_anchors(exchange: Exchange) -> None:
    """A page with an id, a name and an anchor as GitHub writes them."""
    body = (
        b"<title>x</title><p id=one><a name='two'></a><h2 id='user-content-three'>" + b" " * 50_000
    )
    await exchange.send(body=body + b"<p id=far>")


@behaviour("cookie-flood", "suspect", works=False)
async def cookie_flood(exchange: Exchange) -> None:
    """Another cookie with every redirect, in a circle that never closes."""
    fields = {"Location": exchange.path, "Set-Cookie": f"c{exchange.count}={'x' * 2000}; Path=/"}
    await exchange.send(302, fields)


@behaviour("to", "redirected", works=None)
async def to_anywhere(exchange: Exchange) -> None:
    """A redirect to whatever the query names."""
    await exchange.redirect(302, unquote(exchange.path.partition("?")[2]))


behaviour("", "ok", works=True)(page)
behaviour("en", "ok", works=True)(page)
