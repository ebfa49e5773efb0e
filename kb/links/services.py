"""Links that an API answers better than their page: arXiv, GitHub, the Wayback Machine."""

import json
import re
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from time import monotonic

from kb.links.client import Answer, Ask
from kb.links.pace import HostRule, Patience
from kb.links.probe import Probe, is_redirect, probe
from kb.links.urls import Target, follow, parse
from kb.links.verdict import PERMANENT, TEMPORARY, Failure, Result, Verdict
from kb.records import KBError

Exists = Callable[[list[str]], dict[str, bool]]  # base ids -> whether each exists; absent: unknown

ARXIV_HOSTS = frozenset({"arxiv.org", "www.arxiv.org", "export.arxiv.org"})
# An old identifier may name its subject class: math.GT/0309136 is math/0309136.
ARXIV_PATH = re.compile(
    r"^/(?:abs|pdf|html|format|ps)/"
    r"(?:(?P<new>\d{4}\.\d{4,5})|(?P<archive>[a-z-]+)(?:\.[A-Za-z]{2})?/(?P<number>\d{7}))"
    r"(?:v\d+)?(?:\.pdf)?$"
)
POLL = 0.2  # seconds between two looks at whether the wait should end

GITHUB = "https://github.com"
GITHUB_HOSTS = frozenset({"github.com", "www.github.com"})
OWNER = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$")
NAME = re.compile(r"^[A-Za-z0-9._-]{1,100}$")
# First parts of a path that are no owner.
PAGES = frozenset(
    {"about", "apps", "collections", "contact", "customer-stories", "enterprise", "explore"}
    | {"features", "login", "marketplace", "notifications", "orgs", "pricing", "search"}
    | {"security", "settings", "site", "sponsors", "stars", "topics", "trending", "users"}
)
API_BODY = 64 * 1024  # bytes of GitHub's answer
API_HOPS = 3  # the API redirects a renamed repository to its number

WAYBACK = "https://web.archive.org"
SOFTWARE_HERITAGE = "https://archive.softwareheritage.org"


def arxiv_id(url: str) -> str | None:
    """The base identifier of the paper that an arXiv address shows, or None."""
    target = parse(url)
    if target.host not in ARXIV_HOSTS:
        return None
    match = ARXIV_PATH.match(target.path.partition("?")[0])
    if match is None:
        return None
    return match["new"] or f"{match['archive']}/{match['number']}"


def split_arxiv(urls: list[str], exists: Exists | None) -> tuple[dict[str, str], list[str]]:
    """Addresses that arXiv's API can settle, with their identifiers; and the others."""
    if exists is None:
        return {}, urls
    by_api = {url: identifier for url in urls if (identifier := arxiv_id(url)) is not None}
    return by_api, [url for url in urls if url not in by_api]


class ArxivQuery:
    """One query for all identifiers, in the background: arXiv asks programs not to fetch pages."""

    def __init__(self, by_api: dict[str, str], exists: Exists) -> None:
        self.by_api, self.exists = by_api, exists
        self.answer: SimpleQueue[dict[str, bool] | KBError] = SimpleQueue()
        if by_api:
            threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        try:
            self.answer.put(self.exists(sorted(set(self.by_api.values()))))
        except KBError as error:
            self.answer.put(error)
        except Exception as error:  # noqa: BLE001  (the waiting thread must not wait for ever)
            self.answer.put(KBError(f"{type(error).__name__}: {error}"))

    def results(self, deadline: float | None) -> Iterator[tuple[str, Result]]:
        """The verdict on each address; nothing where the answer does not come by `deadline`."""
        if not self.by_api:
            return
        while deadline is None or monotonic() < deadline:
            try:
                answer = self.answer.get(timeout=POLL)
            except Empty:
                continue
            yield from judge_arxiv(self.by_api, answer)
            return


def judge_arxiv(
    by_api: dict[str, str], answer: dict[str, bool] | KBError
) -> Iterator[tuple[str, Result]]:
    """The verdict on each address, from what arXiv's API answered."""
    known = {} if isinstance(answer, KBError) else answer
    why = f"out of reach: {answer.what}" if isinstance(answer, KBError) else "silent on this one"
    for url, identifier in by_api.items():
        exists = known.get(identifier)
        result = Result(url, Verdict.OK, final_url=url)
        if exists is None:
            reason = f"arXiv's API is {why}"
            result = replace(
                result, verdict=Verdict.TIMEOUT, reason=reason, failure=Failure.LOOKUP, attempts=1
            )
        elif not exists:
            reason = f"arXiv knows no paper {identifier}"
            result = replace(result, verdict=Verdict.SUSPECT, reason=reason, gone=True)
        yield url, result


@dataclass
class API:
    """GitHub's API: where it is and who asks. Without a token it answers 60 requests an hour."""

    endpoint: str = "https://api.github.com"
    token: str | None = None
    closed: str | None = None  # why it is asked no more in this run

    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        own = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return own | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def note(self, answer: Answer) -> None:
        """Stop asking once GitHub says that it will not answer."""
        if answer.status in {403, 429} and answer.headers.get("x-ratelimit-remaining") == "0":
            more = "" if self.token else "; GITHUB_TOKEN raises it"
            self.closed = f"GitHub's hourly limit of requests is used up{more}"
        elif answer.status == 401 and self.token:  # noqa: PLR2004
            self.closed = "GitHub does not accept the token"


