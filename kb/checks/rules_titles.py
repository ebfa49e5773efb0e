"""Titles: spelt as in the paper, regularly spaced, and present."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.checks.rules_labels import bracketed
from kb.checks.words import differs, title_words, within
from kb.lists.linkwords import host_kind, word_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.finding import Severity
    from kb.checks.listing import Item, Listing
    from kb.checks.markup import Link

# Addresses whose last part spells a title: after the authors, or by itself.
AFTER_AUTHORS = re.compile(
    r"/([^/?#]{8,400}?)_[A-Z]{3,8}_(?:19|20)\d\d_(?:paper|supplemental)\.(?:pdf|html)$"
)
BY_ITSELF = re.compile(
    r"(?:paperswithcode\.com/paper/|researchgate\.net/publication/\d{4,12}_|"
    r"papers\.nips\.cc/paper/\d{1,6}-)([^/?#]{8,400}?)(?:\.pdf)?/?$"
)
FROZEN = re.compile(r"_ECCV_20\d\d_paper\.(?:pdf|html|php)$")  # named at submission, cut short
MOST_AUTHOR_WORDS = 4
VENUE_WORDS = frozenset({"ieee", "acm", "trans", "t", "proc", "conf", "journal", "j", "lett"})
FEWEST_WORDS = 3  # fewer tell no title from another
MARKER = re.compile(
    r"\s{0,3}\[(?:J|C|M|D|P|R|S|N|A|Z|G|EB|DB|CP)(?:/(?:OL|CD|MT|DK))?\](?://)?(?=[\s.,;]|$)"
)
STOPWORDS = "and or to for of in on with via by from the a an as at is are und et vs versus"
LONE_PLUS = re.compile(
    rf"(?<![\w+])[a-z]{{2,40}}(?:\+( )|( )\+)(?!(?:{STOPWORDS.replace(' ', '|')})\b)(?=[a-z]{{3}})"
)
BEFORE_MARK = re.compile(r"(?<=\w)[ \t]{1,5}(?=[,.;:?!](?:\s|$))")
AFTER_OPENING = re.compile(r"(?<=[(\[])[ \t]{1,5}(?=\w)|(?<=\w)[ \t]{1,5}(?=[)\]])")
NO_GAP = re.compile(r"(?<=[a-z]{2})(?<!\bRe)[:;,](?=[A-Z][a-z]{2})")
WIDE = re.compile(r"(?<=\S)(?:[ \t]{2,20}|[ \t]{0,20}[\u00a0\u2007\u202f][ \t\u00a0]{0,20})(?=\S)")
UNSEEN = re.compile(r"[\u200b-\u200d\u2060\ufeff]+")
HALF_DASH = re.compile(rf"(?<=[a-z])- (?!(?:{STOPWORDS.replace(' ', '|')})\b)(?=[A-Za-z]{{3}})")
ITEM = re.compile(r"([ \t]{0,40})([-*+•]|\d{1,4}[.)])(?:[ \t]+(\S.{0,4000})?)?$")
IGNORED = re.compile(r"[\s.,;:|/()\[\]*_–—-]+")


@rule(
    "error",
    reason="The address contains another title: the title or the link is wrong.",
    hint="Open the link and copy the title from there, or link the right paper.",
)
def title_disagrees_with_url(listing: Listing) -> Iterator[Hit]:
    """A title that differs from the one in its link's address."""
    for item in listing.works:
        wanted = title_words(item.entry.title or "")
        if len(wanted) < FEWEST_WORDS or not item.cites():
            continue  # a dataset's or a method's name is no title
        spelt = [(link, readings) for link in item.papers if (readings := spelt_titles(link.url))]
        one_agrees = any(_spelt(readings, item) for _, readings in spelt)
        for link, readings in spelt:
            if not _spelt(readings, item):
                best = max(readings, key=lambda words: (_shared(words, wanted), len(words)))
                start, end = item.title_place or link.spot
                message = f"the paper link spells the title {' '.join(best)!r}"
                edits = _retitled(listing, item, " ".join(best))
                same = agrees(_singular(best), _singular(wanted))  # `Map` or `Maps`
                # another version's title, maybe, or another thing's
                doubtful = same or one_agrees or FROZEN.search(link.url) or _names_thing(item)
                severity: Severity | None = "warning" if doubtful else None
                yield Hit(start, end, message, edits, severity, safe=False)


