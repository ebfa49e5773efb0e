"""Which words of an entry are set off as its title: bold, linked or in quotes; and those around it."""

import re
from dataclasses import dataclass, replace

from kb.lists import beside_title, dates, facts, people, piped, sentences
from kb.lists.facts import Citation
from kb.lists.identifiers import DOI
from kb.lists.inline import SHORTCODE, Piece
from kb.lists.linkwords import PAPER, host_kind, is_generic, word_kind
from kb.lists.venues import Venues

QUOTED = re.compile(
    r"[\"“«「『]([^\"“”«»「」『』\n]{8,400})[\"”»」』]|(?<!\w)''([^'\n]{8,400})''|``([^`'\n]{8,400})''"
)
OPENING_QUOTE = ('"', "“", "«", "「", "『", "''", "``")
SHORT_TITLE = 3  # words; fewer in bold are the name of a method
LINE = re.compile(r"[\n\r]")
ATTRIBUTE = re.compile(r"\s{0,9}[\w ]{2,20}[:：]")  # `intro: ...`
DATA = re.compile(r"(?i)^\W{0,4}(?:data|datasets?|benchmarks?|keywords?|tasks?|tags?)\s?[:：]")
BY = re.compile(r"(?i)(?:\bby|\bthanks to)\s{1,3}$")
HEADED = re.compile(r"[\n\r]|\s\[{1,2}[^\W\d_]{2,20}\]{1,2}")  # where a heading's title ends
SEE_ALSO = re.compile(r"(?i)\bsee(?: also)?\s?[:：]?\s{0,3}$")
REACH = 12  # pieces beside one that are looked at
GLUED = ("'", "’", "-", "/", "+")  # marks that join a bold word to its neighbour


@dataclass
class Words:
    """An entry's words around its title: before, the title where it is marked, after."""

    before: str = ""
    title: str | None = None
    after: str = ""
    quoted: bool = False  # the title stands in quotation marks
    linked: bool = False  # the title is a link
    author: str = ""  # words in italics beside it that may be one name


def is_title_link(piece: Piece) -> bool:
    """Whether a link's text is a title rather than a word such as `paper`."""
    text = piece.text.strip()
    return (
        piece.kind == "link"
        and not piece.bare
        and not (text.startswith("[") and text.endswith("]"))
        and word_kind(text) is None
        and not is_generic(text)
        and sum(char.isalpha() for char in text) > 7  # noqa: PLR2004  (shorter is a name)
        and (" " in text or not text.isascii() or host_kind(piece.url) == PAPER)
    )


def headed(pieces: list[Piece]) -> list[Piece]:
    """The pieces of a heading with what stands below it: its text is the title, as if in bold."""
    first = next((i for i, p in enumerate(pieces) if len(p.text.split()) > SHORT_TITLE), None)
    if first is None or pieces[first].kind != "text" or QUOTED.search(pieces[first].text):
        return pieces
    text = pieces[first].text
    title = text[: end.start()] if (end := HEADED.search(text)) else text
    parts = [replace(pieces[first], text=title, bold=True)]
    parts += [replace(pieces[first], text=text[len(title) :])] if title != text else []
    return [*pieces[:first], *parts, *pieces[first + 1 :]]


def words(pieces: list[Piece], venues: Venues) -> Words:
    """Split the running text at its title. Links that are only words or addresses break lines."""
    chosen = _marked(pieces, venues)
    if chosen is None or _after_quoted(pieces, chosen):
        text = "".join(_seen(pieces, index, venues) for index in range(len(pieces)))
        quoted = QUOTED.search(text)
        title = quoted and (quoted[1] or quoted[2] or quoted[3])
        remark = quoted and (dates.REMARK.search(title or "") or _in_remark(text[: quoted.start()]))
        if quoted and title and not remark and is_title(title, venues, 2, quoted=True):
            author = _slanted(pieces, venues)
            return Words(
                text[: quoted.start()], title, text[quoted.end() :], quoted=True, author=author
            )
    if chosen is None:
        chosen = _doubtful(pieces, text, venues)
    if chosen is None:
        chosen = _short(pieces, venues)
        if chosen is not None and _has_more(text, pieces[chosen].text, venues):
            return Words(text.replace(pieces[chosen].text, "\n", 1))
        chosen = _in_italics(pieces, venues) if chosen is None else chosen
        if chosen is None:
            return Words(text)
    before = "".join(_seen(pieces, index, venues) for index in range(chosen))
    after = "".join(_seen(pieces, index, venues) for index in range(chosen + 1, len(pieces)))
    quoted_title = before.rstrip().endswith(OPENING_QUOTE)
    linked = pieces[chosen].kind == "link"
    slanted = _slanted(pieces[max(0, chosen - 2) : chosen + 4], venues)
    return Words(before, pieces[chosen].text, after, quoted_title, linked, slanted)


