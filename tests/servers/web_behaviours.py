"""Every way a web server behaves, each with the verdict that is true of it."""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import cache

from tests.servers.web import Exchange, head

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
NOT_LISTED = frozenset({"", "list.md", "repos", "repositories", "web"})  # services, not faults


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

behaviour("cf-wall", "blocked", works=None)(wall(403, {"cf-mitigated": "challenge"}))
behaviour("cf-503", "blocked", works=None)(wall(503, {"cf-mitigated": "challenge"}))
behaviour("202-waf", "blocked", works=None)(wall(202, {"x-amzn-waf-action": "challenge"}))
behaviour("202-empty", "blocked", works=None)(wall(202, {}, b""))
behaviour("200-challenge", "blocked", works=None)(titled("Just a moment..."))

behaviour("soft-404", "suspect", works=False)(titled("Page not found &middot; A site"))
behaviour("soft-404-words", "suspect", works=False)(titled("Sorry, this page isn't available"))
behaviour("soft-410", "suspect", works=False)(titled("This video has been removed"))
behaviour("about-404", "ok", works=True)(titled("Learning to Rank What Is Not Found: 404 Pages"))
behaviour("about-lost", "ok", works=True)(titled("Missing Modalities Are Not Found in Noise"))


@behaviour("file", "ok", works=True)
async def file(exchange: Exchange) -> None:
    """A PDF: HEAD tells all."""
    await exchange.send(body=b"%PDF-1.7 " * 20_000, kind="application/pdf")


@behaviour("ranged", "ok", works=True)
async def ranged(exchange: Exchange) -> None:
    """A page from a server that honours Range."""
    body = PAGE % b"ranges" + b"x" * 200_000
    wanted = exchange.headers.get("range")
    if wanted is None:
        await exchange.send(body=body)
        return
    last = int(wanted.rpartition("-")[2])
    where = {"Content-Range": f"bytes 0-{last}/{len(body)}"}
    await exchange.send(206, where, body[: last + 1])


@behaviour("chunked", "ok", works=True)
async def chunked(exchange: Exchange) -> None:
    """A page of unknown length, in pieces."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Transfer-Encoding": "chunked"}))
    if exchange.method != "HEAD":
        piece = PAGE % b"chunks"
        await exchange.raw(b"%x\r\n%s\r\n0\r\n\r\n" % (len(piece), piece))


@behaviour("bad-chunks", "ok", works=True)
async def bad_chunks(exchange: Exchange) -> None:
    """Pieces whose sizes are nonsense, after a good first one."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Transfer-Encoding": "chunked"}))
    if exchange.method != "HEAD":
        piece = PAGE % b"chunks"
        await exchange.raw(b"%x\r\n%s\r\nnonsense\r\n" % (len(piece), piece))
        await exchange.hang_up()


@behaviour("gzip", "ok", works=True)
async def gzipped(exchange: Exchange) -> None:
    """A packed page."""
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=gzip.compress(PAGE % b"gzip"))


@behaviour("gzip-soft-404", "suspect", works=False)
async def gzipped_soft(exchange: Exchange) -> None:
    """A packed page that says it is not there."""
    body = gzip.compress(b"<title>404 Not Found</title>")
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=body)


@cache
def bomb() -> bytes:
    """Some 100 kB that unpack to 100 MB."""
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = bytes(1 << 20)
    return b"".join([packer.compress(block) for _ in range(100)] + [packer.flush()])


@behaviour("gzip-bomb", "ok", works=True)
async def gzip_bomb(exchange: Exchange) -> None:
    """Small on the wire, huge unpacked."""
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=bomb())


@behaviour("huge-body", "ok", works=True)
async def huge_body(exchange: Exchange) -> None:
    """A page that never ends; the client must stop reading."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Content-Length": str(1 << 40)}))
    if exchange.method != "HEAD":
        await exchange.raw(PAGE % b"much")
        while True:
            await exchange.raw(b"x" * 65_536)
            await asyncio.sleep(0)  # the others are served too


@behaviour("slow-body", "ok", works=True)
async def slow_body(exchange: Exchange) -> None:
    """The headers at once, then a byte now and then."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Content-Length": "100000"}))
    while exchange.method != "HEAD":
        await exchange.raw(b"<")
        await asyncio.sleep(0.2)


@behaviour("slow-headers", "timeout", works=False)
async def slow_headers(exchange: Exchange) -> None:
    """A byte of the headers now and then: no single read takes long, all of them do."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 10_000:
        await exchange.raw(bytes([byte]))
        await asyncio.sleep(0.2)


@behaviour("silent", "timeout", works=False)
async def silent(exchange: Exchange) -> None:
    """Takes the request and never answers."""
    await asyncio.sleep(600)
    await exchange.hang_up()


@behaviour("header-flood", "suspect", works=False)
async def header_flood(exchange: Exchange) -> None:
    """Headers without end."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\n")
    while True:
        await exchange.raw(b"".join(b"X-%d: %s\r\n" % (n, b"y" * 100) for n in range(100)))
        await asyncio.sleep(0)


@behaviour("long-header", "suspect", works=False)
async def long_header(exchange: Exchange) -> None:
    """One header without end."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        await exchange.raw(b"y" * 65_536)
        await asyncio.sleep(0)


@behaviour("continue-flood", "suspect", works=False)
async def continue_flood(exchange: Exchange) -> None:
    """Interim answers without end."""
    while True:
        await exchange.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        await asyncio.sleep(0)


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


@behaviour("reset", "suspect", works=False)
async def reset(exchange: Exchange) -> None:
    """The connection is torn down."""
    await exchange.reset()


@behaviour("reset-once", "ok", works=True)
async def reset_once(exchange: Exchange) -> None:
    """Torn down twice, then the page."""
    await (exchange.reset() if exchange.count < 2 else page(exchange))


@behaviour("empty", "suspect", works=False)
async def empty(exchange: Exchange) -> None:
    """Closed without a byte."""
    await exchange.hang_up()


@behaviour("half-headers", "suspect", works=False)
async def half_headers(exchange: Exchange) -> None:
    """Closed in the middle of the status line."""
    await exchange.raw(b"HTTP/1.")
    await exchange.hang_up()


@behaviour("garbage", "suspect", works=False)
async def garbage(exchange: Exchange) -> None:
    """Bytes that are no HTTP."""
    await exchange.raw(b"220 mail.test ESMTP\r\n" + bytes(range(256)))
    await exchange.hang_up()


@behaviour("wrong-length", "ok", works=True)
async def wrong_length(exchange: Exchange) -> None:
    """Less body than promised; a browser shows it all the same."""
    body = PAGE % b"less"
    promised = {"Content-Type": "text/html", "Content-Length": str(len(body) + 100)}
    await exchange.raw(head(200, promised) + (b"" if exchange.method == "HEAD" else body))
    await exchange.hang_up()


@behaviour("list.md", "ok", works=True)
async def listing(exchange: Exchange) -> None:
    """All behaviours as a Markdown list: something to try the checker on."""
    links = [
        f"- `[{entry.verdict}]` {entry.serve.__doc__ or name} [[{name}]]({exchange.url(f'/{name}/1')})"
        for name, entry in BEHAVIOURS.items()
        if name not in NOT_LISTED
    ]
    text = "\n".join(["# Every fault", "", *links, ""])
    await exchange.send(body=text.encode(), kind="text/markdown; charset=utf-8")


behaviour("", "ok", works=True)(page)
