"""How the links of the records fare: what `kb links` found last, shown beside each link."""

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
    """The last finding for one address."""

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
        """What stands beside the link; empty where all is well."""
        return "" if self.verdict in SILENT else self.word

    @property
    def tone(self) -> str:
        """good, bad or doubtful: how a page colours it."""
        if self.verdict in ALIVE:
            return "good"
        return "bad" if self.verdict in FINDINGS else "doubtful"


def gather(library: Library) -> dict[str, Health]:
    """By address; empty where nobody has checked. Raises KBError for a broken data/links.json."""
    history = History.load(library.root / "data" / "links.json")
    found = {}
    for url, entry in history.links.items():
        found[url] = Health(
            Verdict(entry["verdict"]),
            entry["checked"],
            entry.get("reason"),
            entry.get("final_url"),
            entry.get("archive"),
        )
    return found


@dataclass(frozen=True)
class Named:
    """A record's link and the record."""

    record: Paper | Dataset
    link: Link


def named(records: Iterable[Paper | Dataset]) -> list[Named]:
    """Every link of the records still in the list."""
    return [Named(one, link) for one in records if one.status == "active" for link in one.links]
