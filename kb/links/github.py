"""GitHub repositories, asked through the API: archived, renamed, transferred, gone, replaced."""

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, replace

from kb.links.client import Answer, Ask
from kb.links.hosts import Rule
from kb.links.probe import Probe, is_redirect, probe
from kb.links.urls import Target, follow, parse
from kb.links.verdict import Result, Verdict
from kb.links.waiting import Patience

HOME = "https://github.com"
HOSTS = frozenset({"github.com", "www.github.com"})
OWNER = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$")
NAME = re.compile(r"^[A-Za-z0-9._-]{1,100}$")
# First parts of a path that are no owner.
PAGES = frozenset(
    {"about", "apps", "collections", "contact", "customer-stories", "enterprise", "explore"}
    | {"features", "login", "marketplace", "notifications", "orgs", "pricing", "search"}
    | {"security", "settings", "site", "sponsors", "stars", "topics", "trending", "users"}
)
ENOUGH = 64 * 1024  # bytes of the API's answer
MOST_HOPS = 3  # the API sends a renamed repository's asker to its number


@dataclass
class API:
    """Where to ask, and as whom. Without a token GitHub answers 60 questions an hour."""

    endpoint: str = "https://api.github.com"
    token: str | None = None
    closed: str | None = None  # why it is asked no more in this run

    def headers(self) -> dict[str, str]:
        """What every question carries."""
        own = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return own | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def note(self, answer: Answer) -> None:
        """Stop asking once GitHub says that it will not answer."""
        if answer.status in {403, 429} and answer.headers.get("x-ratelimit-remaining") == "0":
            more = "" if self.token else "; GITHUB_TOKEN raises it"
            self.closed = f"GitHub's hourly limit of questions is used up{more}"
        elif answer.status == 401 and self.token:  # noqa: PLR2004
            self.closed = "GitHub does not accept the token"


def repository(target: Target) -> tuple[str, str, str] | None:
    """Owner, name and the rest of the path of a repository's address; None for other pages."""
    if target.host not in HOSTS:
        return None
    parts = target.path.partition("?")[0].strip("/").split("/")
    if len(parts) < 2 or parts[0].lower() in PAGES:  # noqa: PLR2004  (owner and name)
        return None
    owner, name = parts[0], parts[1].removesuffix(".git")
    if not OWNER.match(owner) or not NAME.match(name):
        return None
    return owner, name, "/".join(parts[2:])


def look(target: Target, api: API, rule: Rule, patience: Patience, known: int | None) -> Probe:
    """Ask the API for the repository; the page itself where the API cannot tell.

    `known` is the repository's number when last seen: another one under the same name means that
    the name was given up and taken.
    """
    found = repository(target)
    assert found is not None
    owner, name, rest = found
    asked = parse(f"{api.endpoint.rstrip('/')}/repos/{owner}/{name}")
    if api.closed is not None:
        return (yield from probe(target, rule, patience))
    answer, attempts, ms = yield from ask(asked, api)
    api.note(answer)
    result = judge(target, answer, (owner, name), known)
    if result is None or (rest and result.verdict in {Verdict.OK, Verdict.MOVED}):
        page = yield from probe(target, rule, patience)
        page.attempts, page.ms = page.attempts + attempts, page.ms + ms
        if result is not None:
            page.repository = result.repository
            page.reason = page.reason or result.reason
        return page
    return replace(result, attempts=attempts, ms=ms)


def ask(asked: Target, api: API) -> Generator[Ask, Answer, tuple[Answer, int, int]]:
    """One question; the API's own redirects followed, the token never taken to another host."""
    ms, at, asks = 0, asked, 0
    while True:
        headers = api.headers() if at.origin == asked.origin else {}
        answer = yield Ask("GET", at, body=ENOUGH, ranged=False, headers=headers)
        ms, asks = ms + answer.ms, asks + 1
        if not is_redirect(answer) or asks > MOST_HOPS:
            return answer, asks, ms
        try:
            at = follow(at, answer.headers["location"])
        except ValueError:
            return answer, asks, ms


def judge(
    target: Target, answer: Answer, asked: tuple[str, str], known: int | None
) -> Result | None:
    """What the API's answer says of the link; None where it says nothing (rate limit, fault)."""
    base = Result(target.shown, Verdict.OK, status=answer.status, final_url=target.shown)
    if answer.status == 404:  # noqa: PLR2004
        return replace(
            base, verdict=Verdict.SUSPECT, reason="404: no such repository, or private", gone=True
        )
    if answer.status == 451:  # noqa: PLR2004
        return replace(base, verdict=Verdict.SUSPECT, reason="451: withheld for legal reasons")
    fields = read(answer)
    if fields is None:
        return None
    number, full_name, archived = fields
    base = replace(base, repository=number)
    if known is not None and known != number:
        reason = f"another repository has this name now (number {number}, was {known})"
        return replace(base, verdict=Verdict.SUSPECT, reason=reason)
    note = "archived by its owner: read-only" if archived else None
    renamed = full_name.lower() != "/".join(asked).lower()
    if not renamed and target.origin == HOME:
        return replace(base, reason=note)
    final = f"{HOME}/{full_name}"
    reason = f"renamed to {full_name}" if renamed else f"moved for good to {final}"
    reason += f"; {note}" if note else ""
    moved = replace(base, verdict=Verdict.MOVED, final_url=final, reason=reason)
    return replace(moved, redirects=[f"301 {final}"])


def read(answer: Answer) -> tuple[int, str, bool] | None:
    """Number, full name and whether archived; None where the answer is not of that form."""
    if not answer.ok:
        return None
    try:
        document = json.loads(answer.body)
        number, full_name = document["id"], document["full_name"]
    except (ValueError, KeyError, TypeError):
        return None
    parts = full_name.split("/") if isinstance(full_name, str) else []
    good = len(parts) == 2 and OWNER.match(parts[0]) and NAME.match(parts[1])  # noqa: PLR2004
    if not good or not isinstance(number, int):
        return None
    return number, full_name, document.get("archived") is True
