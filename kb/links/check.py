"""Check links, save the verdicts, report them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from time import monotonic

from kb.links.client import Client
from kb.links.guard import PRIVATE_ALLOWED, Guard, Reach, Remembering
from kb.links.history import History
from kb.links.pages import has_anchor
from kb.links.probe import printable, probe, unasked
from kb.links.schedule import Begin, Scheduler
from kb.links.services import (
    WAYBACK,
    ArxivQuery,
    find_snapshot,
    probe_repository,
    repository,
    split_arxiv,
)
from kb.links.settings import Policy, Settings
from kb.links.sources import ListedLink
from kb.links.urls import parse
from kb.links.verdict import BY_FAILURE, Failure, Result, Verdict
from kb.links.wire import PER_HOST, room
from kb.records import KBError

Progress = Callable[[int, int, Result], None]  # done, of how many, the last result
CHECKPOINT = 5.0  # seconds between two writings of the history during a run


@dataclass
class LinkReport:
    """The results of a run. `interrupted` and `unreachable`: why it may be incomplete."""

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
    links: list[ListedLink],
    history: History,
    policy: Policy,
    settings: Settings | None = None,
    *,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> LinkReport:
    """Check links; one result for each, in their order.

    Verdicts are written to the history every few seconds and when Ctrl-C or the budget ends the run
    early; the links that were not reached are `skipped`. No link gets a bad verdict when there
    is no network.
    """
    settings, now = settings or Settings(), now or datetime.now(timezone.utc)
    return LinkRun(links, history, policy, settings, now).report(progress or no_progress)


def nobody(_ids: list[str]) -> dict[str, bool]:
    """No look-up: knows no identifiers."""
    return {}


def workers(wanted: int) -> int:
    """The number of parallel requests for which this process has file descriptors.

    Each may leave as many idle connections behind as a host is kept.
    """
    return max(1, min(wanted, room(wanted * (PER_HOST + 1)) // (PER_HOST + 1)))


def no_progress(_done: int, _total: int, _result: Result) -> None:
    """Show nothing."""


def for_address(url: str, page: Result) -> Result:
    """A page's result for one of its addresses, with the fragment (RFC 9110, 10.2.2)."""
    fragment, final = parse(url).fragment, page.final_url
    if fragment and final and "#" not in final:
        final = f"{final}#{fragment}"
    result = replace(page, url=url, final_url=final, anchors=None)
    if page.anchors is None or has_anchor(fragment, page.anchors):
        return result
    reason = printable(f"the page has no anchor #{fragment}")
    return replace(result, verdict=Verdict.SUSPECT, reason=reason)


def unjudged(url: str, error: Exception) -> Result:
    """The verdict on a link whose check raised an exception: our bug, named as such."""
    verdict, reason = BY_FAILURE[Failure.FAULT]
    detail = printable(" ".join(f"{type(error).__name__}: {error}".split()))
    return Result(url, verdict, f"{reason} ({(detail or '')[:200]})", failure=Failure.FAULT)


def real_name(url: str) -> str | None:
    """The real (punycode) name of a non-ASCII host, so that look-alikes read differently."""
    target, _ = unasked(url)
    if target is None or url.isascii() or target.host in url.lower() or "xn--" not in target.host:
        return None
    return f"the host is {target.host}"