def _slanted(near: list[Piece], venues: Venues) -> str:
    """The first words in italics beside a title that are no fact: one author's name, maybe."""
    slanted = (p.text for p in near if p.kind == "text" and p.italic and not p.bold)
    return next((text for text in slanted if not _is_fact(text, venues)), "")


def _after_quoted(pieces: list[Piece], chosen: int) -> bool:
    """Whether a link chosen as the title only follows one in quotes: `"Title", [Paper List]`."""
    if pieces[chosen].kind != "link" or pieces[chosen].bold:
        return False
    return any(p.kind == "text" and QUOTED.search(p.text) for p in pieces[:chosen])


def _doubtful(pieces: list[Piece], text: str, venues: Venues) -> int | None:
    """A bold or linked run that reads as names too, where nothing beside it can be the title."""
    for index, piece in enumerate(pieces):
        bold = piece.kind == "text" and piece.bold and _is_apart(pieces, index, venues)
        if not (bold or is_title_link(piece)) or dates.from_phrase(piece.text, venues)[2]:
            continue
        got = people.authors(piece.text)
        to_paper = piece.kind == "link" and host_kind(piece.url) == PAPER
        long = to_paper and len(piece.text.split()) > SHORT_TITLE
        if got is None or got[1] or any(set(name) & set(".,") for name in got[0]):
            continue
        plain = long or all(" " in name for name in got[0])
        if plain and not _has_more(text, piece.text, venues):
            return index
    return None


def _marked(pieces: list[Piece], venues: Venues) -> int | None:
    """The piece that is set off as the title: a bold run of words, or else a link."""
    linked = None
    for index, piece in enumerate(pieces):
        if is_title_link(piece):
            if _is_aside(pieces, index) or _is_in_later_cell(pieces, index, venues):
                continue
            name = dates.from_phrase(piece.text, venues)[2] or people.authors(piece.text)
            linked = index if linked is None and (piece.bold or not name) else linked
        elif (
            linked is None
            and _is_bold_title(pieces, index, venues)
            and not _names_another(pieces, index, venues)
        ):
            return index
    return linked


def _names_another(pieces: list[Piece], index: int, venues: Venues) -> bool:
    """Whether a bold run names what the entry is about, `**Kites**: A. Ash. **Title.**`."""
    if not _after(pieces, index).startswith(":"):
        return False
    return any(
        _is_bold_title(pieces, later, venues)
        or (is_title_link(pieces[later]) and host_kind(pieces[later].url) == PAPER)
        for later in range(index + 1, len(pieces))
    )


def _is_aside(pieces: list[Piece], index: int) -> bool:
    """Whether a link is no title by what stands before it: `by [Ann Ash]`, `[Kites], [get them]`."""
    before, after = _before(pieces, index), _after(pieces, index)
    text = pieces[index].text
    if BY.search(before) or _is_named_before(before, text, after):
        return True
    if before.rstrip().endswith("(") and dates.REMARK.search(text):
        return True  # `([Best Paper Candidates](..))`
    page = host_kind(pieces[index].url) != PAPER and people.one(pieces[index].text)
    if page and _is_below_words(pieces, index):
        return True  # a person's page, on the line after the title
    first = next((p for p in pieces if p.kind != "image" and any(map(str.isalnum, p.text))), None)
    named = first is not None and first.kind == "link" and word_kind(first.text) is None
    if not named or first is None or first is pieces[index]:
        return False
    return text[:1].islower() or SEE_ALSO.search(before) is not None


def _is_named_before(before: str, text: str, after: str) -> bool:
    """Whether a link in brackets is a name that a title follows: `[[KITE_paper](..)] Slow Kites at Sea`."""
    held = before.rstrip().endswith("[") and after.lstrip().startswith("]") and " " not in text
    return held and len(after.split()) > SHORT_TITLE


def _is_in_later_cell(pieces: list[Piece], index: int, venues: Venues) -> bool:
    """Whether a link is the venue in a cell after a title's: `2016-12 | A Title | A. Ash | [Kites]`.

    People stand between them, or the words are fewer than half of the title's.
    """
    before = _line_before(pieces, index)
    cells = piped.cells(before) if before.rstrip().endswith("|") else []
    long = (cell for cell in cells if len(cell.split()) >= SHORT_TITLE)
    title = next((cell for cell in long if not _is_fact(cell, venues)), None)
    if title is None:
        return False
    few = 2 * len(pieces[index].text.split()) < len(title.split())
    return few or any(map(people.authors, cells[cells.index(title) + 1 :]))


