"""New records that look like known ones: named in the report, never merged."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kb.records.identity import Fingerprint, match_score, similarity
from kb.records.keys import surname

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.records import Paper

ALIKE = 0.75  # share of title words from which two titles are worth a look
_COMMON = 60  # a word in more titles than this is ignored
_CANDIDATES = 5
_ENOUGH = 4  # of section, label, venue, year, authors, code that two records share


class Lookalikes:
    """Fingerprints indexed by the rarer words of their titles, by id and by link."""

    def __init__(self) -> None:
        self._fingerprints: list[tuple[str, Fingerprint]] = []
        self._by_word: dict[str, list[int]] = {}

    def add(self, key: str, fingerprint: Fingerprint) -> None:
        """Add a record."""
        number = len(self._fingerprints)
        self._fingerprints.append((key, fingerprint))
        for word in self._words(fingerprint):
            self._by_word.setdefault(word, []).append(number)

    @staticmethod
    def _words(fingerprint: Fingerprint) -> set[str]:
        words = {word for title in fingerprint.titles for word in title.split() if len(word) > 2}  # noqa: PLR2004
        return (
            words
            | {f"={name}" for _, name in fingerprint.ids}
            | {f"={link}" for link in fingerprint.links}
        )

    def like(self, fingerprint: Fingerprint) -> Iterator[tuple[str, str]]:
        """Records that may be this one, with the reason, the likeliest first."""
        votes: Counter[int] = Counter()
        for word in self._words(fingerprint):
            numbers = self._by_word.get(word, [])
            if len(numbers) <= _COMMON:
                votes.update(
                    dict.fromkeys(numbers, len(fingerprint.titles) + 20 * word.startswith("="))
                )
        for number, _ in votes.most_common(_CANDIDATES):
            key, other = self._fingerprints[number]
            if reason := _reason(fingerprint, other):
                yield key, reason


def successors(added: list[Paper], removed: list[Paper]) -> Iterator[tuple[Paper, Paper, str]]:
    """New papers that stand where one left, each with the one it is likest, and what they share."""
    alone = len(added) == len(removed) == 1
    left = list(removed)
    for new in added:
        ranked = [(shared, -n, old) for n, old in enumerate(left) if (shared := _shared(new, old))]
        best = max(ranked, key=lambda row: (len(row[0]), row[1]), default=None)
        if best is None or new.section != best[2].section:
            continue
        if len(best[0]) >= _ENOUGH or alone:
            left.remove(best[2])
            yield new, best[2], f"it took its place: same {', '.join(best[0])}"


def _shared(new: Paper, old: Paper) -> list[str]:
    """What two records have in common that a rename leaves alone."""
    fields = ("section", "label", "venue", "year")
    names = [
        name for name in fields if getattr(new, name) and getattr(new, name) == getattr(old, name)
    ]
    surnames = [{surname(author) for author in record.authors} for record in (new, old)]
    names += ["authors"] if surnames[0] & surnames[1] else []
    codes = [{link.url for link in record.links if link.kind != "paper"} for record in (new, old)]
    return names + (["code or page"] if codes[0] & codes[1] else [])


def _reason(one: Fingerprint, two: Fingerprint) -> str | None:
    if one.titles & two.titles:
        known = match_score(one, two) > 0
        return (
            "title and authors agree, listed apart"
            if known
            else "same title, other authors or years"
        )
    if one.ids & two.ids:
        return "same arXiv id or DOI, other title"
    if one.links & two.links and match_score(one, two):
        return "same link, other title"
    alike = similarity(one, two)
    if alike >= ALIKE:
        return "nearly the same title"
    return None
