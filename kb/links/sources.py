"""Where the links are: in the records, and in a Markdown file with line and column."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from kb.records import Dataset, KBError, Library, Paper, yamlfile


@dataclass(slots=True)
class Found:
    """One address, wherever it stands."""

    url: str
    kinds: set[str] = field(default_factory=set)  # paper, code, homepage, dataset ...
    ids: list[str] = field(default_factory=list)  # records that carry it
    places: list[tuple[int, int]] = field(default_factory=list)  # (line, column) in the file


@dataclass(frozen=True, slots=True)
class Seen:
    """One appearance in Markdown."""

    url: str
    line: int
    col: int
    kind: str | None  # the words of the link in lower case; None for a bare address
    written: bool  # a Markdown link or <...>, not a bare address


FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
CODE = re.compile(r"(`+)(?!`)(.*?)(?<!`)\1(?!`)")
LINK = re.compile(r"\]\(\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.)*\))*))")
REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]+\]:\s*(?:<([^<>\n]*)>|(\S+))")
ANGLE = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*)>")
BARE = re.compile(r"(?<![\w@])https?://[^\s<>\"'`|\\^{}]+", re.IGNORECASE)
WORDS = re.compile(r"\[+([^\[\]]*)\]*$")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def scan(text: str) -> Iterator[Seen]:
    """Every address in a Markdown text, with the place of its first character, from 1.

    Links, images, references, <...> and bare addresses; nothing from code or comments.
    """
    for number, line in enumerate(prose(text), start=1):
        taken: list[tuple[int, int]] = []
        for match, words in written(line):
            group = 1 if match.group(1) is not None else 2
            taken.append(match.span())
            url = ESCAPED.sub(r"\1", match.group(group))
            if url or words:
                yield Seen(url, number, match.start(group) + 1, words, written=True)
        for match in BARE.finditer(line):
            if not any(start <= match.start() < end for start, end in taken):
                yield Seen(trimmed(match.group()), number, match.start() + 1, None, written=False)


def written(line: str) -> Iterator[tuple[re.Match[str], str]]:
    """Matches of Markdown's own link forms in a line, with the words of each."""
    for match in LINK.finditer(line):
        words = WORDS.search(line, 0, match.start())
        yield match, words.group(1).strip().lower() if words else ""
    if (reference := REFERENCE.match(line)) is not None:
        yield reference, "reference"
    inside = [match.span() for match in LINK.finditer(line)]
    for match in ANGLE.finditer(line):
        if not any(start < match.start() < end for start, end in inside):
            yield match, "address"


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
    """A bare address without the punctuation of the sentence around it."""
    while url:
        last = url[-1]
        if last in ".,;:!?*_~]" or (last == ")" and url.count(")") > url.count("(")):
            url = url[:-1]
        else:
            break
    return url


def in_file(path: Path) -> list[Found]:
    """The addresses of a Markdown file, each once, in order.

    In-page anchors and files that are there are no web addresses and left out; a word that is
    neither (`[homepage](link)`) is kept, to be called invalid.
    """
    held = yamlfile.read_text(path)
    if not held.exists:
        raise KBError("no such file", where=path, hint="name a Markdown file")
    found: dict[str, Found] = {}
    for seen in scan(held.text):
        if seen.url.startswith("#") or (seen.written and local(seen.url, path.parent)):
            continue
        entry = found.setdefault(seen.url, Found(seen.url))
        entry.places.append((seen.line, seen.col))
        if seen.kind:
            entry.kinds.add(seen.kind)
    return list(found.values())


def local(url: str, folder: Path) -> bool:
    """Whether a link without a scheme names a file that is there."""
    name = unquote(url.partition("#")[0].partition("?")[0])
    if not name or ":" in name or "\x00" in name or len(name) > 1000:  # noqa: PLR2004  (a path)
        return False
    try:
        return (folder / name.lstrip("/")).exists()
    except OSError:
        return False


def in_records(library: Library, keys: list[str]) -> list[Found]:
    """The addresses of the records, of those named or of all that stand in the list."""
    found: dict[str, Found] = {}
    wanted = {identity(library, key) for key in keys}
    for record_id, kind, url in every(library):
        if wanted and record_id not in wanted:
            continue
        entry = found.setdefault(url, Found(url))
        entry.kinds.add(kind)
        if record_id not in entry.ids:
            entry.ids.append(record_id)
    return list(found.values())


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


def join(in_text: list[Found], recorded: list[Found]) -> list[Found]:
    """The links of a file, with the records that carry them."""
    by_url = {entry.url: entry for entry in recorded}
    for entry in in_text:
        if (record := by_url.get(entry.url)) is not None:
            entry.ids, entry.kinds = record.ids, entry.kinds | record.kinds
    return in_text


def place(recorded: list[Found], in_text: list[Found]) -> list[Found]:
    """The links of the records, with the places where the list has them."""
    by_url = {entry.url: entry for entry in in_text}
    for entry in recorded:
        if (seen := by_url.get(entry.url)) is not None:
            entry.places = seen.places
    return recorded
