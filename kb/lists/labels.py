"""The label of an entry, `[Dong et al. CVPR19]`: taken off the text, and read."""

from dataclasses import dataclass, field

from kb.lists import dates, people
from kb.lists.inline import Piece
from kb.lists.venues import Venues

LONGEST_LABEL = 200
MOST_WORDS = 4  # of a venue's name in a label


@dataclass
class Label:
    """What a label says; `text` is the label without its brackets."""

    text: str
    authors: list[str] = field(default_factory=list)
    et_al: bool = False
    venue: str | None = None
    year: int | None = None


def take(pieces: list[Piece]) -> tuple[str | None, list[Piece]]:
    """The label at the start of an entry and the pieces after it."""
    for index, piece in enumerate(pieces):
        if piece.kind == "image" or not any(char.isalnum() for char in piece.text):
            continue
        text = piece.text.strip()
        if piece.kind == "code" and len(text) <= LONGEST_LABEL:
            return text.strip("[](){} \t\n").strip() or None, pieces[index + 1 :]
        return None, pieces
    return None, pieces


def read(text: str, venues: Venues) -> Label:
    """Authors, venue and year of a label. Unknown words are a name, not a venue."""
    label = Label(text)
    if match := people.ET_AL.search(text):
        label.authors, label.et_al = people.split(text[: match.start()])[0], True
        label.venue, label.year = dates.from_label(text[match.end() :], venues)
        return label
    tokens = text.replace(",", " , ").split()
    for count in range(min(MOST_WORDS, len(tokens)), 0, -1):
        venue, year = dates.from_label(" ".join(tokens[-count:]), venues)
        if venue and venues.canonical(venue):
            label.venue, label.year = venue, year
            if got := people.authors(" ".join(tokens[:-count]).replace(" ,", ",")):
                label.authors, label.et_al = got
            return label
    label.year = dates.find_year(text)
    if "," in text and (got := people.authors(text)):
        label.authors, label.et_al = got
    return label
