"""The one function of this room: look at links, remember, and say what was found."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from time import monotonic

from kb.links import arxiv as arxiv_links
from kb.links import github as repositories
from kb.links.archive import ENDPOINT, with_snapshot
from kb.links.client import Client
from kb.links.guard import PRIVATE_ALLOWED, Guard, Remembering, Resolver, system_resolver
from kb.links.history import History
from kb.links.policy import Policy
from kb.links.probe import Probe, probe, unasked
from kb.links.reach import Reach
from kb.links.schedule import Begin, Scheduler
from kb.links.sources import Found
from kb.links.urls import Target, parse
from kb.links.verdict import Result, Verdict
from kb.links.waiting import Patience

Tell = Callable[[int, int, Result], None]  # done, of how many, what


@dataclass(frozen=True)
class Settings:
    """How links are looked at."""

    max_age: timedelta = timedelta(days=7)
    offline: bool = False
    concurrency: int = 64
    timeout: float = 20.0  # seconds for one request
    budget: float | None = None  # seconds for the run
    allow_private: bool = False
    resolver: Resolver = system_resolver
    ca_file: str | None = None
    patience: Patience = field(default_factory=Patience)
    github: repositories.API | None = field(default_factory=repositories.API)
    archive: str | None = ENDPOINT
    arxiv: arxiv_links.Exists | None = None

    @classmethod
    def from_environment(cls, **own: object) -> "Settings":
        """Endpoints and the token from KB_GITHUB_API, KB_WAYBACK and GITHUB_TOKEN."""
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or None
        endpoint = os.environ.get("KB_GITHUB_API", repositories.API.endpoint)
        api = repositories.API(endpoint, token)
        archive = os.environ.get("KB_WAYBACK", ENDPOINT) or None
        return cls(**{"github": api, "archive": archive, **own})  # type: ignore[arg-type]


@dataclass
class Report:
    """What a run found. `interrupted` and `unreachable` say why it may be incomplete."""

    results: list[Result]
    seconds: float
    interrupted: bool = False
    unreachable: bool = False  # no network at all

    @property
    def checked(self) -> int:
        """Links with a verdict of their own."""
        return sum(result.verdict is not Verdict.SKIPPED for result in self.results)


def check(
    links: list[Found],
    history: History,
    policy: Policy,
    settings: Settings | None = None,
    *,
    now: datetime | None = None,
    tell: Tell | None = None,
) -> Report:
    """Look at links; one result for each, in their order.

    What was found is written to the history also when Ctrl-C or the budget ends the run early;
    the links that were not reached are `skipped`. Nothing is written when there is no network.
    """
    run = Run(links, history, policy, settings or Settings(), now or datetime.now(timezone.utc))
    return run.report(tell or silent)


def silent(_done: int, _total: int, _result: Result) -> None:
    """Tell nobody."""


class Run:
    """One run over some links."""

    def __init__(
        self,
        links: list[Found],
        history: History,
        policy: Policy,
        settings: Settings,
        now: datetime,
    ) -> None:
        self.links, self.history, self.policy = links, history, policy
        self.settings, self.now = settings, now
        self.found: dict[str, Result] = {}
        self.reach = Reach(settings.resolver)
        self.begun = monotonic()
        self.interrupted = False

    def report(self, tell: Tell) -> Report:
        """Do the run."""
        asked = [entry.url for entry in self.links if not self._known(entry.url)]
        try:
            for url, result in self._look(asked):
                self.found[url] = result
                self.reach.note(result)
                tell(len(self.found), len(self.links), result)
        except KeyboardInterrupt:
            self.interrupted = True
        unreachable = self.reach.nothing()
        touched = self._remember(asked, unreachable=unreachable)
        self.history.save(touched)
        results = [self._row(entry) for entry in self.links]
        seconds = round(monotonic() - self.begun, 3)
        return Report(results, seconds, self.interrupted, unreachable)

    def _known(self, url: str) -> bool:
        """Settle what needs no request: excludes, addresses never asked, what is fresh."""
        reason = self.policy.skip(url, self.now.date())
        _, said = unasked(url)
        result = Result(url, Verdict.SKIPPED, reason) if reason is not None else said
        if result is None:
            result = self.history.fresh(url, self.now, self.settings.max_age)
        if result is None and self.settings.offline:
            never = Result(url, Verdict.SKIPPED, "offline, and never looked at before")
            result = self.history.known(url) or never
        if result is not None:
            self.found[url] = result
        return result is not None

    def _look(self, urls: list[str]) -> Iterator[tuple[str, Result]]:
        """Results of the links that must be asked, as they come."""
        settings = self.settings
        deadline = self.begun + settings.budget if settings.budget is not None else None
        by_api, by_page = arxiv_links.divide(urls, settings.arxiv)
        if settings.arxiv is not None and by_api:
            yield from arxiv_links.look(by_api, settings.arxiv)
        # One conversation for all addresses that differ in their fragment alone.
        pages: dict[str, list[str]] = {}
        for url in by_page:
            pages.setdefault(parse(url).url, []).append(url)
        with self._client() as client:
            scheduler = Scheduler(
                client.ask,
                self.policy.rule,
                workers=settings.concurrency,
                longest=settings.patience.longest,
            )
            groups = list(pages.values())
            jobs = (self._job(group[0]) for group in groups)
            for key, result in scheduler.run(jobs, deadline=deadline):
                for url in groups[key]:
                    yield url, replace(result, url=url)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        settings = self.settings
        allowed = PRIVATE_ALLOWED if settings.allow_private else frozenset[str]()
        client = Client(
            Guard(allowed, Remembering(settings.resolver)),
            seconds=settings.timeout,
            keep=max(32, 2 * settings.concurrency),
            ca_file=settings.ca_file,
        )
        try:
            yield client
        finally:
            client.close()

    def _job(self, url: str) -> tuple[Begin, str]:
        """How a link is looked at, and the host that is asked first."""
        target, settings = parse(url), self.settings
        rule = self.policy.rule(target.host)
        archive = settings.archive if self._public(target) else None
        api = settings.github
        if api is None or repositories.repository(target) is None:

            def look() -> Probe:
                return with_snapshot(probe(target, rule, settings.patience), archive)

            return look, target.host
        known = (self.history.links.get(url) or {}).get("repository")

        def ask() -> Probe:
            talk = repositories.look(target, api, rule, settings.patience, known)
            return with_snapshot(talk, archive)

        return ask, parse(api.endpoint).host

    def _public(self, target: Target) -> bool:
        """Whether a third party may be told of the address: nobody's private network is."""
        return self.settings.archive != ENDPOINT or not self.reach.inside(target)

    def _remember(self, asked: list[str], *, unreachable: bool) -> set[str]:
        """Judge what was found against the past and note it; the addresses noted."""
        touched = set()
        for url in asked:
            result = self.found.get(url)
            if result is None:
                continue
            if unreachable and self.reach.unreached(result):
                self.found[url] = replace(result, reason="no network", gone=False)
                continue
            self.found[url] = judged = self.history.judge(result, self.now)
            self.history.note(judged, self.now)
            touched.add(url)
        return touched

    def _row(self, entry: Found) -> Result:
        """The result of a link with what the list knows of it."""
        why = "interrupted" if self.interrupted else "the time budget was used up"
        result = self.found.get(entry.url) or Result(entry.url, Verdict.SKIPPED, why)
        return replace(result, ids=entry.ids, places=entry.places)