def _is_below_words(pieces: list[Piece], index: int) -> bool:
    """Whether the line above that of a piece is running text long enough for a title."""
    lines = [""]
    for piece in pieces[max(0, index - REACH) : index]:
        text = piece.text if piece.kind == "text" and not piece.bold else "["
        lines[-1:] = (lines[-1] + text).split("\n")
    titles = (line for line in lines[:-1] if "[" not in line and len(line.split()) >= SHORT_TITLE)
    return any(people.authors(line) is None for line in titles)


def _is_bold_title(pieces: list[Piece], index: int, venues: Venues) -> bool:
    piece = pieces[index]
    bold = piece.kind == "text" and piece.bold and not facts.IN_BRACKETS.fullmatch(piece.text)
    return bold and is_title(piece.text, venues) and _is_apart(pieces, index, venues)


def _short(pieces: list[Piece], venues: Venues) -> int | None:
    """A bold name of one or two words that an entry starts with, set off from what follows."""
    for index, piece in enumerate(pieces):
        if piece.kind == "image" or not any(char.isalnum() for char in piece.text):
            continue
        after = _after(pieces, index)
        bare = not after.strip(": ")  # only links follow
        apart = bare or after[0] in "(,.[\n|" or after.startswith((" (", " ["))
        named = piece.kind == "text" and piece.bold and apart
        return index if named and not dates.from_phrase(piece.text, venues)[2] else None
    return None


def _has_more(text: str, name: str, venues: Venues) -> bool:
    """Whether a title stands beside a method's name: words that are no fact and no attribute."""
    rest = sentences.apart(beside_title.unwrapped(text.replace(name, "\n", 1), venues))
    return any(
        len(part.split()) >= SHORT_TITLE and not _is_fact(part, venues)
        for line in rest.split("\n")
        if not ATTRIBUTE.match(line)
        for part in sentences.split(line)
    )


def _in_italics(pieces: list[Piece], venues: Venues) -> int | None:
    """The first run in italics that stands by itself and is neither venue nor names."""
    for index, piece in enumerate(pieces):
        slanted = (
            piece.kind == "text" and piece.italic and not facts.IN_BRACKETS.fullmatch(piece.text)
        )
        if slanted and is_title(piece.text, venues) and _is_apart(pieces, index, venues):
            alone = _before(pieces, index).rstrip()
            return index if not alone or alone[-1] in ",.:;" else None
    return None


def _in_remark(before: str) -> bool:
    """Whether what follows stands in brackets after a title: `(on the "credit problem")`."""
    return before.count("(") > before.count(")") and len(before.split()) > SHORT_TITLE + 2


def is_title(text: str, venues: Venues, fewest: int = SHORT_TITLE, *, quoted: bool = False) -> bool:
    """Whether marked words can be a title: enough of them, and neither a venue nor names.

    Words in quotes are no names, whatever they look like.
    """
    count = len(text.split())
    enough = count >= fewest or (not text.isascii() and len(text) > 7)  # noqa: PLR2004
    return (
        enough
        and not text.rstrip().endswith(":")
        and not dates.from_phrase(text, venues)[2]
        and (quoted or dates.acronym_year(text) is None)
        and (quoted or people.authors(text) is None)
    )


def _is_apart(pieces: list[Piece], index: int, venues: Venues) -> bool:
    """Whether a piece stands by itself: a bold word inside a title does not."""
    before = _before(pieces, index)
    if before.endswith(GLUED) or (before.rstrip()[-1:].isalnum() and not _is_fact(before, venues)):
        return False
    after = _after(pieces, index)
    if after.startswith(GLUED):
        return False
    if after.lstrip()[:1] == ":" and not after.lstrip(": ").startswith(OPENING_QUOTE):
        rest = sentences.split(after)[:1]  # `**Lanterns at Sea**: A Survey` goes on
        return not rest or _is_fact(rest[0], venues)
    if not after.lstrip()[:1].isalnum() or pieces[index].text.rstrip()[-1:] in ".?!:":
        return True
    first = sentences.split(after)[:1]
    return not first or _is_fact(first[0], venues) or _names_follow(pieces, index)


