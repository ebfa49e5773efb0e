"""Records of the knowledge base, looked up by arXiv id, DOI or title."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kb.checks.words import title_key
from kb.records import Dataset, Paper
from kb.records.schema import Ids, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.lists import Entry

Work = Paper | Dataset


class Known:
    """Records by identifier and title. Without records, rules that need one report nothing."""

    def __init__(self, works: Iterable[Work] = ()) -> None:
        self.by_arxiv: dict[str, Work] = {}
        self.by_doi: dict[str, Work] = {}
        self.claimed_twice: set[str] = (
            set()
        )  # ids that two records have; neither owns them for sure
        self.by_title: dict[str, list[Work]] = defaultdict(list)
        for work in works:
            if work.status == "active":
                self._add(work)

    def _add(self, work: Work) -> None:
        versions = work.versions if isinstance(work, Paper) else []
        named: list[Ids | Version] = [work.ids, *versions]
        for ids in named:
            if ids.arxiv and self.by_arxiv.setdefault(ids.arxiv, work) is not work:
                self.claimed_twice.add(f"arxiv:{ids.arxiv}")
            if ids.doi and self.by_doi.setdefault(ids.doi.lower(), work) is not work:
                self.claimed_twice.add(f"doi:{ids.doi.lower()}")
        for title in {work.title, *(v.title for v in versions if v.title)}:
            self.by_title[title_key(title)].append(work)

    def owner(self, identity: str) -> Work | None:
        """The record that `arxiv:ID` or `doi:ID` belongs to; None where two records have it."""
        if identity in self.claimed_twice:
            return None
        scheme, _, value = identity.partition(":")
        table = {"arxiv": self.by_arxiv, "doi": self.by_doi}.get(scheme, {})
        return table.get(value)

    def lineage(self, one: Entry, other: Entry) -> bool:
        """Whether one entry's record `extends` the other's.

        Such works often share a title: venue and year tell their records apart.
        """
        pairs = [(a, b) for a in self._meant(one) for b in self._meant(other)]
        return any(a.extends == b.id or b.extends == a.id for a, b in pairs)

    def _meant(self, entry: Entry) -> list[Paper]:
        same = self.by_title.get(title_key(entry.title or ""), [])
        return [
            work
            for work in same
            if isinstance(work, Paper)
            and work.venue == entry.venue
            and (entry.year is None or work.year == entry.year)
        ]

    def record(self, entry: Entry) -> Work | None:
        """The record of an entry, by title and year first: an id in a list may be wrong."""
        same = self.by_title.get(title_key(entry.title or ""), [])
        near = [work for work in same if _near(work.year, entry.year)]
        if len(near) == 1:
            return near[0]
        if near or not entry.title:
            return None
        return self.by_doi.get((entry.doi or "").lower())


def _near(one: int | None, other: int | None) -> bool:
    return one is None or other is None or abs(one - other) <= 1
