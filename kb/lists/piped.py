"""An entry of cells between pipes: `2018 | A Title | Ada Byron, et al. | PMLR | [PDF]`."""

from kb.lists import dates, facts, people
from kb.lists.facts import Citation
from kb.lists.venues import Venues

PIPE = " | "
FEWEST = 3  # cells that say something; two where one is a date
LONGEST_VENUE = 6  # words


def cells(text: str) -> list[str]:
    """The cells of a text that is parted by pipes alone; none where it is not."""
    line = " ".join(text.replace("\r", " ").split())
    parts = [cell.strip(" |") for cell in line.split(PIPE) if any(map(str.isalnum, cell))]
    dated = any(map(dates.only_date, parts))
    return parts if len(parts) >= FEWEST or (dated and len(parts) > 1) else []


def read(cited: Citation, parts: list[str], venues: Venues) -> str:
    """Take what the cells give; the title is the first that is no fact and has several words."""
    rest = [cell for cell in parts if not facts.take(cited, cell, venues)]
    title = next((cell for cell in rest if " " in cell), next(iter(rest), ""))
    after = rest[rest.index(title) + 1 :] if title else []
    for cell in after:
        one = people.one(cell) if not cited.authors else None
        if one:
            cited.authors = one
        elif cited.venue is None and cell[0].isupper() and len(cell.split()) <= LONGEST_VENUE:
            cited.venue = cell
    return title
