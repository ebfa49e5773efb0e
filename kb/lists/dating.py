"""The year that an entry's headings give it, where its own text gives none."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from kb.lists import dates
from kb.lists.blocks import Block
from kb.lists.venues import Venues

Heading = tuple[int, str, int]  # level, text, line
FEWEST = 2  # years that stand beside their subsections, so that it is no accident


@dataclass
class HeadingYears:
    """The years of a document's headings.

    `beside`: (first line, last line, year) of years whose subsections stand on their own level:
    `### 2024`, then `### Conference`.
    """

    venues: Venues
    beside: list[tuple[int, float, int]] = field(default_factory=list)

    def of(self, section: tuple[str, ...], line: int) -> int | None:
        """The year for a line below the headings of `section`, the innermost last; else None."""
        if section and (year := dates.heading_year(section[-1], self.venues)):
            return year
        near = (year for first, last, year in self.beside if first < line < last)
        above = (dates.heading_year(heading, self.venues) for heading in reversed(section))
        return next(near, None) or next((year for year in above if year), None)


def heading_years(headings: list[Heading], blocks: list[Block], venues: Venues) -> HeadingYears:
    """The years of a document's headings, given its blocks."""
    starts = {block.line for block in blocks}
    empty = [
        (index, year)
        for index, ((level, text, line), after) in enumerate(pairwise(headings))
        if after[0] == level
        and (year := dates.heading_year(text, venues))
        and not dates.heading_year(after[1], venues)
        and starts.isdisjoint(range(line, after[2]))
    ]
    names = Counter(headings[index + 1][1].lower() for index, _ in empty)
    years = HeadingYears(venues)
    for index, year in empty:
        level, _, line = headings[index]
        if names[headings[index + 1][1].lower()] >= FEWEST:
            ends = (
                below[2]
                for below in headings[index + 1 :]
                if below[0] < level or (below[0] == level and dates.heading_year(below[1], venues))
            )
            years.beside.append((line, next(ends, float("inf")), year))
    return years
