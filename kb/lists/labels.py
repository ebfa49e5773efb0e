"""The label of an entry, `[Dong et al. CVPR19]`: taken off the text, and read."""

import re
from dataclasses import dataclass, field, replace
from html import unescape

from kb.lists import dates, people
from kb.lists.inline import SHORTCODE, Piece
from kb.lists.venues import Venues

LONGEST_LABEL = 200
MOST_WORDS = 4  # of a venue's name in a label
FEWEST_TITLE = 3  # words of a title in brackets
BRACKETED = re.compile(r"^[^\w\[【]{0,12}[\[【]([^\[\]【】\n]{2,300})[\]】](?!\()")
BY = re.compile(r"[\s,]{0,4}by\s")  # `[A Title] by Ann Ash`
CHECKBOX = re.compile(r"^\s*[xX\s]?\s*$")


@dataclass
class Label:
    """What a label says; `text` is the label without its brackets."""

    text: str
    coded: bool = False  # in back-ticks, as this list's grammar has it
    authors: list[str] = field(default_factory=list)
    et_al: bool = False
    venue: str | None = None
    year: int | None = None

    @property
    def is_title(self) -> bool:
        """Whether it may be a title in brackets: several words, and no people or venue."""
        words = len(self.text.split()) >= FEWEST_TITLE
        return words and not (self.coded or self.authors or (self.venue and self.year))


def take(pieces: list[Piece]) -> tuple[Label | None, list[Piece]]:
    """The label at the start of an entry, not yet read, and the pieces after it."""
    for index, piece in enumerate(pieces):
        opens = piece.kind == "text" and piece.text.strip() == "["
        if not opens and (piece.kind == "image" or not _says(piece)):
            continue
        after = pieces[index + 1 :]
        if piece.kind == "code" and len(piece.text) <= LONGEST_LABEL:
            text = piece.text.strip("[](){} \t\n")
            return (Label(text, coded=True) if text else None), after
        if inner := _bold_inside(pieces[index : index + 3]):
            return Label(inner[0]), [inner[1], *pieces[index + 3 :]]
        match = BRACKETED.match(piece.text) if piece.kind == "text" else None
        if match and any(char.isalpha() for char in match[1]) and not CHECKBOX.match(match[1]):
            rest = replace(piece, text=piece.text[match.end() :])
            if BY.match(rest.text) and len(match[1].split()) >= FEWEST_TITLE:
                return None, [replace(piece, text=match[1].strip(), bold=True), rest, *after]
            note = match[1].startswith("#")  # the mark of a footnote
            return None if note else Label(match[1].strip()), [rest, *after]
        break
    return None, pieces


def _says(piece: Piece) -> bool:
    return any(map(str.isalnum, SHORTCODE.sub("", piece.text)))


def _bold_inside(pieces: list[Piece]) -> tuple[str, Piece] | None:
    """The words of `[**LAMP**] Title` in bold, and what follows the brackets."""
    if len(pieces) < 3 or pieces[0].text.strip() != "[":  # noqa: PLR2004
        return None
    _, name, rest = pieces
    if not (name.kind == rest.kind == "text" and name.bold and rest.text.startswith("]")):
        return None
    return name.text.strip(), replace(rest, text=rest.text[1:])


def read(label: Label, venues: Venues) -> Label:
    """Authors, venue and year of a label. Unknown words are a name, not a venue."""
    text = unescape(label.text)
    if match := people.ET_AL.search(text):
        label.authors, label.et_al = people.split(text[: match.start()])[0], True
        label.venue, label.year = dates.from_label(text[match.end() :], venues)
        return label
    tokens = text.replace(",", " , ").split()
    for count in range(min(MOST_WORDS, len(tokens)), 0, -1):
        venue, year = dates.from_label(" ".join(tokens[-count:]), venues)
        if venue and venues.canonical(venue) and not _is_title_end(label, tokens[:-count], year):
            label.venue, label.year = venue, year
            _people(label, tokens[:-count])
            return label
    if dates.OWN_WORKSHOP.fullmatch(text.strip()):
        label.venue, label.year = dates.from_label(text, venues)
        return label
    label.year = dates.find_year(text)
    if "," in text and (got := people.authors(text)):
        label.authors, label.et_al = got
    return label


def _is_title_end(label: Label, before: list[str], year: int | None) -> bool:
    """Whether a venue's name only ends a title in brackets: `[Kites in Medical Image Analysis]`."""
    several = len(before) > 1 or (bool(before) and before[-1].islower())
    plain = several and not (label.coded or year)
    return plain and people.authors(" ".join(before).replace(" ,", ",")) is None


def _people(label: Label, tokens: list[str]) -> None:
    """The names before the venue; a single surname counts, in a label."""
    names = " ".join(tokens).replace(" ,", ",")
    if got := people.names_in(names):
        label.authors, label.et_al = got