def _names_follow(pieces: list[Piece], index: int) -> bool:
    """Whether the next words are names in italics: `**A Title** *A. Ash, B. Oak*`."""
    after = _first_words(pieces[index + 1 :])
    return after is not None and after.italic and people.names_in(after.text) is not None


def _follows_bold(pieces: list[Piece], index: int) -> bool:
    """Whether a run in italics comes straight after one in bold."""
    before = _first_words(pieces[:index][::-1])
    slanted = pieces[index].italic and not pieces[index].bold
    return slanted and before is not None and before.bold


def _first_words(pieces: list[Piece]) -> Piece | None:
    """The first piece with words, where it is text; None where it is a link or a picture."""
    first = next((p for p in pieces if p.kind != "text" or p.text.strip()), None)
    return first if first is not None and first.kind == "text" else None


def _is_amid(pieces: list[Piece], index: int) -> bool:
    """Whether a bold run is one of several names: `A. Ash, **B. Oak**, C. Elm`."""
    before, after = _before(pieces, index).rstrip(), _after(pieces, index).lstrip()
    return before.endswith((",", ";", " and", "&")) or after.startswith((",", ";", "and ", "& "))


def _is_joined(pieces: list[Piece], index: int) -> bool:
    """Whether words go on around a piece: code inside a sentence, not beside it."""
    before, after = SHORTCODE.sub("", _before(pieces, index)), _after(pieces, index)
    return any(map(str.isalnum, before)) and any(map(str.isalnum, after))


def _before(pieces: list[Piece], index: int) -> str:
    """The text before a piece, back to the start of its line or to what is not text."""
    text = ""
    for piece in pieces[max(0, index - REACH) : index][::-1]:
        if piece.kind != "text" or LINE.search(text):
            break
        text = piece.text + text
    return LINE.split(text)[-1]


def _line_before(pieces: list[Piece], index: int) -> str:
    """All words before a piece on its line, those of links too."""
    text = ""
    for piece in pieces[max(0, index - REACH) : index][::-1]:
        text = piece.text + text
        if LINE.search(piece.text):
            break
    return LINE.split(text)[-1]


def _after(pieces: list[Piece], index: int) -> str:
    """The text after a piece, up to the end of its line or to what is not text."""
    text = ""
    for piece in pieces[index + 1 : index + 1 + REACH]:
        if piece.kind != "text" or LINE.search(text):
            break
        text += piece.text
    return LINE.split(text, maxsplit=1)[0]


def _is_fact(text: str, venues: Venues) -> bool:
    last = sentences.split(text)[-1:]
    return bool(last) and facts.take(Citation(), last[0], venues)


def _seen(pieces: list[Piece], index: int, venues: Venues) -> str:
    """A piece as text; what is set off from the running text stands on a line of its own."""
    piece = pieces[index]
    if piece.kind == "image" or piece.bare:
        return "\n"
    if piece.kind == "link":
        seen = _seen_link(piece, venues)
        data = seen != "\n" and DATA.search(_line_before(pieces, index))
        return "\n" if data else seen
    if piece.kind == "code":
        text = piece.text.strip("[](){} ")
        inside = _is_joined(pieces, index)
        return text if inside else f"\n{text}\n" if _is_fact(text, venues) else "\n"
    if piece.bold or piece.italic:
        fact = dates.from_phrase(piece.text, venues)[2] or people.authors(piece.text)
        amid = piece.bold and _is_amid(pieces, index)
        set_off = _is_apart(pieces, index, venues) or _follows_bold(pieces, index)
        apart = fact and not amid and set_off
        return f"\n{piece.text}\n" if apart else piece.text
    return SHORTCODE.sub(" ", piece.text) if ":" in piece.text else piece.text


def _seen_link(piece: Piece, venues: Venues) -> str:
    venue, year, known = dates.from_phrase(piece.text, venues)
    bracketed = piece.text.startswith("[")
    word = word_kind(piece.text)
    if bracketed and _is_dated(piece):
        return f"\n{piece.text}\n"
    if known and (year or bracketed or (word and venue != facts.PREPRINT)):
        return f"\n{piece.text}\n"
    number = DOI.fullmatch(piece.text) is not None
    return "\n" if word or number or is_generic(piece.text) or bracketed else piece.text


def _is_dated(piece: Piece) -> bool:
    """Whether a link in double brackets gives a date or a venue: `[[21 Nov 2019]]`, `[[SPIE2025]]`."""
    venue = host_kind(piece.url) == PAPER and dates.acronym_year(piece.text)
    return bool(venue or dates.only_date(piece.text))