def _names_thing(item: Item) -> bool:
    """Whether the title is a dataset's, or its own link leads to no paper; a paper beside it has its own."""
    title = (item.entry.title or "")[:40]
    own = (link for link in item.links if title in (link.label or ""))
    return item.entry.kind == "dataset" or any(host_kind(link.url) is None for link in own)


def _singular(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.removesuffix("s") for word in words)


def _spelt(readings: list[tuple[str, ...]], item: Item) -> bool:
    """Whether an entry's title, or else its words, match a title that an address spells."""
    wanted = title_words(item.entry.title or "")
    return any(agrees(words, wanted) for words in readings) or any(
        len(words) >= FEWEST_WORDS and within(words, item.vocabulary) for words in readings
    )


def _retitled(listing: Listing, item: Item, spelt: str) -> tuple[Edit, ...]:
    """The title of the record that matches the address."""
    records = listing.known.by_title.get(spelt, [])
    if len(records) != 1 or item.title_place is None:
        return ()
    return (Edit(*item.title_place, records[0].title),)


def spelt_titles(url: str) -> list[tuple[str, ...]]:
    """The title in an address, assuming one to four words of authors before it; [] if none.

    Addresses truncate long titles.
    """
    match, skip = AFTER_AUTHORS.search(url), range(1, MOST_AUTHOR_WORDS + 1)
    if match is None:
        match, skip = BY_ITSELF.search(url), range(1)
    words = title_words(unquote(match[1]).replace("_", " ")) if match else ()
    if len(words) - skip[0] < FEWEST_WORDS:
        return []
    return [words[count:] for count in skip if len(words) > count]


