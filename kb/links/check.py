"""The one function of this room: look at links, remember, and say what was found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from time import monotonic

from kb.links import archive as archives
from kb.links import arxiv as arxiv_links
from kb.links import github as repositories
from kb.links.client import Client
from kb.links.guard import PRIVATE_ALLOWED, Guard, Remembering
from kb.links.history import History
from kb.links.policy import Policy
from kb.links.probe import probe, unasked
from kb.links.reach import Reach
from kb.links.schedule import Begin, Scheduler
from kb.links.settings import Settings
from kb.links.sources import Found
from kb.links.urls import parse
from kb.links.verdict import Result, Verdict
from kb.links.wire import PER_HOST, room
from kb.records import KBError

Tell = Callable[[int, int, Result], None]  # done, of how many, what


@dataclass
class Report:
    """What a run found. `interrupted` and `unreachable` say why it may be incomplete."""

    results: list[Result]
    seconds: float
    interrupted: bool = False
    unreachable: bool = False  # no network at all
    unsaved: KBError | None = None  # why the history could not be written

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


def nobody(_ids: list[str]) -> dict[str, bool]:
    """Knows of no paper."""
    return {}


def workers(wanted: int) -> int:
    """How many requests at once this process has file descriptors for.

    Each may leave as many idle connections behind as a host is kept.
    """
    return max(1, min(wanted, room(wanted * (PER_HOST + 1)) // (PER_HOST + 1)))


def silent(_done: int, _total: int, _result: Result) -> None:
    """Tell nobody."""


def of(url: str, page: Result) -> Result:
    """What was found of a page, for one address of it: its fragment goes along (RFC 9110, 10.2.2)."""
    fragment, final = parse(url).fragment, page.final_url
    if fragment and final and "#" not in final:
        final = f"{final}#{fragment}"
    return replace(page, url=url, final_url=final)


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
        self.deadline = None if settings.budget is None else self.begun + settings.budget
        self.interrupted = False
        self.workers = 1

    def report(self, tell: Tell) -> Report:
        """Do the run."""
        asked = [entry.url for entry in self.links if not self._known(entry.url)]
        try:
            with self._client() as client:
                for url, result in self._look(asked, client):
                    self.found[url] = result
                    if not self._stood_in(url):
                        self.reach.note(result)
                    tell(len(self.found), len(self.links), result)
                if not self.reach.nothing():
                    self._find_snapshots(client)
        except KeyboardInterrupt:
            self.interrupted = True
        except Exception:  # a fault of ours: what was found before it is kept
            self._save(self._remember(asked, unreachable=False))
            raise
        unreachable = self.reach.nothing()
        unsaved = self._save(self._remember(asked, unreachable=unreachable))
        results = [self._row(entry) for entry in self.links]
        seconds = round(monotonic() - self.begun, 3)
        return Report(results, seconds, self.interrupted, unreachable, unsaved)

    def _save(self, touched: set[str]) -> KBError | None:
        """Write the history; what was found is told even where that fails."""
        try:
            self.history.save(touched)
        except KBError as error:
            return error
        return None

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

    def _look(self, urls: list[str], client: Client) -> Iterator[tuple[str, Result]]:
        """Results of the links that must be asked, as they come."""
        by_api, by_page = arxiv_links.divide(urls, self.settings.arxiv)
        question = arxiv_links.Question(by_api, self.settings.arxiv or nobody)
        # One conversation for all addresses that differ in their fragment alone.
        pages: dict[str, list[str]] = {}
        for url in by_page:
            pages.setdefault(parse(url).url, []).append(url)
        groups = list(pages.values())
        jobs = (self._job(group[0]) for group in groups)
        for key, result in self._scheduler(client).run(jobs, deadline=self.deadline):
            for url in groups[key]:
                yield url, of(url, result)
        yield from question.results(self.deadline)

    def _find_snapshots(self, client: Client) -> None:
        """Ask the archive for what is gone, once for each address in its life."""
        endpoint = self.settings.archive
        if endpoint is None:
            return
        gone = [
            result
            for url, result in self.found.items()
            if result.gone
            and self._public(url)
            and not self.history.links.get(url, {}).get("archive")
        ]
        host = parse(endpoint).host
        jobs = ((partial(archives.look, result, endpoint), host) for result in gone)
        for key, result in self._scheduler(client).run(jobs, deadline=self.deadline):
            self.found[gone[key].url] = result

    def _scheduler(self, client: Client) -> Scheduler:
        return Scheduler(
            client.ask,
            self.policy.rule,
            workers=self.workers,
            longest=self.settings.patience.longest,
        )

    @contextmanager
    def _client(self) -> Iterator[Client]:
        settings = self.settings
        allowed = PRIVATE_ALLOWED if settings.allow_private else frozenset[str]()
        self.workers = workers(settings.concurrency)
        client = Client(
            Guard(allowed, Remembering(settings.resolver)),
            seconds=settings.timeout,
            keep=self.workers,
            ca_file=settings.ca_file,
        )
        try:
            yield client
        finally:
            client.close()

    def _job(self, url: str) -> tuple[Begin, str]:
        """How a link is looked at, and the host that is asked first."""
        target, settings = replace(parse(url), fragment=""), self.settings
        rule, api = self.policy.rule(target.host), settings.github
        if api is None or repositories.repository(target) is None:
            return partial(probe, target, rule, settings.patience), target.host
        known = self.history.links.get(url, {}).get("repository")
        talk = partial(repositories.look, target, api, rule, settings.patience, known)
        return talk, parse(api.endpoint).host

    def _stood_in(self, url: str) -> bool:
        """Whether a local service answers for the one outside: no sign of a network."""
        api = self.settings.github
        here = api is not None and self.reach.inside(parse(api.endpoint))
        return here and repositories.repository(parse(url)) is not None

    def _public(self, url: str) -> bool:
        """Whether a third party may be told of the address: nobody's private network is."""
        return self.settings.archive != archives.ENDPOINT or not self.reach.inside(parse(url))

    def _remember(self, asked: list[str], *, unreachable: bool) -> set[str]:
        """Judge what was found against the past and note it; the addresses noted."""
        touched = set()
        for url in asked:
            result = self.found.get(url)
            if result is None:
                continue
            if unreachable and self.reach.unreached(result):
                self.found[url] = replace(
                    result, verdict=Verdict.SKIPPED, reason="no network", gone=False
                )
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
