"""Whether linked software is in Software Heritage and linked pages in the Wayback Machine.

Looking asks both archives and changes nothing. Saving asks them to fetch what they lack (Save Code
Now, Save Page Now), one request at a time; it happens only where a person wants it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

from kb.links.client import Answer, Ask, Client
from kb.links.guard import PRIVATE_ALLOWED, Guard, Reach, Remembering
from kb.links.services import SOFTWARE_HERITAGE, WAYBACK, snapshot
from kb.links.settings import Policy, Settings
from kb.links.urls import Target, parse
from kb.links.verdict import ALIVE, Result

FORGES = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})
BODY = 64 * 1024  # bytes of an answer
SAVE_EVERY = 5.0  # seconds between two requests to save; both archives count them per minute
CODE, PAGES = "Software Heritage", "Wayback Machine"
ARCHIVED, MISSING, REQUESTED, REFUSED, UNKNOWN = (
    *("archived", "missing", "requested", "refused", "unknown"),
)


@dataclass(frozen=True)
class Copy:
    """What an archive has of one address."""

    url: str
    archive: str  # Software Heritage or Wayback Machine
    state: str  # archived, missing, requested, refused, unknown
    address: str | None = None  # of the copy; where it is missing, where a person asks for one
    detail: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The row of `kb links --archive --json`."""
        return dict(vars(self))

    def line(self) -> str:
        """The row in words."""
        more = "; ".join(part for part in (self.detail, self.address) if part)
        return f"{self.state:<12} {self.archive}: {self.url}" + (f"  ({more})" if more else "")


@dataclass
class Archives:
    """Both archives, asked one request at a time over guarded connections."""

    client: Client
    policy: Policy
    settings: Settings
    wait: Callable[[float], None] = sleep
    closed: dict[str, str] = field(default_factory=dict)  # archive -> why it is asked no more
    last: dict[str, float] = field(default_factory=dict)  # host -> moment of the last request

    def look(self, url: str, known: str | None) -> Copy:
        """What the archive of its kind has of an address; `known`: its SWHID in the records."""
        target = parse(url)
        origin = repository(target)
        if origin is None:
            return self._page(url, target)
        if known:
            return Copy(url, CODE, ARCHIVED, f"{SOFTWARE_HERITAGE}/{known}", "named in the records")
        return self._code(url, origin)

    def save(self, copy: Copy) -> Copy:
        """The same after the archive was asked to fetch what it lacks."""
        if copy.state != MISSING:
            return copy
        target = parse(copy.url)
        origin = repository(target)
        if origin is not None:
            path = f"api/1/origin/save/git/url/{quote(origin, safe=':/')}/"
            return self._saved(copy, Ask("POST", self._at(CODE, path), body=BODY, ranged=False))
        asked = Ask("GET", self._at(PAGES, f"save/{target.url}"), body=BODY, ranged=False)
        return self._saved(copy, asked)

    def _at(self, archive: str, path: str) -> Target:
        settings = self.settings
        endpoint = settings.software_heritage if archive == CODE else settings.archive
        usual = SOFTWARE_HERITAGE if archive == CODE else WAYBACK
        return parse(f"{(endpoint or usual).rstrip('/')}/{path}")

    def _code(self, url: str, origin: str) -> Copy:
        path = f"api/1/origin/{quote(origin, safe=':/')}/visit/latest/?require_snapshot=true"
        answer = self._ask(CODE, Ask("GET", self._at(CODE, path), body=BODY, ranged=False))
        place = f"browse/origin/directory/?origin_url={quote(origin, safe='')}"
        if answer.ok:
            day = str(_document(answer).get("date") or "")[:10]
            detail = f"visited {day}" if day else None
            return Copy(url, CODE, ARCHIVED, self._at(CODE, place).url, detail)
        if answer.status == 404:  # noqa: PLR2004  (unknown origin)
            return Copy(url, CODE, MISSING, self._at(CODE, "save/").url)
        return Copy(url, CODE, UNKNOWN, detail=self._why(CODE, answer))

    def _page(self, url: str, target: Target) -> Copy:
        asked = self._at(PAGES, f"web/{target.url}")
        answer = self._ask(PAGES, Ask("GET", asked, body=BODY, ranged=False))
        if address := snapshot(answer, asked):
            return Copy(url, PAGES, ARCHIVED, address)
        if answer.status == 404:  # noqa: PLR2004  (no snapshot)
            return Copy(url, PAGES, MISSING, self._at(PAGES, f"save/{target.url}").url)
        return Copy(url, PAGES, UNKNOWN, detail=self._why(PAGES, answer))

    def _saved(self, copy: Copy, ask: Ask) -> Copy:
        answer = self._ask(copy.archive, ask, every=SAVE_EVERY)
        if copy.archive == PAGES and (address := snapshot(answer, ask.target)):
            return replace(copy, state=REQUESTED, address=address)
        if answer.ok:
            status = str(_document(answer).get("save_request_status") or "")[:40]
            state = REFUSED if status == "rejected" else REQUESTED
            return replace(copy, state=state, address=None, detail=status or None)
        if answer.status in {400, 403, 451}:
            return replace(copy, state=REFUSED, detail=f"{answer.status}")
        return replace(copy, detail=f"not asked to save: {self._why(copy.archive, answer)}")

    def _ask(self, archive: str, ask: Ask, *, every: float = 0.0) -> Answer:
        """One request in its turn; none to an archive that has said to stop."""
        if archive in self.closed:
            return Answer(detail=self.closed[archive])
        host = ask.target.host
        public = host == parse(self._usual(archive)).host
        pause = max(self.policy.rule(host).interval, every if public else 0.0)
        if host in self.last and (left := self.last[host] + pause - monotonic()) > 0:
            self.wait(left)
        own = {"Accept": "application/json"} if archive == CODE else {}
        answer = self.client.ask(replace(ask, headers=own))
        self.last[host] = monotonic()
        if answer.status == 429:  # noqa: PLR2004  (too many requests)
            self.closed[archive] = "it asks to try later"
        elif answer.status is None:
            self.closed[archive] = f"no answer ({answer.failure and answer.failure.value})"
        return answer

    @staticmethod
    def _usual(archive: str) -> str:
        return SOFTWARE_HERITAGE if archive == CODE else WAYBACK

    def _why(self, archive: str, answer: Answer) -> str:
        return self.closed.get(archive) or f"it answered {answer.status}"


