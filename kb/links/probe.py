"""The check of one link, as a coroutine: yields requests and receives answers.

Nothing here touches the network or a clock, so every rule can be tried by hand; schedule.py keeps
each host's pace and client.py makes the requests.

HEAD goes to the first address only, and counts only if it shows that a file exists:
servers answer it with errors, logins and redirects that no reader meets.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import cast
from urllib.request import Request
from urllib.response import addinfourl

from kb.links.client import BODY, Answer, Ask
from kb.links.pace import HostRule, Patience
from kb.links.pages import (
    anchors,
    bot_wall,
    is_empty,
    leads_to_login,
    lost_on_the_way,
    refreshes_to,
    says_not_found,
    text_of,
)
from kb.links.urls import InvalidURLError, NotWebError, RefusedURLError, Target, follow, parse
from kb.links.verdict import (
    BY_FAILURE,
    GONE,
    PERMANENT,
    TEMPORARY,
    Failure,
    Result,
    Verdict,
    by_status,
)

MOST_HOPS = 10  # as curl and browsers: 10-20
REFRESH = 302  # what a page that sends its reader on amounts to
Probe = Generator[Ask, Answer, Result]
HTML = ("text/html", "application/xhtml")
UNSATISFIABLE = 416  # RFC 9110, 15.5.17: the server cannot give a part of this
# What servers and walls answer to a Range that they do not like; without one they may give the page.
RANGE_REFUSED = frozenset({400, 403, 405, 406, 412, UNSATISFIABLE, 501})
LONGEST_COOKIES = 4096  # characters of a Cookie header
WHOLE_PAGE = 1 << 20  # bytes of a page whose anchors are wanted


class Cookies:
    """The cookies of one check: some pages redirect in a circle until they get them back."""

    def __init__(self) -> None:
        self.jar = CookieJar()
        self.empty = True

    def take(self, at: Target, answer: Answer) -> None:
        """Store the cookies of an answer."""
        if answer.cookies:
            message = Message()
            for cookie in answer.cookies:
                message["Set-Cookie"] = cookie
            response = addinfourl(None, message, at.url)  # type: ignore[arg-type]
            self.empty = False
            self.jar.extract_cookies(cast("HTTPResponse", response), Request(at.url))  # noqa: S310

    def header(self, at: Target) -> dict[str, str]:
        """The Cookie header for an address; empty if there are none, or too many."""
        if self.empty:
            return {}
        request = Request(at.url)  # noqa: S310  (never opened: it is asked for its headers)
        self.jar.add_cookie_header(request)
        value = request.get_header("Cookie", "") or ""
        return {"Cookie": value} if value and len(value) <= LONGEST_COOKIES else {}


@dataclass
class Trail:
    """The requests of one link so far."""

    start: Target
    rule: HostRule
    patience: Patience
    at: Target
    body: int = BODY  # bytes of the page that are wanted
    hops: list[tuple[int, Target]] = field(default_factory=list)
    cookies: Cookies = field(default_factory=Cookies)
    attempts: int = 0
    ms: int = 0

    def take(self, answer: Answer) -> Answer:
        """Count a request."""
        self.attempts += 1
        self.ms += answer.ms
        self.cookies.take(self.at, answer)
        return answer

    def ask(self, method: str) -> Ask:
        """A request for the current address."""
        headers = self.cookies.header(self.at)
        return Ask(method, self.at, body=self.body, ranged=self.body == BODY, headers=headers)

    def place(self) -> tuple[str, str]:
        """Address and cookies: a state seen before is a redirect loop."""
        return self.at.url, self.cookies.header(self.at).get("Cookie", "")

    def result(self, verdict: Verdict, reason: str | None, answer: Answer | None = None) -> Result:
        """The verdict, with the redirects that led to it."""
        return Result(
            url=self.start.shown,
            verdict=verdict,
            reason=printable(reason),
            status=answer.status if answer else None,
            final_url=self.at.shown,
            redirects=[f"{status} {target.shown}" for status, target in self.hops],
            attempts=self.attempts,
            ms=self.ms,
            gone=answer is not None and is_gone(answer),
            failure=answer.failure if answer else None,
        )


def printable(reason: str | None) -> str | None:
    """A reason that may quote a server, without control characters."""
    if reason is None:
        return None
    return "".join(sign if sign.isprintable() else " " for sign in reason)


def unasked(url: str) -> tuple[Target | None, Result | None]:
    """The target of an address, or a verdict that needs no request."""
    try:
        return parse(url), None
    except InvalidURLError as error:
        return None, Result(url, Verdict.INVALID, str(error))
    except RefusedURLError as error:
        return None, Result(url, Verdict.REFUSED, str(error))
    except NotWebError as error:
        return None, Result(url, Verdict.SKIPPED, str(error))


def probe(target: Target, rule: HostRule, patience: Patience, *, fragments: bool = False) -> Probe:
    """Check one link, redirect by redirect; `fragments`: also check the anchor."""
    trail = Trail(target, rule, patience, target, body=WHOLE_PAGE if fragments else BODY)
    been = {trail.place()}
    while True:
        answer = yield from settle(trail)
        onward = next_address(trail, answer)
        if onward is None:
            return judge(trail, answer)
        stop = step(trail, onward, answer, been)
        if stop is not None:
            return stop


def settle(trail: Trail) -> Generator[Ask, Answer, Answer]:
    """Request one address until the answer is final: HEAD once, then GET, with retries."""
    head_first = not (trail.rule.get or trail.hops)
    ask = trail.ask("HEAD" if head_first else "GET")
    answer = trail.take((yield ask))
    head = answer if head_first else None
    retry = 0
    while not is_wall(answer):
        wait = trail.patience.wait(answer, retry)
        if ask.method == "HEAD" and not settled_by_head(answer):
            pause = wait if answer.status in {429, 503} else 0.0
            if pause is None:
                return answer
            ask = replace(trail.ask("GET"), after=pause)
        elif wait is not None:
            ask, retry = replace(ask, after=wait, ranged=False), retry + 1
        elif ask.ranged and ask.method == "GET" and range_refused(answer, head):
            ask = replace(ask, ranged=False, after=0.0)
        else:
            return answer
        answer = trail.take((yield ask))
    return answer


def range_refused(answer: Answer, head: Answer | None) -> bool:
    """Whether a GET without a range may succeed."""
    if answer.status is None or answer.status < 400:  # noqa: PLR2004  (RFC 9110: errors)
        return False
    other = head is not None and head.ok and answer.status != 429  # noqa: PLR2004
    return other or answer.status in RANGE_REFUSED


def is_wall(answer: Answer) -> bool:
    """An explicit bot wall: retries are useless and unwelcome."""
    return "cf-mitigated" in answer.headers or "x-amzn-waf-action" in answer.headers


def settled_by_head(answer: Answer) -> bool:
    """Whether GET is unnecessary: for a file that exists, and failures before any HTTP."""
    if answer.failure is not None:
        return answer.failure not in {Failure.TIMEOUT, Failure.RESET, Failure.GARBLED}
    kind = answer.headers.get("content-type", "").lower()
    return answer.status in {200, 204, 206} and bool(kind) and not kind.startswith(HTML)


def wall_of(trail: Trail, answer: Answer) -> str | None:
    """Why an answer is a bot wall and not a page, or None."""
    body = answer.body[:BODY]
    return bot_wall(answer.status or 0, answer.headers, body, known=trail.rule.wall)


def is_gone(answer: Answer) -> bool:
    """Whether the page is gone: 404, 410, or a host that does not exist."""
    return answer.status in GONE or answer.failure is Failure.NO_NAME


def is_redirect(answer: Answer) -> bool:
    """Whether it is a redirect with a Location."""
    return answer.status in PERMANENT | TEMPORARY and "location" in answer.headers


def next_address(trail: Trail, answer: Answer) -> tuple[int, str] | None:
    """The target of a redirect and its status; None if the answer is final."""
    if is_redirect(answer):
        return answer.status or 0, answer.headers["location"]
    if answer.ok and wall_of(trail, answer) is None:
        location = refreshes_to(text_of(answer.body[:BODY], answer.headers), answer.headers)
        return None if location is None else (REFRESH, location)
    return None


def step(
    trail: Trail, onward: tuple[int, str], answer: Answer, been: set[tuple[str, str]]
) -> Result | None:
    """Follow one redirect; returns a result if the check ends there."""
    status, location = onward
    try:
        target = follow(trail.at, location)
    except RefusedURLError as error:
        return trail.result(Verdict.REFUSED, f"redirected to an address refused: {error}", answer)
    except (InvalidURLError, NotWebError) as error:
        return trail.result(Verdict.SUSPECT, f"redirected to nowhere: {error}", answer)
    if answer.ok and target.url == trail.at.url:  # a page that renews itself is where it is
        return judge(trail, answer)
    trail.hops.append((status, target))
    trail.at = target
    if trail.place() in been:
        return trail.result(Verdict.SUSPECT, "redirects go round in a circle", answer)
    if len(trail.hops) > MOST_HOPS:
        return trail.result(Verdict.SUSPECT, f"more than {MOST_HOPS} redirects", answer)
    been.add(trail.place())
    return None


def judge(trail: Trail, answer: Answer) -> Result:
    """The verdict on a final answer."""
    if answer.failure is not None:
        verdict, reason = BY_FAILURE[answer.failure]
        if answer.detail:
            reason = f"{reason}: {answer.detail}" if answer.detail != reason else reason
        return trail.result(verdict, reason, answer)
    wall = wall_of(trail, answer)
    if wall is not None:
        return trail.result(Verdict.BLOCKED, wall, answer)
    if not answer.ok:
        verdict, reason = by_status(answer.status or 0)
        return trail.result(verdict, reason, answer)
    return alive(trail, answer)


def alive(trail: Trail, answer: Answer) -> Result:
    """The verdict on a page: ok, redirected, or a "not found" page."""
    page = text_of(answer.body, answer.headers)
    words = says_not_found(page[:BODY])
    if words is not None:
        return trail.result(Verdict.SUSPECT, f"the page says: {words[:80]}", answer)
    if is_empty(answer.status, answer.headers):
        return trail.result(Verdict.SUSPECT, "an empty page", answer)
    result = arrived(trail, answer)
    is_html = answer.headers.get("content-type", "").lower().startswith(HTML)
    if trail.body > BODY and is_html and answer.whole and page:
        result.anchors = anchors(page)
    return result


def arrived(trail: Trail, answer: Answer) -> Result:
    """The verdict on the final page of redirects: moved, redirected, or another page."""
    if not trail.hops or trail.at.url == trail.start.url:  # there and back, with a cookie
        return trail.result(Verdict.OK, None, answer)
    asked, final = trail.start.path, trail.at.path
    if leads_to_login(asked, final):
        return trail.result(Verdict.BLOCKED, f"leads to a login ({trail.at.shown})", answer)
    lost = lost_on_the_way(asked, final)
    if lost is not None:
        return trail.result(Verdict.SUSPECT, lost, answer)
    if all(status in PERMANENT for status, _ in trail.hops):
        return trail.result(Verdict.MOVED, f"moved for good to {trail.at.shown}", answer)
    return trail.result(Verdict.REDIRECTED, f"leads to {trail.at.shown} for now", answer)
