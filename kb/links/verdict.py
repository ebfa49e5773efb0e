"""What is said about a link, and the tables that decide it.

`dead` is never said here: one look cannot know it. A look that finds 404, 410 or a name that does
not exist says `suspect` with `gone` set; the history (history.py) turns the second one, a day
later, into `dead`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Verdict(str, Enum):
    """The words of the contract."""

    OK = "ok"
    MOVED = "moved"  # every hop permanent (301, 308), and the new page is there
    REDIRECTED = "redirected"  # at least one hop temporary
    BLOCKED = "blocked"  # a login, a bot wall: says nothing about the page
    SUSPECT = "suspect"  # something is wrong; not enough to call it dead
    RATE_LIMITED = "rate_limited"
    DEAD = "dead"
    TIMEOUT = "timeout"
    REFUSED = "refused"  # by us: private address, scheme that is not http
    INVALID = "invalid"  # not an address at all
    SKIPPED = "skipped"


class Failure(str, Enum):
    """Why a request brought no HTTP answer."""

    NO_NAME = "no_name"  # the name does not exist
    LOOKUP = "lookup"  # the name could not be looked up just now
    REFUSED = "refused"  # the address may not be asked
    UNREACHABLE = "unreachable"  # nobody listens, no route
    TIMEOUT = "timeout"
    RESET = "reset"  # connection closed before an answer was complete
    TLS = "tls"
    GARBLED = "garbled"  # not HTTP
    FLOOD = "flood"  # more header bytes than any page needs
    FAULT = "fault"  # a fault of this program: the link could not be judged


GONE = frozenset({404, 410})
PERMANENT = frozenset({301, 308})
TEMPORARY = frozenset({302, 303, 307})
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
TRANSIENT_FAILURE = frozenset({Failure.LOOKUP, Failure.RESET, Failure.UNREACHABLE})

BY_STATUS: dict[int, tuple[Verdict, str]] = {
    401: (Verdict.BLOCKED, "401: needs a login"),
    402: (Verdict.BLOCKED, "402: wants to be paid"),
    403: (Verdict.BLOCKED, "403: refuses programs; a browser may be let in"),
    404: (Verdict.SUSPECT, "404: not found"),
    407: (Verdict.BLOCKED, "407: a proxy wants a login"),
    408: (Verdict.TIMEOUT, "408: the server gave up waiting"),
    410: (Verdict.SUSPECT, "410: gone for good, says the server"),
    429: (Verdict.RATE_LIMITED, "429: too many requests"),
    451: (Verdict.SUSPECT, "451: withheld for legal reasons"),
    504: (Verdict.TIMEOUT, "504: a gateway waited in vain"),
    999: (Verdict.BLOCKED, "999: refuses programs"),
}
BY_FAILURE: dict[Failure, tuple[Verdict, str]] = {
    Failure.NO_NAME: (Verdict.SUSPECT, "no such host"),
    Failure.LOOKUP: (Verdict.SUSPECT, "the host's name could not be looked up"),
    Failure.REFUSED: (Verdict.REFUSED, "address refused"),
    Failure.UNREACHABLE: (Verdict.SUSPECT, "no connection"),
    Failure.TIMEOUT: (Verdict.TIMEOUT, "no answer in time"),
    Failure.RESET: (Verdict.SUSPECT, "connection closed without an answer"),
    Failure.TLS: (Verdict.SUSPECT, "TLS"),
    Failure.GARBLED: (Verdict.SUSPECT, "the answer is not HTTP"),
    Failure.FLOOD: (Verdict.SUSPECT, "endless headers"),
    Failure.FAULT: (Verdict.SUSPECT, "could not be judged"),
}
ALIVE = frozenset({Verdict.OK, Verdict.MOVED, Verdict.REDIRECTED})
FINDINGS = frozenset({Verdict.DEAD, Verdict.INVALID, Verdict.REFUSED})  # what exits 1


@dataclass(slots=True)
class Result:
    """One link with its verdict; `as_json` is the row of the contract."""

    url: str
    verdict: Verdict
    reason: str | None = None
    status: int | None = None
    final_url: str | None = None
    redirects: list[str] = field(default_factory=list)  # "301 https://..." hop by hop
    attempts: int = 0  # requests made for it
    ms: int = 0  # spent in them
    archive: str | None = None  # a snapshot of the dead
    ids: list[str] = field(default_factory=list)  # records that carry the link
    places: list[tuple[int, int]] = field(default_factory=list)  # (line, column), from 1
    gone: bool = False  # 404, 410 or no such name: may become dead
    failure: Failure | None = None
    repository: int | None = None  # GitHub's own number of the repository
    cached: bool = False  # from the history, nobody was asked
    anchors: frozenset[str] | None = None  # ids of the page, where they were looked for

    def as_json(self) -> dict[str, Any]:
        """The row of `kb links --json`."""
        return {
            "url": self.url,
            "verdict": self.verdict.value,
            "status": self.status,
            "final_url": self.final_url,
            "redirects": self.redirects,
            "reason": self.reason,
            "attempts": self.attempts,
            "ms": self.ms,
            "archive": self.archive,
            "ids": self.ids,
            "lines": sorted({line for line, _ in self.places}),
        }


def by_status(status: int) -> tuple[Verdict, str]:
    """Verdict and reason for a final status outside 200-299."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status in PERMANENT | TEMPORARY:
        return Verdict.SUSPECT, f"{status}: a redirect that names no place"
    if status >= 500:  # noqa: PLR2004  (RFC 9110: the server's fault)
        return Verdict.SUSPECT, f"{status}: the server has a fault"
    return Verdict.SUSPECT, f"{status}: an unexpected answer"