def repository(target: Target) -> str | None:
    """The address by which Software Heritage knows a repository; None for other pages."""
    parts = target.path.partition("?")[0].strip("/").split("/")
    if target.host.removeprefix("www.") not in FORGES or len(parts) < 2 or not all(parts[:2]):  # noqa: PLR2004
        return None
    return f"https://{target.host.removeprefix('www.')}/{parts[0]}/{parts[1].removesuffix('.git')}"


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def public(settings: Settings) -> bool:
    """Whether an archive that everybody can read is asked."""
    return settings.archive in {None, WAYBACK} or settings.software_heritage == SOFTWARE_HERITAGE


def copies(
    results: Iterable[Result],
    swhids: Mapping[str, str],
    policy: Policy,
    settings: Settings,
    *,
    save: bool,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Copy]:
    """What the archives have of each living link, one row per address.

    Args:
        results: of the check; only links that work are looked up.
        swhids: address -> SWHID, as the records have it; these are not asked for.
        policy: how often a host may be asked.
        settings: of the check, with the archives' addresses.
        save: ask for what is missing.
        progress: is given the address that is looked up.

    Ctrl-C and the time budget end it early, with the rows that are there.
    """
    reach, rows = Reach(settings.resolver), list[Copy]()
    allowed = PRIVATE_ALLOWED if settings.allow_private else frozenset[str]()
    guard = Guard(allowed, Remembering(settings.resolver))
    client = Client(guard, seconds=settings.timeout, ca_file=settings.ca_file)
    archives = Archives(client, policy, settings)
    end = None if settings.budget is None else monotonic() + settings.budget
    try:
        for result in results:
            if result.verdict not in ALIVE or (
                public(settings) and reach.inside(parse(result.url))
            ):
                continue
            if end is not None and monotonic() > end:
                break
            progress(result.url)
            row = archives.look(result.url, swhids.get(result.url))
            rows.append(archives.save(row) if save else row)
    except KeyboardInterrupt:
        pass
    finally:
        client.close()
    return rows


def summary(rows: list[Copy]) -> str:
    """`41 archived, 2 missing`."""
    states = (ARCHIVED, MISSING, REQUESTED, REFUSED, UNKNOWN)
    counts = {state: sum(row.state == state for row in rows) for state in states}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none"
