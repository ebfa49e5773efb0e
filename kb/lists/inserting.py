"""A new line for a list, at the place where the list keeps papers of that year."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from kb.lists.blocks import ITEM, LINE_END
from kb.lists.reading import Document
from kb.lists.venues import Venues
from kb.lists.writing import canonical_line
from kb.records.errors import KBError

if TYPE_CHECKING:
    from kb.records import Paper

YEAR = re.compile(r"(?:19|20)\d\d")


def insert(text: str, paper: Paper, venues: Venues | None = None) -> tuple[str, int]:
    """The list with a line for the paper, and that line's number.

    Behind the last entry under its year; under a heading of its own where the list has one for each
    year but not for this one; else behind the papers of the nearest year. All other lines keep their bytes.
    Raises KBError for a list without papers.
    """
    return _Inserter(text, paper, venues or Venues.load()).run()


class _Inserter:
    def __init__(self, text: str, paper: Paper, venues: Venues) -> None:
        self.paper, self.venues = paper, venues
        self.document = Document(text, venues)
        self.entries = [e for e, _ in self.document.entries() if e.kind == "paper"]
        self.bom = "\ufeff" if text.startswith("\ufeff") else ""
        body = text.removeprefix("\ufeff")
        self.lines, self.ends = LINE_END.split(body), [*LINE_END.findall(body), ""]

    def run(self) -> tuple[str, int]:
        """Find the place, then write."""
        if not self.entries:
            raise KBError("the list has no paper yet", hint="add the first line by hand")
        ends = {self._last(e.section): e for e in self.entries}
        year = str(self.paper.year)
        for place, entry in ends.items():
            if self._name(entry.section) == year:
                return self._after(place, [self._line(entry.section, place)])
        if heading := self._new_heading():
            return heading
        usual = self._nearest()
        place = self._last(usual)
        return self._after(place, [self._line(usual, place)])

    def _nearest(self) -> str | None:
        """The section of the papers that are nearest in time, the largest of several."""
        sizes = Counter(entry.section for entry in self.entries)
        year = self.paper.year or 0
        best = min(self.entries, key=lambda e: (abs((e.year or 0) - year), -sizes[e.section]))
        return best.section

    def _new_heading(self) -> tuple[str, int] | None:
        """A heading for the year before that of the next older one, where years have headings."""
        names = {self._name(entry.section) for entry in self.entries}
        headings = [
            (text, line) for _, text, line in self.document.scanner.headings
            if text.strip() in names and YEAR.fullmatch(text.strip())
        ]  # fmt: skip
        newer_first = [text for text, _ in headings] == sorted((t for t, _ in headings), reverse=True)  # fmt: skip
        older = [(t, line) for t, line in headings if int(t) < (self.paper.year or 0)]
        if len(headings) < 2 or not newer_first or not older:  # noqa: PLR2004  (an order)
            return None
        text, line = older[0]
        own = self.lines[line - 1].replace(text.strip(), str(self.paper.year), 1)
        section = next(e.section for e in self.entries if self._name(e.section) == text.strip())
        new = self._line(section, self._last(section))
        return self._after(line - 1, [own, "", new, ""], at=2)

    def _name(self, section: str | None) -> str:
        return (section or "").rpartition(" / ")[2].strip()

    def _last(self, section: str | None) -> int:
        return max(entry.end_line for entry in self.entries if entry.section == section)

    def _line(self, section: str | None, place: int) -> str:
        """The paper's line, with the bullet and the label of its neighbours."""
        match = ITEM.match(self.lines[place - 1])
        bullet = self.lines[place - 1][: match.end()].strip() if match else "*"
        labels = [entry.label for entry in self.entries if entry.section == section]
        return canonical_line(
            self.paper,
            bullet=bullet if bullet in {"*", "-", "+"} else "*",
            venues=self.venues,
            labelled=any(labels),
        )

    def _after(self, place: int, new: list[str], at: int = 0) -> tuple[str, int]:
        """The text with new lines behind the line `place`; the number of the `at`-th of them."""
        usual = next((end for end in self.ends if end), "\n")
        out = [self.bom]
        for number, (line, end) in enumerate(zip(self.lines, self.ends, strict=True), start=1):
            out.append(line + (end or (usual if number == place else "")))
            if number == place:
                tail = usual if end else ""
                out.append(usual.join(new) + tail)
        if place == 0:
            out.insert(1, usual.join(new) + usual)
        return "".join(out), place + 1 + at
