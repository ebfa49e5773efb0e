"""Which words of an entry are set off as its title: bold, linked or in quotes; and those around it."""

import re
from dataclasses import dataclass

from kb.lists import dates, facts, people
from kb.lists.facts import Citation
from kb.lists.inline import Piece
from kb.lists.linkwords import PAPER, host_kind, is_generic, word_kind
from kb.lists.venues import Venues

QUOTED = re.compile(
    r"[\"“«「『]([^\"“”«»「」『』\n]{8,400})[\"”»」』]|(?<!\w)''([^'\n]{8,400})''|``([^`'\n]{8,400})''"
)
OPENING_QUOTE = ('"', "“", "«", "「", "『", "''", "``")
SHORT_TITLE = 3  # words; fewer in bold are the name of a method
GLUED = "'’-/+"  # marks that join a bold word to its neighbour


@dataclass
class Words:
    """An entry's words around its title: before, the title where it is marked, after."""

    before: str = ""
    title: str | None = None
    after: str = ""
    quoted: bool = False  # the title stands in quotation marks


def is_title_link(piece: Piece) -> bool:
    """Whether a link's text is a title rather than a word such as `paper`."""
    text = piece.text.strip()
    return (
        piece.kind == "link"
        and not piece.bare
        and not (text.startswith("[") and text.endswith("]"))
        and word_kind(text) is None
        and sum(char.isalpha() for char in text) > 7  # noqa: PLR2004  (shorter is a name)
        and (" " in text or not text.isascii() or host_kind(piece.url) == PAPER)
    )


def words(pieces: list[Piece], venues: Venues) -> Words:
    """Split the running text at its title. Links that are only words or addresses break lines."""
    chosen = _marked(pieces, venues)
    if chosen is None:
        text = "".join(_seen(pieces, index, venues) for index in range(len(pieces)))
        quoted = QUOTED.search(text)
        title = quoted and (quoted[1] or quoted[2] or quoted[3])
        if quoted and title and " " in title and is_title(title, venues):
            return Words(text[: quoted.start()], title, text[quoted.end() :], quoted=True)
        chosen = _short(pieces, venues)
        if chosen is None:
            return Words(text)
    before = "".join(_seen(pieces, index, venues) for index in range(chosen))
    after = "".join(_seen(pieces, index, venues) for index in range(chosen + 1, len(pieces)))
    return Words(before, pieces[chosen].text, after, before.rstrip().endswith(OPENING_QUOTE))


def _marked(pieces: list[Piece], venues: Venues) -> int | None:
    """The piece that is set off as the title: a bold run of words, or else a link."""
    linked = None
    for index, piece in enumerate(pieces):
        if is_title_link(piece):
            name = dates.from_phrase(piece.text, venues)[2] or people.authors(piece.text)
            linked = index if linked is None and (piece.bold or not name) else linked
        elif linked is None and _is_bold_title(pieces, index, venues):
            return index
    return linked


def _is_bold_title(pieces: list[Piece], index: int, venues: Venues) -> bool:
    piece = pieces[index]
    bold = piece.kind == "text" and piece.bold
    return bold and is_title(piece.text, venues) and _is_apart(pieces, index, venues)


def _short(pieces: list[Piece], venues: Venues) -> int | None:
    """A bold name of one or two words that an entry starts with, set off from what follows."""
    for index, piece in enumerate(pieces):
        if piece.kind == "image" or not any(char.isalnum() for char in piece.text):
            continue
        after = _beside(pieces[index + 1 :])
        apart = not after or after[0] in "(,.[\n|" or after.startswith((" (", " ["))
        named = piece.kind == "text" and piece.bold and apart
        return index if named and not dates.from_phrase(piece.text, venues)[2] else None
    return None


def is_title(text: str, venues: Venues) -> bool:
    """Whether marked words can be a title: enough of them, and neither a venue nor names."""
    count = len(text.split())
    enough = count >= SHORT_TITLE or (not text.isascii() and len(text) > 7)  # noqa: PLR2004
    return (
        enough
        and not text.rstrip().endswith(":")
        and not dates.from_phrase(text, venues)[2]
        and people.authors(text) is None
    )


def _is_apart(pieces: list[Piece], index: int, venues: Venues) -> bool:
    """Whether a piece stands by itself: a bold word inside a title does not."""
    before = _beside(pieces[:index][::-1], backwards=True)
    if before[-1:] in GLUED or (before.rstrip()[-1:].isalnum() and not _is_fact(before, venues)):
        return False
    after = _beside(pieces[index + 1 :])
    if after[:1] in GLUED:
        return False
    if not after.lstrip()[:1].isalnum() or pieces[index].text.rstrip()[-1:] in ".?!:":
        return True
    first = facts.sentences(after)[:1]
    return not first or _is_fact(first[0], venues)


def _beside(pieces: list[Piece], *, backwards: bool = False) -> str:
    """The text next to a piece, up to the end of the line or to what is not text; `|` for that."""
    found = ""
    for piece in pieces:
        if piece.kind != "text":
            break
        found = piece.text + found if backwards else found + piece.text
        if "\n" in piece.text:
            break
    return found.rsplit("\n", 1)[-1] if backwards else found.split("\n", 1)[0]


def _is_fact(text: str, venues: Venues) -> bool:
    return facts.take(Citation(), facts.sentences(text)[-1] if text.strip() else text, venues)


def _seen(pieces: list[Piece], index: int, venues: Venues) -> str:
    """A piece as text; what is set off from the running text stands on a line of its own."""
    piece = pieces[index]
    if piece.kind == "image" or piece.bare:
        return "\n"
    if piece.kind == "link":
        return _seen_link(piece, venues)
    if piece.kind == "code":
        return f"\n{piece.text.strip('[](){} ')}\n"
    if piece.bold or piece.italic:
        fact = dates.from_phrase(piece.text, venues)[2] or people.authors(piece.text)
        return f"\n{piece.text}\n" if fact and _is_apart(pieces, index, venues) else piece.text
    return piece.text


def _seen_link(piece: Piece, venues: Venues) -> str:
    venue, year, known = dates.from_phrase(piece.text, venues)
    bracketed = piece.text.startswith("[")
    word = word_kind(piece.text)
    if known and (year or bracketed or (word and venue != facts.PREPRINT)):
        return f"\n{piece.text}\n"
    return "\n" if word or is_generic(piece.text) or bracketed else piece.text
