"""BibTeX files as references: LaTeX read as text, what is no entry reported by line."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from kb.enrich.reference import Reference
from kb.records import KBError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 64 << 20  # bytes
_ARXIV = re.compile(r"(?:arxiv[:/. ]*(?:abs/|pdf/)?)?(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", re.IGNORECASE)


def references(path: Path) -> Iterator[Reference]:
    """The references of a BibTeX file: title, authors, year, arXiv id, DOI.

    Venues are left out: a booktitle is a sentence, not the short name that records carry.
    Raises KBError where the file cannot be read, or names no entry.
    """
    from bibtexparser.entrypoint import parse_string  # noqa: PLC0415  (slow to import)

    logging.getLogger("bibtexparser").setLevel(logging.ERROR)
    text = _text(path)
    library = parse_string(text)
    if library.failed_blocks:
        line = library.failed_blocks[0].start_line
        raise KBError(
            "not BibTeX", where=path, line=None if line is None else line + 1, hint="hint the entry"
        )
    if not library.entries:
        raise KBError("no entries", where=path, hint="is it a BibTeX file?")
    for entry in library.entries:
        fields = {key.lower(): str(field.value) for key, field in entry.fields_dict.items()}
        if "title" in fields:
            yield _reference(entry.key, fields, (entry.start_line or 0) + 1)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise KBError("larger than 64 MB", where=path, hint="split it")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise KBError(what, where=path, hint="name a BibTeX file") from error
    except UnicodeDecodeError as error:
        raise KBError("not UTF-8 text", where=path, hint="save it as UTF-8") from error


def _reference(key: str, fields: dict[str, str], line: int) -> Reference:
    authors = [_person(name) for name in re.split(r"\s+and\s+", fields.get("author", "")) if name]
    year = re.search(r"\b(1[89]|20)\d\d\b", fields.get("year", fields.get("date", "")))
    values: dict[str, Any] = {
        "authors": [name for name in authors if name.lower() != "others"],
        "et_al": any(name.lower() == "others" for name in authors),
        "year": int(year[0]) if year else None,
        "arxiv": _arxiv(fields),
        "doi": _doi(fields.get("doi", "")),
    }
    source = f"BibTeX entry {key}"
    return Reference(
        key=key,
        source="bibtex",
        title=plain(fields["title"]),
        line=line,
        detail=dict.fromkeys(("title", *values), source),
        **values,
    )


def plain(latex: str) -> str:
    """LaTeX as text: accents composed, braces and line breaks gone."""
    from pylatexenc.latex2text import LatexNodes2Text  # noqa: PLC0415  (slow to import)

    text = LatexNodes2Text(keep_comments=True).latex_to_text(latex.replace("%", r"\%"))
    return " ".join(text.replace("{", "").replace("}", "").split())


def _person(name: str) -> str:
    """`Luo, Huaishao` as `Huaishao Luo`."""
    family, comma, given = plain(name).partition(",")
    return " ".join(f"{given} {family}".split()) if comma else family.strip()


def _arxiv(fields: dict[str, str]) -> str | None:
    """The arXiv id, where the entry says it is one."""
    if fields.get("archiveprefix", fields.get("eprinttype", "")).lower() == "arxiv":
        match = _ARXIV.match(fields.get("eprint", "").strip())
        return match[1] if match else None
    for name in ("journal", "url", "note", "eprint"):
        text = fields.get(name, "")
        match = (
            _ARXIV.search(text[text.lower().find("arxiv") :]) if "arxiv" in text.lower() else None
        )
        if match:
            return match[1]
    return None


def _doi(text: str) -> str | None:
    match = re.search(r"10\.\d{4,9}/\S+", text.replace("\\", ""))
    return match[0].rstrip(".,;}") if match else None
