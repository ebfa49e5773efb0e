"""Where the links are: in the records, and in a Markdown file with line and column."""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from kb.records import Dataset, KBError, Library, Paper, yamlfile


@dataclass(slots=True)
class ListedLink:
    """One address, wherever it stands."""

    url: str
    kinds: set[str] = field(default_factory=set)  # paper, code, homepage, dataset ...
    ids: list[str] = field(default_factory=list)  # records that carry it
    places: list[tuple[int, int]] = field(default_factory=list)  # (line, column) in the file


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One appearance in Markdown."""

    url: str
    line: int
    col: int
    kind: str | None  # the words of the link in lower case; None for a bare address
    written: bool  # a Markdown link or <...>, not a bare address
    raw: str  # as it is written, escapes and entities included


FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
CODE = re.compile(r"(`+)(?!`)(.*?)(?<!`)\1(?!`)")
# CommonMark 6.3: one line break may stand before the destination; in a quotation with its mark.
OPENING = re.compile(r"\]\([ \t\r]*(?:\n[ \t]*(?:>[ \t]*)*)?")
REFERENCE = re.compile(
    r"^ {0,3}\[(?!\^)[^\]\n]+\]:[ \t\r]*(?:\n[ \t]*)?(?:<([^<>\n]*)>|(\S+))", re.MULTILINE
)
ANGLE = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*)>")
# A word before it hides an address only if its letters could belong to the scheme. Punctuation of
# Chinese and Japanese ends one: no address has it unencoded.
BARE = re.compile(
    r"(?<![A-Za-z0-9_@])https?://[^\s<>\"'`|\\^{}\u3000-\u3003\u3008-\u3011\u3014-\u301b\uff01\uff08"
    r"\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3b\uff3d\uff5b\uff5d\u2018-\u201f\u2026\uff61-\uff64]+",
    re.IGNORECASE,
)
WORDS = re.compile(r"\[+([^\[\]]{0,200})\]*$")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
TRAILING_ENTITY = re.compile(r"&[A-Za-z0-9]{1,31};$")
LONGEST = 4096  # characters of a destination; no server takes more


def scan(text: str) -> Iterator[Occurrence]:
    """Every address in a Markdown text, with the place of its first character, from 1.

    Links, images, references, <...> and bare addresses; nothing from code or comments. Entities
    and, in Markdown's own forms, escapes are decoded: `&amp;` in an address is `&`.
    """
    shown = "\n".join(prose(text))
    starts = [0, *(match.end() for match in re.finditer("\n", shown))]
    hits: list[tuple[int, str, str | None]] = []
    taken: list[tuple[int, int]] = []
    for start, end, name in written(shown):
        taken.append((start, end))
        if shown[start:end] or name:
            hits.append((start, shown[start:end], name))
    taken.sort()
    for match in BARE.finditer(shown):
        before = bisect_right(taken, (match.start(), len(shown))) - 1
        if before < 0 or match.start() >= taken[before][1]:
            hits.append((match.start(), trimmed(match.group()), None))
    for start, raw, words in sorted(hits, key=lambda row: row[0]):
        line = bisect_right(starts, start)
        url = raw if words is None else ESCAPED.sub(r"\1", raw)
        url = ENTITY.sub(lambda match: html.unescape(match.group()), url)
        yield Occurrence(url, line, start - starts[line - 1] + 1, words, words is not None, raw)


def written(text: str) -> Iterator[tuple[int, int, str]]:
    """The destinations of Markdown's own link forms, [start, end), with the words of each link."""
    inside: list[tuple[int, int]] = []
    at = 0
    while (match := OPENING.search(text, at)) is not None:
        at = match.end()
        place = destination(text, at)
        if place is not None:
            line = text.rfind("\n", 0, match.start()) + 1
            words = WORDS.search(text, max(line, match.start() - 210), match.start())
            inside.append((match.end(), place[1]))
            at = place[1]  # what looks like an opening inside is a part of it
            yield *place, words.group(1).strip().lower() if words else ""
    for match in REFERENCE.finditer(text):
        group = 1 if match.group(1) is not None else 2
        inside.append(match.span())
        yield *match.span(group), "reference"
    inside.sort()
    for match in ANGLE.finditer(text):
        before = bisect_right(inside, (match.start(), len(text))) - 1
        if before < 0 or match.start() >= inside[before][1]:
            yield *match.span(1), "address"


