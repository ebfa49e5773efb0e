"""New records that look like known ones: said aloud, never acted upon."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kb.records.identity import Face, similarity, strength

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIKE = 0.75  # share of title words from which two titles are worth a look
_COMMON = 60  # a word in more titles than this finds nobody
_CANDIDATES = 5


class Lookalikes:
    """Faces found again by the rarer words of their titles, by id or by link."""

    def __init__(self) -> None:
        self._faces: list[tuple[str, Face]] = []
        self._by_word: dict[str, list[int]] = {}

    def add(self, key: str, face: Face) -> None:
        """Know a record by its face."""
        number = len(self._faces)
        self._faces.append((key, face))
        for word in self._words(face):
            self._by_word.setdefault(word, []).append(number)

    @staticmethod
    def _words(face: Face) -> set[str]:
        words = {word for title in face.titles for word in title.split() if len(word) > 2}  # noqa: PLR2004
        return words | {f"={name}" for _, name in face.ids} | {f"={link}" for link in face.links}

    def like(self, face: Face) -> Iterator[tuple[str, str]]:
        """Known records that may be this one, with the reason, the likeliest first."""
        votes: Counter[int] = Counter()
        for word in self._words(face):
            numbers = self._by_word.get(word, [])
            if len(numbers) <= _COMMON:
                votes.update(dict.fromkeys(numbers, len(face.titles) + 20 * word.startswith("=")))
        for number, _ in votes.most_common(_CANDIDATES):
            key, other = self._faces[number]
            if reason := _reason(face, other):
                yield key, reason


def _reason(one: Face, two: Face) -> str | None:
    if one.titles & two.titles:
        known = strength(one, two) > 0
        return (
            "title and authors agree, listed apart"
            if known
            else "same title, other authors or years"
        )
    if one.ids & two.ids:
        return "same arXiv id or DOI, other title"
    if one.links & two.links and strength(one, two):
        return "same link, other title"
    alike = similarity(one, two)
    if alike >= ALIKE:
        return "nearly the same title"
    return None
