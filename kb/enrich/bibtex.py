"""BibTeX files as references: TeX becomes text; broken entries are reported, the rest is read."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from kb.enrich.bibliography import Reference
from kb.enrich.matching import doi_in, find, in_address, parse, untex
from kb.records import KBError, plainfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bibtexparser.library import Library
    from bibtexparser.model import Entry

    from kb.enrich.report import Row

LARGEST = 64 << 20  # bytes
_ADDRESS = re.compile(r"https?://[^\s{}]+")
_DIGITS = re.compile(r"\d{7}")


def read(path: Path) -> tuple[list[Reference], list[Row]]:
    """The references of a BibTeX file, and the skipped entries: {key, line, why}.

    Venues are omitted: a booktitle is a sentence, not the short name of our records.
    Raises KBError if the file cannot be read or has no entry.
    """
    from bibtexparser.entrypoint import parse_string  # noqa: PLC0415  (slow to import)

    logging.getLogger("bibtexparser").setLevel(logging.ERROR)
    # Without the middleware: it does not resolve `"a" # name # "b"`.
    library = parse_string(_text(path), parse_stack=[])
    skipped = list(_skipped(library))
    references = [_reference(*entry) for entry in _entries(library) if "title" in entry[1]]
    if not references and skipped:
        line = skipped[0]["line"]
        raise KBError("not BibTeX", where=path, line=line, hint="correct the entry")
    if not references:
        raise KBError("no entries", where=path, hint="is it a BibTeX file?")
    return references, skipped


def _skipped(library: Library) -> Iterator[Row]:
    """Rows of the report for the parts of a file that are not read."""
    from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock  # noqa: PLC0415

    for block in library.failed_blocks:
        line = None if block.start_line is None else block.start_line + 1
        key = str(getattr(block.ignore_error_block, "key", ""))
        if isinstance(block, DuplicateBlockKeyBlock):
            why = "this key occurs twice; the first entry is read"
        elif isinstance(block, DuplicateFieldKeyBlock):
            fields = ", ".join(sorted(block.duplicate_keys))
            why = f"{fields} occurs twice in this entry; the first is read"
        else:
            why = "not BibTeX; the entry is left out"
        yield {"key": key or None, "line": line, "why": f"line {line}: {why}"}


def _entries(library: Library) -> Iterator[tuple[str, dict[str, str], int]]:
    """Key, lower-case fields and line of each entry; the first of duplicate fields."""
    from bibtexparser.model import DuplicateFieldKeyBlock, Entry  # noqa: PLC0415

    strings = {name.lower(): one.value for name, one in library.strings_dict.items()}
    blocks: Iterable[Entry] = [
        *library.entries,
        *(
            block.ignore_error_block
            for block in library.failed_blocks
            if isinstance(block, DuplicateFieldKeyBlock)
            and isinstance(block.ignore_error_block, Entry)
        ),
    ]
    for entry in sorted(blocks, key=lambda entry: entry.start_line or 0):
        fields: dict[str, str] = {}
        for field in entry.fields:
            fields.setdefault(field.key.lower(), _value(str(field.value), strings))
        yield entry.key, fields, (entry.start_line or 0) + 1


def _value(raw: str, strings: dict[str, str], depth: int = 0) -> str:
    """A value as written: strings in quotes or braces and names of @string, joined by `#`."""
    parts = []
    for part in _pieces(raw):
        if part[:1] in {"{", '"'} and len(part) > 1:
            parts.append(part[1:-1])
        elif part.lower() in strings and depth < 9:  # noqa: PLR2004  (a @string may name another)
            parts.append(_value(strings[part.lower()], strings, depth + 1))
        else:
            parts.append(part)
    return "".join(parts)


def _pieces(raw: str) -> Iterator[str]:
    """The parts of a value, split at `#` outside of braces and quotes."""
    depth, quoted, start = 0, False, 0
    for index, sign in enumerate(raw):
        if sign == '"' and depth == 0:
            quoted = not quoted
        elif sign in "{}":
            depth += 1 if sign == "{" else -1
        elif sign == "#" and depth == 0 and not quoted:
            yield raw[start:index].strip()
            start = index + 1
    yield raw[start:].strip()


def _text(path: Path) -> str:
    raw = plainfile.read(path, LARGEST, hint="name a BibTeX file of at most 64 MB")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise KBError("not UTF-8 text", where=path, hint="save it as UTF-8") from error


def _reference(key: str, fields: dict[str, str], line: int) -> Reference:
    authors = [name for name in map(_person, _names(fields.get("author", ""))) if name]
    year = re.search(r"\b(1[89]|20)\d\d\b", fields.get("year", fields.get("date", "")))
    values: dict[str, Any] = {
        "authors": [name for name in authors if name.lower() != "others"],
        "et_al": any(name.lower() == "others" for name in authors),
        "year": int(year[0]) if year else None,
        "arxiv": _arxiv(fields),
        "doi": doi_in(fields.get("doi", "")),
    }
    source = f"BibTeX entry {key}"
    return Reference(
        key=key,
        source="bibtex",
        title=untex(fields["title"]),
        line=line,
        detail=dict.fromkeys(("title", *values), source),
        **values,
    )


def _names(value: str) -> list[str]:
    """The names of an author field, split at `and` outside of braces."""
    from bibtexparser.middlewares.names import split_multiple_persons_names  # noqa: PLC0415

    return list(split_multiple_persons_names(value))


def _person(name: str) -> str:
    """`Luo, Huaishao` as `Huaishao Luo`, `Smith, Jr., William` as `William Smith Jr.`."""
    from bibtexparser.middlewares.names import parse_single_name_into_parts  # noqa: PLC0415

    parts = parse_single_name_into_parts(name, strict=False)
    return untex(" ".join([*parts.first, *parts.von, *parts.last, *parts.jr]))


def _arxiv(fields: dict[str, str]) -> str | None:
    """The arXiv identifier, if the entry marks it as one."""
    if fields.get("archiveprefix", fields.get("eprinttype", "")).lower() == "arxiv":
        eprint = fields.get("eprint", "").strip()
        if _DIGITS.fullmatch(eprint):  # the old form in two fields: 0309136 of math.GT
            eprint = f"{fields.get('primaryclass', fields.get('eprintclass', ''))}/{eprint}"
        ref = parse(eprint) or find(eprint)
        return ref.base if ref else None
    for name in ("journal", "url", "note", "eprint", "howpublished"):
        text = fields.get(name, "")
        for address in _ADDRESS.findall(text):
            if ref := in_address(address):
                return ref.base
        at = text.lower().find("arxiv")
        ref = (
            find(re.sub(r"^arxiv\s*[:/.]\s*", "", text[at:], flags=re.IGNORECASE))
            if at >= 0
            else None
        )
        if ref:
            return ref.base
    return None
