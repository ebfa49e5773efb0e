"""How one link is looked at, as a conversation: yields what to ask, is sent what came back.

Nothing here touches the network or a clock, so every rule can be tried by hand; schedule.py keeps
each host's pace and client.py makes the requests.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace

from kb.links.client import Answer, Ask
from kb.links.hosts import Rule
from kb.links.soft404 import bot_wall, is_empty, leads_to_login, lost_on_the_way, says_not_found
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
from kb.links.waiting import Patience

MOST_HOPS = 10  # as curl and browsers: 10-20
Probe = Generator[Ask, Answer, Result]
HTML = ("text/html", "application/xhtml")
UNSATISFIABLE = 416  # RFC 9110, 15.5.17: the server cannot give a part of this


@dataclass
class Trail:
    """What has been asked for one link so far."""

    start: Target
    rule: Rule
    patience: Patience
    at: Target
    hops: list[tuple[int, Target]] = field(default_factory=list)
    attempts: int = 0
    ms: int = 0

    def take(self, answer: Answer) -> Answer:
        """Count a request that was made."""
        self.attempts += 1
        self.ms += answer.ms
        return answer

    def result(self, verdict: Verdict, reason: str | None, answer: Answer | None = None) -> Result:
        """The finding, with the road to it."""
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
    """A reason that may quote a server, without what would steer a terminal."""
    if reason is None:
        return None
    return "".join(sign if sign.isprintable() else " " for sign in reason)


def unasked(url: str) -> tuple[Target | None, Result | None]:
    """What can be said of an address without asking anyone: a target, or the verdict."""
    try:
        return parse(url), None
    except InvalidURLError as error:
        return None, Result(url, Verdict.INVALID, str(error))
    except RefusedURLError as error:
        return None, Result(url, Verdict.REFUSED, str(error))
    except NotWebError as error:
        return None, Result(url, Verdict.SKIPPED, str(error))


def probe(target: Target, rule: Rule, patience: Patience) -> Probe:
    """Look at one link: HEAD, then GET where HEAD does not settle it; redirects hop by hop."""
    trail = Trail(target, rule, patience, target)
    been = {target.url}
    while True:
        answer = yield from settle(trail)
        if not is_redirect(answer):
            return judge(trail, answer)
        stop = step(trail, answer, been)
        if stop is not None:
            return stop


def settle(trail: Trail) -> Generator[Ask, Answer, Answer]:
    """Ask one address until the answer stands: HEAD once, GET, and again while it may change."""
    ask = Ask("GET" if trail.rule.get else "HEAD", trail.at)
    answer = trail.take((yield ask))
    retry = 0
    while not is_wall(answer):
        wait = trail.patience.wait(answer, retry)
        if ask.method == "HEAD" and not settled_by_head(answer):
            pause = wait if answer.status in {429, 503} else 0.0
            if pause is None:
                return answer
            ask = Ask("GET", trail.at, pause)
        elif answer.status == UNSATISFIABLE and ask.ranged:
            ask = replace(ask, ranged=False, after=0.0)
        elif wait is not None:
            ask, retry = replace(ask, after=wait), retry + 1
        else:
            return answer
        answer = trail.take((yield ask))
    return answer


def is_wall(answer: Answer) -> bool:
    """A wall that says so itself: asking again is no use, and not welcome."""
    return "cf-mitigated" in answer.headers or "x-amzn-waf-action" in answer.headers


def settled_by_head(answer: Answer) -> bool:
    """Whether GET could tell no more: redirects, files, and failures before any HTTP."""
    if answer.failure is not None:
        return answer.failure not in {Failure.TIMEOUT, Failure.RESET, Failure.GARBLED}
    if is_redirect(answer):
        return True
    kind = answer.headers.get("content-type", "").lower()
    return answer.status in {200, 204, 206} and bool(kind) and not kind.startswith(HTML)


def is_gone(answer: Answer) -> bool:
    """What a page that is gone answers: 404, 410, or nothing, its host having no name."""
    return answer.status in GONE or answer.failure is Failure.NO_NAME


def is_redirect(answer: Answer) -> bool:
    """A status that sends elsewhere, with the place to go."""
    return answer.status in PERMANENT | TEMPORARY and "location" in answer.headers


def step(trail: Trail, answer: Answer, been: set[str]) -> Result | None:
    """Follow one redirect; a result where it ends there."""
    location, status = answer.headers["location"], answer.status or 0
    try:
        target = follow(trail.at, location)
    except RefusedURLError as error:
        return trail.result(Verdict.REFUSED, f"redirected to an address refused: {error}", answer)
    except (InvalidURLError, NotWebError) as error:
        return trail.result(Verdict.SUSPECT, f"redirected to nowhere: {error}", answer)
    trail.hops.append((status, target))
    trail.at = target
    if target.url in been:
        return trail.result(Verdict.SUSPECT, "redirects go round in a circle", answer)
    if len(trail.hops) > MOST_HOPS:
        return trail.result(Verdict.SUSPECT, f"more than {MOST_HOPS} redirects", answer)
    been.add(target.url)
    return None


def judge(trail: Trail, answer: Answer) -> Result:
    """The verdict on an answer that stands."""
    if answer.failure is not None:
        verdict, reason = BY_FAILURE[answer.failure]
        if answer.detail:
            reason = f"{reason}: {answer.detail}" if answer.detail != reason else reason
        return trail.result(verdict, reason, answer)
    wall = bot_wall(answer.status or 0, answer.headers, answer.body, known=trail.rule.wall)
    if wall is not None:
        return trail.result(Verdict.BLOCKED, wall, answer)
    if not answer.ok:
        verdict, reason = by_status(answer.status or 0)
        return trail.result(verdict, reason, answer)
    return alive(trail, answer)


def alive(trail: Trail, answer: Answer) -> Result:
    """A page came: whether it is the page, and where the list says."""
    words = says_not_found(answer.body)
    if words is not None:
        return trail.result(Verdict.SUSPECT, f"the page says: {words[:80]}", answer)
    if is_empty(answer.status, answer.headers):
        return trail.result(Verdict.SUSPECT, "an empty page", answer)
    if not trail.hops:
        return trail.result(Verdict.OK, None, answer)
    return arrived(trail, answer)


def arrived(trail: Trail, answer: Answer) -> Result:
    """Redirects ended at a page: whether it is the one that was meant, and for how long."""
    asked, final = trail.start.path, trail.at.path
    if leads_to_login(asked, final):
        return trail.result(Verdict.BLOCKED, f"leads to a login ({trail.at.shown})", answer)
    lost = lost_on_the_way(asked, final)
    if lost is not None:
        return trail.result(Verdict.SUSPECT, lost, answer)
    if all(status in PERMANENT for status, _ in trail.hops):
        return trail.result(Verdict.MOVED, f"moved for good to {trail.at.shown}", answer)
    return trail.result(Verdict.REDIRECTED, f"leads to {trail.at.shown} for now", answer)
