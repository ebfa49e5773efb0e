"""Optional web checks of a change: new links, and titles on arXiv."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kb.bot.drafts import Draft
from kb.enrich import matching
from kb.enrich.matching import in_address, shortened
from kb.links.guard import kind as network
from kb.links.probe import unasked
from kb.links.verdict import Verdict
from kb.records import KBError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kb.checks.listing import Item, Listing
    from kb.enrich.feed import ArxivRecord
    from kb.links.settings import Settings
    from kb.links.verdict import Result

State = Literal["asked", "not asked", "no answer"]
ATTEMPTS, PATIENCE = 2, 5.0  # of arXiv: a contributor waits for the answer
BUDGET = 60.0  # seconds for all new links
DOUBTFUL = frozenset({Verdict.SUSPECT, Verdict.TIMEOUT, Verdict.RATE_LIMITED})


@dataclass
class Web:
    """The web services that may be used; `data`: the base's caches and excludes, read-only."""

    links: bool = False
    arxiv: bool = False
    data: Path | None = None
    endpoint: str | None = None
    settings: Settings | None = None
    state: dict[str, State] = field(
        default_factory=lambda: {"links": "not asked", "arxiv": "not asked"}
    )

    def papers(self, bases: Iterable[str]) -> dict[str, ArxivRecord | None]:
        """ArXiv's records of identifiers, without those that were not queried."""
        from kb.enrich.arxiv import Arxiv, Cache  # noqa: PLC0415  (HTTP loads when it is needed)
        from kb.enrich.polite import RequestQueue  # noqa: PLC0415

        wanted = list(dict.fromkeys(bases))
        if not wanted or not (self.arxiv or (self.data and (self.data / "arxiv.json").exists())):
            return {}
        cache = Cache((self.data or _nowhere()) / "arxiv.json", keep=False)
        if self.arxiv:
            line = RequestQueue(attempts=ATTEMPTS, patience=PATIENCE)
            try:
                Arxiv(cache, line, self.endpoint).fetch(wanted)
                self.state["arxiv"] = "asked"
            except KBError:
                self.state["arxiv"] = "no answer"
        return {base: cache.get(base) for base in wanted if base in cache.papers}

    def look(self, urls: list[str]) -> list[Result]:
        """Verdicts on addresses; empty without a network."""
        from kb.links.check import check  # noqa: PLC0415  (HTTP loads when it is needed)
        from kb.links.history import History  # noqa: PLC0415
        from kb.links.settings import Policy, Settings  # noqa: PLC0415
        from kb.links.sources import ListedLink  # noqa: PLC0415

        if not (self.links and urls):
            return []
        remembered = self.data / "links.json" if self.data else None
        history = History(None, History.load(remembered).links)
        settings = self.settings or Settings.from_environment(budget=BUDGET, timeout=10.0)
        links = [ListedLink(url) for url in urls]
        report = check(links, history, Policy.load(self.data), settings)
        self.state["links"] = "no answer" if report.unreachable else "asked"
        return [] if report.unreachable else report.results


def _nowhere() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415

    return user_cache_path("kb")


def titles(items: list[Item], papers: dict[str, ArxivRecord | None]) -> Iterator[Draft]:
    """New entries whose identifier is unknown to arXiv or belongs to another title."""
    for item in items:
        for base, (start, end) in identifiers(item).items():
            if base not in papers:
                continue
            record = papers[base]
            if record is None:
                yield Draft("arxiv_unknown", start, end, f"arXiv knows no {base}")
            elif item.entry.title and not same(item.entry.title, record.title):
                message = f"arXiv {base} is {record.title!r}"
                yield Draft("arxiv_title", start, end, message)
            elif matching.mentions_withdrawal(record.comment):
                yield Draft("arxiv_withdrawn", start, end, f"arXiv's comment: {record.comment!r}")


def same(ours: str, theirs: str) -> bool:
    """Whether two titles are one: equal letters, or one of them without its subtitle."""
    return matching.same_title(ours, theirs) or shortened(ours, theirs) or shortened(theirs, ours)


def identifiers(item: Item) -> dict[str, tuple[int, int]]:
    """The arXiv identifiers of an entry's paper links and text, each with its place."""
    places: dict[str, tuple[int, int]] = {}
    for link in item.links:
        if ref := in_address(link.url):
            places.setdefault(ref.base, (link.url_start, link.url_start + len(link.url)))
    base = item.entry.arxiv
    if base and base not in places:
        places[base] = item.place(base) or (item.start, item.end)
    return places


def places(items: list[Item], old: Listing) -> dict[str, tuple[int, int]]:
    """The addresses of new entries that the old list lacks, each with its place."""
    before = {link["url"] for item in old.items for link in item.entry.links}
    at: dict[str, tuple[int, int]] = {}
    for item in items:
        for link in item.links:
            if link.url and ":" in link.url and link.url not in before:
                at.setdefault(link.url, (link.url_start, link.url_start + len(link.url)))
        for url in (link["url"] for link in item.entry.links):
            if url not in before and url not in at and ":" in url:
                at[url] = item.place(url) or (item.start, item.end)
    return at


def links(where: dict[str, tuple[int, int]], web: Web) -> Iterator[Draft]:
    """Problems of new links: first those that need no request, then those of a check."""
    ask = []
    for url, place in where.items():
        why = refused(url)
        if why is not None:
            yield Draft("link_refused", *place, f"refused: {why}")
        elif unasked(url)[1] is None and in_address(url) is None:  # arXiv is asked through its API
            ask.append(url)
    for result in web.look(ask):
        if draft := judged(result, where[result.url]):
            yield draft


def refused(url: str) -> str | None:
    """Why an address is refused without a request, or None."""
    target, verdict = unasked(url)
    if verdict is not None:
        return verdict.reason if verdict.verdict is Verdict.REFUSED else None
    try:
        name = network(ipaddress.ip_address(target.host)) if target else "public"
    except ValueError:
        return "a host of this machine" if target and _local(target.host) else None
    return None if name == "public" else f"a {name} address"


def _local(host: str) -> bool:
    return host.rstrip(".").rpartition(".")[2] in {"localhost", "internal", "local", "lan", "home"}


def judged(result: Result, place: tuple[int, int]) -> Draft | None:
    """The finding of a verdict; None if the link works or its state is unknown."""
    message = result.reason or result.verdict.value
    if result.verdict is Verdict.REFUSED:
        return Draft("link_refused", *place, message)
    if result.verdict is Verdict.DEAD or (result.verdict is Verdict.SUSPECT and result.gone):
        return Draft("link_dead", *place, message)
    if result.verdict in DOUBTFUL:
        return Draft("link_doubtful", *place, message)
    if result.verdict is Verdict.MOVED:
        return Draft("link_moved", *place, f"moved for good to {result.final_url}")
    return None