def repository(target: Target) -> tuple[str, str, str] | None:
    """Owner, name and the rest of the path of a repository's address; None for other pages."""
    if target.host not in GITHUB_HOSTS:
        return None
    parts = target.path.partition("?")[0].strip("/").split("/")
    if len(parts) < 2 or parts[0].lower() in PAGES:  # noqa: PLR2004  (owner and name)
        return None
    owner, name = parts[0], parts[1].removesuffix(".git")
    if not OWNER.match(owner) or not NAME.match(name):
        return None
    return owner, name, "/".join(parts[2:])


def probe_repository(
    target: Target, api: API, rule: HostRule, patience: Patience, known: int | None
) -> Probe:
    """Ask the API for the repository; the page itself where the API cannot tell.

    `known` is the repository's number when last seen: another one under the same name means that
    the name was given up and taken.
    """
    parts = repository(target)
    assert parts is not None
    owner, name, rest = parts
    asked = parse(f"{api.endpoint.rstrip('/')}/repos/{owner}/{name}")
    if api.closed is not None:
        return (yield from probe(target, rule, patience))
    answer, attempts, ms = yield from ask_api(asked, api)
    api.note(answer)
    result = judge_repository(target, answer, (owner, name), known)
    if result is None or (rest and result.verdict in {Verdict.OK, Verdict.MOVED}):
        page = yield from probe(target, rule, patience)
        page.attempts, page.ms = page.attempts + attempts, page.ms + ms
        if result is not None:
            page.repository = result.repository
            page.reason = page.reason or result.reason
        return page
    return replace(result, attempts=attempts, ms=ms)


def ask_api(asked: Target, api: API) -> Generator[Ask, Answer, tuple[Answer, int, int]]:
    """One request; the API's own redirects followed, the token never taken to another host."""
    ms, at, asks = 0, asked, 0
    while True:
        headers = api.headers() if at.origin == asked.origin else {}
        answer = yield Ask("GET", at, body=API_BODY, ranged=False, headers=headers)
        ms, asks = ms + answer.ms, asks + 1
        if not is_redirect(answer) or asks > API_HOPS:
            return answer, asks, ms
        try:
            at = follow(at, answer.headers["location"])
        except ValueError:
            return answer, asks, ms


def judge_repository(
    target: Target, answer: Answer, asked: tuple[str, str], known: int | None
) -> Result | None:
    """The verdict from the API's answer; None where it decides nothing (rate limit, fault)."""
    base = Result(target.shown, Verdict.OK, status=answer.status, final_url=target.shown)
    if answer.status == 404:  # noqa: PLR2004
        return replace(
            base, verdict=Verdict.SUSPECT, reason="404: no such repository, or private", gone=True
        )
    if answer.status == 451:  # noqa: PLR2004
        return replace(base, verdict=Verdict.SUSPECT, reason="451: withheld for legal reasons")
    fields = read_repository(answer)
    if fields is None:
        return None
    number, full_name, archived = fields
    base = replace(base, repository=number)
    if known is not None and known != number:
        reason = f"another repository has this name now (number {number}, was {known})"
        return replace(base, verdict=Verdict.SUSPECT, reason=reason)
    note = "archived by its owner: read-only" if archived else None
    renamed = full_name.lower() != "/".join(asked).lower()
    if not renamed and target.origin == GITHUB:
        return replace(base, reason=note)
    final = f"{GITHUB}/{full_name}"
    reason = f"renamed to {full_name}" if renamed else f"moved for good to {final}"
    reason += f"; {note}" if note else ""
    moved = replace(base, verdict=Verdict.MOVED, final_url=final, reason=reason)
    return replace(moved, redirects=[f"301 {final}"])


def read_repository(answer: Answer) -> tuple[int, str, bool] | None:
    """Number, full name and whether archived; None where the answer is not of that form."""
    if not answer.ok:
        return None
    try:
        document = json.loads(answer.body)
        number, full_name = document["id"], document["full_name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    parts = full_name.split("/") if isinstance(full_name, str) else []
    good = len(parts) == 2 and OWNER.match(parts[0]) and NAME.match(parts[1])  # noqa: PLR2004
    if not good or not isinstance(number, int):
        return None
    return number, full_name, document.get("archived") is True


def find_snapshot(gone: Result, endpoint: str) -> Probe:
    """The same result with the address of the newest snapshot. Its redirect is not followed."""
    asked = parse(f"{endpoint.rstrip('/')}/web/{gone.url}")
    answer = yield Ask("GET", asked)
    return replace(gone, archive=snapshot(answer, asked) or gone.archive)


def snapshot(answer: Answer, asked: Target) -> str | None:
    """The address of the snapshot that the Wayback Machine's answer leads to; None for none."""
    location = answer.headers.get("location", "")
    if answer.status not in PERMANENT | TEMPORARY or "/web/" not in location:
        return None
    # urljoin would take the "//" of the archived address for its own.
    address = location if "://" in location.partition("/web/")[0] else asked.origin + location
    try:
        return parse(address).shown
    except ValueError:
        return None
