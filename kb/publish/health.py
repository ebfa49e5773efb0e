"""The state of the records' links: the last verdict of `kb links`, shown beside each link."""

from collections.abc import Iterable
from dataclasses import dataclass

from kb.links.history import History
from kb.links.verdict import ALIVE, FINDINGS, Verdict
from kb.records import Dataset, Library, Link, Paper

WORDS = {
    Verdict.OK: "ok",
    Verdict.MOVED: "moved",
    Verdict.REDIRECTED: "redirected",
    Verdict.BLOCKED: "blocked to programs",
    Verdict.SUSPECT: "suspect",
    Verdict.RATE_LIMITED: "rate limited",
    Verdict.DEAD: "dead",
    Verdict.TIMEOUT: "no answer in time",
    Verdict.REFUSED: "refused",
    Verdict.INVALID: "not an address",
    Verdict.SKIPPED: "skipped",
}
SILENT = frozenset({Verdict.OK, Verdict.REDIRECTED, Verdict.SKIPPED})  # a reader need not know


@dataclass(frozen=True)
class Health:
    """The last verdict on one address."""

    verdict: Verdict
    checked: str  # UTC, to the second
    reason: str | None
    final_url: str | None
    archive: str | None

    @property
    def word(self) -> str:
        """The verdict in words."""
        return WORDS[self.verdict]

    @property
    def mark(self) -> str:
        """The mark beside the link; empty if all is well."""
        return "" if self.verdict in SILENT else self.word

    @property
    def tone(self) -> str:
        """good, bad or doubtful: how a page colours it."""
        if self.verdict in ALIVE:
            return "good"
        return "bad" if self.verdict in FINDINGS else "doubtful"


def gather(library: Library) -> dict[str, Health]:
    """Address -> state; empty before the first check. Raises KBError for a broken links.json."""
    history = History.load(library.root / "data" / "links.json")
    health = {}
    for url, entry in history.links.items():
        health[url] = Health(
            Verdict(entry["verdict"]),
            entry["checked"],
            entry.get("reason"),
            entry.get("final_url"),
            entry.get("archive"),
        )
    return health


@dataclass(frozen=True)
class RecordLink:
    """A record and one of its links."""

    record: Paper | Dataset
    link: Link


def named(records: Iterable[Paper | Dataset]) -> list[RecordLink]:
    """Every link of the records still in the list."""
    return [
        RecordLink(one, link) for one in records if one.status == "active" for link in one.links
    ]