class LinkRun:
    """One run over a list of links."""

    def __init__(
        self,
        links: list[ListedLink],
        history: History,
        policy: Policy,
        settings: Settings,
        now: datetime,
    ) -> None:
        self.links, self.history, self.policy = links, history, policy
        self.settings, self.now = settings, now
        self.results: dict[str, Result] = {}
        self.judged: dict[str, Result] = {}  # the same with what the history knows
        self.reach = Reach(settings.resolver)
        self.begun = monotonic()
        self.deadline = None if settings.budget is None else self.begun + settings.budget
        self.interrupted = False
        self.workers = 1

    def report(self, progress: Progress) -> LinkReport:
        """Do the run."""
        asked = [entry.url for entry in self.links if not self._known(entry.url)]
        written = monotonic()
        try:
            with self._client() as client:
                for url, result in self._look(asked, client):
                    self.results[url] = result
                    if not self._stood_in(url):
                        self.reach.note(result)
                    progress(len(self.results), len(self.links), result)
                    if monotonic() - written > CHECKPOINT:
                        self._save(self._remember(asked, sure=True))
                        written = monotonic()
                if not self.reach.nothing():
                    self._find_snapshots(client)
        except KeyboardInterrupt:
            self.interrupted = True
        except Exception:  # a fault of ours: the verdicts before it are not lost
            self._save(self._remember(asked, sure=True))
            raise
        unreachable = self.reach.nothing()
        unsaved = self._save(self._remember(asked, sure=unreachable))
        if unreachable:
            self._excuse(asked)
        results = [self._row(entry) for entry in self.links]
        seconds = round(monotonic() - self.begun, 3)
        return LinkReport(results, seconds, self.interrupted, unreachable, unsaved)

    def _save(self, touched: set[str]) -> KBError | None:
        """Save the history; a failure does not stop the report."""
        try:
            self.history.save(touched)
        except KBError as error:
            return error
        return None

    def _known(self, url: str) -> bool:
        """Set results that need no request: excluded, refused and fresh ones."""
        reason = self.policy.skip(url, self.now.date())
        target, result = unasked(url)
        if reason is not None:
            result = Result(url, Verdict.SKIPPED, reason)
        # An `ok` of the history does not cover the anchor.
        anchored = self.settings.fragments and target is not None and target.fragment
        if result is None and not anchored:
            result = self.history.fresh(url, self.now, self.settings.max_age)
        if result is None and self.settings.offline:
            never = Result(url, Verdict.SKIPPED, "offline, and never looked at before")
            result = self.history.known(url) or never
        if result is not None:
            self.results[url] = result
        return result is not None

    def _look(self, urls: list[str], client: Client) -> Iterator[tuple[str, Result]]:
        """Results of the links that need requests, as they arrive."""
        by_api, by_page = split_arxiv(urls, self.settings.arxiv)
        query = ArxivQuery(by_api, self.settings.arxiv or nobody)
        # One conversation for all addresses that differ in their fragment alone.
        pages: dict[str, list[str]] = {}
        for url in by_page:
            pages.setdefault(parse(url).url, []).append(url)
        groups = list(pages.values())
        jobs = (self._job(group) for group in groups)
        for key, result in self._scheduler(client).run(jobs, deadline=self.deadline):
            for url in groups[key]:
                if isinstance(result, Exception):
                    yield url, unjudged(url, result)
                else:
                    yield url, for_address(url, result)
        yield from query.results(self.deadline)

    def _find_snapshots(self, client: Client) -> None:
        """Look up dead pages in the archive, once per address."""
        endpoint = self.settings.archive
        if endpoint is None:
            return
        gone = [
            result
            for url, result in self.results.items()
            if result.gone
            and self._public(url)
            and not self.history.links.get(url, {}).get("archive")
        ]
        host = parse(endpoint).host
        jobs = ((partial(find_snapshot, result, endpoint), host) for result in gone)
        for key, result in self._scheduler(client).run(jobs, deadline=self.deadline):
            if isinstance(result, Result):
                self.results[gone[key].url] = result

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

    def _job(self, urls: list[str]) -> tuple[Begin, str]:
        """The check of a page for all its addresses, and the first host."""
        targets = [parse(url) for url in urls]
        target, settings = replace(targets[0], fragment=""), self.settings
        rule, api = self.policy.rule(target.host), settings.github
        if api is None or repository(target) is None:
            fragments = settings.fragments and any(target.fragment for target in targets)
            talk = partial(probe, target, rule, settings.patience, fragments=fragments)
            return talk, target.host
        known = self.history.links.get(urls[0], {}).get("repository")
        return partial(probe_repository, target, api, rule, settings.patience, known), parse(
            api.endpoint
        ).host

    def _stood_in(self, url: str) -> bool:
        """Whether a local service replaces the public one: no sign of a network."""
        api = self.settings.github
        here = api is not None and self.reach.inside(parse(api.endpoint))
        return here and repository(parse(url)) is not None

    def _public(self, url: str) -> bool:
        """Whether the address may be sent to the archive: not one of a private network."""
        return self.settings.archive != WAYBACK or not self.reach.inside(parse(url))

    def _remember(self, asked: list[str], *, sure: bool) -> set[str]:
        """Combine results with the history and save them; returns the saved addresses.

        `sure` leaves out what may only mean that there is no network. Noting a result twice in a
        run changes nothing.
        """
        touched = set()
        for url in asked:
            result = self.results.get(url)
            if result is None or (sure and self.reach.unreached(result)):
                continue
            self.judged[url] = self.history.judge(result, self.now)
            self.history.note(self.judged[url], self.now)
            touched.add(url)
        return touched

    def _excuse(self, asked: list[str]) -> None:
        """Without a network, unreached links are `skipped`."""
        for url in asked:
            result = self.results.get(url)
            if result is not None and self.reach.unreached(result):
                self.judged[url] = replace(
                    result, verdict=Verdict.SKIPPED, reason="no network", gone=False
                )

    def _row(self, entry: ListedLink) -> Result:
        """The result of a link with its places in the list."""
        why = "interrupted" if self.interrupted else "the time budget was used up"
        result = self.judged.get(entry.url) or self.results.get(entry.url)
        result = result or Result(entry.url, Verdict.SKIPPED, why)
        notes = [note for note in (result.reason, real_name(entry.url)) if note]
        reason = "; ".join(notes) or None
        return replace(result, reason=reason, ids=entry.ids, places=entry.places)