def destination(text: str, start: int) -> tuple[int, int] | None:
    """Where the destination that begins at `start` lies; None for one that never ends.

    CommonMark 6.3: <...> on one line, or no white space and parentheses in pairs, however deep.
    """
    limit = min(len(text), start + LONGEST)
    if text.startswith("<", start):
        end = next((i for i in range(start + 1, limit) if text[i] in "<>\n"), limit)
        return (start + 1, end) if end < limit and text[end] == ">" else None
    depth, at = 0, start
    while at < limit and not text[at].isspace():
        if text[at] == "\\":
            at += 1
        elif text[at] == "(":
            depth += 1
        elif text[at] == ")":
            if depth == 0:
                break
            depth -= 1
        at += 1
    at = min(at, limit)
    # Nothing, and no bracket behind it, is no destination: a blank line ended the paragraph.
    return (start, at) if at > start or text.startswith(")", at) else None


def prose(text: str) -> Iterator[str]:
    """The lines of a text, with code and comments blanked out, so that columns stay."""
    fence: str | None = None
    comment = False
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if fence is not None:
            if mark and mark.group(1).startswith(fence) and not line[mark.end() :].strip():
                fence = None
            yield ""
        elif mark and not comment:
            fence = mark.group(1)
            yield ""
        else:
            line, comment = without_comments(line, comment)  # noqa: PLW2901
            yield CODE.sub(lambda match: " " * len(match.group()), line)


def without_comments(line: str, inside: bool) -> tuple[str, bool]:
    """A line with HTML comments blanked, and whether one goes on into the next."""
    out, rest = "", line
    while rest:
        before, mark, rest = rest.partition("-->" if inside else "<!--")
        out += (" " * len(before) if inside else before) + " " * len(mark)
        inside = inside != bool(mark)
    return out, inside


def trimmed(url: str) -> str:
    """A bare address without the punctuation of the sentence around it (GFM 6.9)."""
    while url:
        last = url[-1]
        if last == ";" and (entity := TRAILING_ENTITY.search(url)):
            url = url[: entity.start()]
        elif last in ".,;:!?*_~]" or (last == ")" and url.count(")") > url.count("(")):
            url = url[:-1]
        else:
            break
    return url


def in_file(path: Path) -> list[ListedLink]:
    """The addresses of a Markdown file, each once, in order.

    In-page anchors and files that are there are no web addresses and left out; a word that is
    neither (`[homepage](link)`) is kept, to be called invalid.
    """
    file = yamlfile.read_text(path)
    if not file.exists:
        raise KBError("no such file", where=path, hint="name a Markdown file")
    links: dict[str, ListedLink] = {}
    for one in scan(file.text):
        if one.url.startswith("#") or (one.written and local(one.url, path.parent)):
            continue
        entry = links.setdefault(one.url, ListedLink(one.url))
        entry.places.append((one.line, one.col))
        if one.kind:
            entry.kinds.add(one.kind)
    return list(links.values())


def local(url: str, folder: Path) -> bool:
    """Whether a link without a scheme names a file that is there."""
    name = unquote(url.partition("#")[0].partition("?")[0])
    if not name or ":" in name or "\x00" in name or len(name) > 1000:  # noqa: PLR2004  (a path)
        return False
    try:
        return (folder / name.lstrip("/")).exists()
    except OSError:
        return False


def in_records(library: Library, keys: list[str]) -> list[ListedLink]:
    """The addresses of the records, of those named or of all that stand in the list."""
    links: dict[str, ListedLink] = {}
    wanted = {identity(library, key) for key in keys}
    for record_id, kind, url in every(library):
        if wanted and record_id not in wanted:
            continue
        entry = links.setdefault(url, ListedLink(url))
        entry.kinds.add(kind)
        if record_id not in entry.ids:
            entry.ids.append(record_id)
    return list(links.values())


def every(library: Library) -> Iterator[tuple[str, str, str]]:
    """(record, kind, address) for each link of each record that is not removed."""
    records: list[Paper | Dataset] = [*library.papers, *library.datasets]
    for record in records:
        if record.status != "removed":
            for link in record.links:
                yield record.id, link.kind, link.url
    for item in library.implementations:
        if item.status != "removed":
            yield item.id, "code", item.url


def identity(library: Library, key: str) -> str:
    """The id of the paper, dataset or implementation that `key` names."""
    for item in library.implementations:
        if item.id == key:
            return item.id
    for dataset in library.datasets:
        if key in (dataset.id, *dataset.aliases):
            return dataset.id
    return library.paper(key).id


def join(in_text: list[ListedLink], recorded: list[ListedLink]) -> list[ListedLink]:
    """The links of a file, with the records that carry them."""
    by_url = {entry.url: entry for entry in recorded}
    for entry in in_text:
        if (record := by_url.get(entry.url)) is not None:
            entry.ids, entry.kinds = record.ids, entry.kinds | record.kinds
    return in_text


def place(recorded: list[ListedLink], in_text: list[ListedLink]) -> list[ListedLink]:
    """The links of the records, with the places where the list has them."""
    by_url = {entry.url: entry for entry in in_text}
    for entry in recorded:
        if (listed := by_url.get(entry.url)) is not None:
            entry.places = listed.places
    return recorded