def agrees(spelt: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether an address's words are the start of the title, ignoring spelling and word breaks."""
    if spelt == wanted[: len(spelt)]:
        return True
    if "".join(wanted).startswith("".join(spelt)):
        return True
    if len(wanted) >= FEWEST_WORDS and spelt[: len(wanted)] == wanted:
        return bool(VENUE_WORDS & set(spelt[len(wanted) :]))  # `..._IEEE_Trans_Pattern_Anal`
    return min(abs(len(wanted) - len(spelt)), 3) < 3 and not differs(spelt, wanted)  # noqa: PLR2004


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


@rule(
    "warning",
    reason="[J], [C] and similar codes belong to a citation style, not to the title.",
    hint="Delete the marker.",
    fixes=True,
)
def citation_marker(listing: Listing) -> Iterator[Hit]:
    """A document-type code such as [J] after a title."""
    for item in listing.works:
        for match in MARKER.finditer(item.words):
            start, end = item.start + match.start(), item.start + match.end()
            first = start + len(match[0]) - len(match[0].lstrip())
            edit = Edit(start, end, "." if match[0].endswith("//") else "")
            yield Hit(first, end, f"citation marker {match[0].strip()}", (edit,))


@rule(
    "warning",
    reason="A stray or missing space breaks search and comparison of titles.",
    hint="Write the title as the paper does.",
    fixes=True,
)
def title_spacing(listing: Listing) -> Iterator[Hit]:
    """A title with a space too many or too few."""
    for item in listing.works:
        if place := item.title_place:
            title = item.text[place[0] - item.start : place[1] - item.start]
            for start, end, fixed, what in slips(title):
                edits = () if fixed is None else (Edit(place[0] + start, place[0] + end, fixed),)
                yield Hit(place[0] + start, place[0] + end, what, edits)


def slips(title: str) -> Iterator[tuple[int, int, str | None, str]]:
    """Wrong spacing in a title: start, end, correction, message."""
    for match in LONE_PLUS.finditer(title):
        group = 1 if match[1] else 2
        yield *match.span(group), "", "a space on one side of + only"
    for pattern, fixed, what in (
        (BEFORE_MARK, "", "a space before a punctuation mark"),
        (AFTER_OPENING, "", "a space inside the brackets"),
        (WIDE, " ", "more than one space"),
        (UNSEEN, "", "an invisible character"),
        (HALF_DASH, None, "a space on one side of a hyphen only"),
    ):
        for match in pattern.finditer(title):
            yield *match.span(), fixed, what
    for match in NO_GAP.finditer(title):
        yield *match.span(), f"{match[0]} ", f"no space after {match[0]!r}"


@rule(
    "error",
    reason="Nobody can find an entry without a title.",
    hint="Write the title, or delete the line.",
)
def empty_entry(listing: Listing) -> Iterator[Hit]:
    """A bullet without text, or an entry that has a label or links and no title."""
    starts = {item.entry.line: item for item in listing.items}
    indents = listing.index(_indents)
    for number, line in listing.index(_bullets):
        match = ITEM.match(line)
        if match is None:
            continue
        place = listing.starts[number - 1] + match.start(2)
        if not match[3]:
            yield Hit(place, place + 1, "a bullet without text")
        elif _columns(match[1]) in indents and _titleless(match[3], starts.get(number)):
            yield Hit(place, place + 1, "an entry without a title")


def _columns(blank: str) -> int:
    return len(blank.expandtabs(4))


def _indents(listing: Listing) -> set[int]:
    """Indents of entries with a title: other bullets may be parts of an entry."""
    indents = set()
    for item in listing.works:
        if item.entry.title and (match := ITEM.match(item.text.split("\n", 1)[0].rstrip("\r"))):
            indents.add(_columns(match[1]))
    return indents or {0}


def _bullets(listing: Listing) -> list[tuple[int, str]]:
    """Lines that start an item, with numbers; without those in code fences and comments."""
    bullets, fence, comment = [], "", False
    for number in range(1, len(listing.starts) + 1):
        line = listing.line_text(number)
        bare = line.strip()
        mark = bare[:3]
        if fence:
            fence = "" if bare.startswith(fence) and not bare.strip(fence[0]) else fence
        elif comment or bare.startswith("<!--"):
            comment = "-->" not in bare
        elif mark in {"```", "~~~"}:
            fence = mark
        elif bare[:1] in {*"-*+•"} or bare[:1].isdigit():
            bullets.append((number, line))
    return [(n, line) for n, line in bullets if not _underlines(listing, n, line.strip())]


def _underlines(listing: Listing, number: int, bare: str) -> bool:
    """Whether a lone dash underlines the line above and so makes it a heading."""
    return bare == "-" and number > 1 and bool(listing.line_text(number - 1).strip())


def _titleless(text: str, item: Item | None) -> bool:
    """Whether an item has only a bracketed label and links named `paper`, `code`, ..."""
    if item is not None and (item.entry.title or item.entry.kind in {"implementation", "toolkit"}):
        return False
    label = bracketed(text)
    rest = text[len(label) :] if label else text
    links = item.links if item is not None else []
    if not label and not all(
        item.text[link.start - item.start :][:2] == "[[" for link in links if item
    ):
        return False  # `[torch7](url)` is a name
    if not (label or links) or (item is not None and "\n" in item.text.strip()):
        return False
    return not _words_left(rest, links)


def _words_left(rest: str, links: list[Link]) -> bool:
    for link in links:
        if link.label and (word_kind(link.label) is None or len(link.label.split()) > 1):
            return True
    bare = re.sub(r"\[?\[[^\[\]]{0,60}\]\]?(?:\([^()]{0,2000}\))?", " ", rest)
    return bool(IGNORED.sub("", bare))
