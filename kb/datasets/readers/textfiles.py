"""Annotation files: JSON, CSV, tabs and lists; errors are one-line KBErrors."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from kb.records.errors import Exit, KBError

_AGAIN = "fetch it again"


class Digest(Protocol):
    """A hashlib object."""

    def update(self, data: Any, /) -> None:
        """Hash more bytes."""
        ...

    def hexdigest(self) -> str:
        """The digest, as hexadecimal digits."""
        ...


def read_bytes(path: Path, digest: Digest) -> bytes:
    """A file's bytes, added to the digest; KBError if it is missing or unreadable."""
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        raise KBError("is no regular file", where=path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        hint = "--root names the folder that holds it"
        raise KBError("is not there", where=path, hint=hint, code=Exit.UNREACHABLE) from error
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror})", where=path) from error
    digest.update(raw)
    return raw


def read_text(path: Path, digest: Digest) -> str:
    """A file as UTF-8, with or without a byte order mark."""
    raw = read_bytes(path, digest)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        what = f"is not UTF-8 (byte {error.start} is 0x{raw[error.start]:02x})"
        raise KBError(what, where=path, line=line, hint="convert it, or fetch it again") from error


def read_json(path: Path, digest: Digest) -> Any:
    """A JSON document."""
    text = read_text(path, digest)
    if not text.strip():
        raise KBError("is empty", where=path, hint=_AGAIN)
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except RepeatedKeyError as error:
        what = f"{error} is there twice"
        raise KBError(what, where=path, hint="was something pasted twice?") from error
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        what = "ends in the middle" if cut else f"is not JSON ({error.msg})"
        raise KBError(what, where=path, line=error.lineno, hint=_AGAIN) from error
    except (RecursionError, ValueError) as error:
        raise KBError(f"is not JSON that can be read ({error})", where=path, hint=_AGAIN) from error


class RepeatedKeyError(ValueError):
    """A JSON object names a key twice: the later would hide the earlier."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise RepeatedKeyError(counts.most_common(1)[0][0])
    return entries


def read_lines(path: Path, digest: Digest, *, empty: bool = False) -> list[tuple[int, str]]:
    """(number, line) of every line that is not blank.

    Only a line feed ends a line: captions hold other characters that Python's splitlines cuts at.
    KBError for a file without any, unless it may be `empty`.
    """
    lines = read_text(path, digest).split("\n")
    rows = ((number, line.rstrip("\r")) for number, line in enumerate(lines, start=1))
    filled = [(number, line) for number, line in rows if line.strip()]
    if not filled and not empty:
        raise KBError("is empty", where=path, hint=_AGAIN)
    return filled


def read_ids(path: Path, digest: Digest) -> list[str]:
    """One id per line; blank lines are skipped, a repeated id raises KBError."""
    line_of: dict[str, int] = {}
    for number, line in read_lines(path, digest, empty=True):
        name = line.strip()
        if name in line_of:
            raise KBError(f"{name} stands in line {line_of[name]} too", where=path, line=number)
        line_of[name] = number
    return list(line_of)


def read_tabs(path: Path, digest: Digest, fields: int) -> list[tuple[int, list[str]]]:
    """(line number, cells) of a file of tabs without a header; no quoting, as the field reads it.

    Tabs after the last field are passed over.
    """
    rows = [(number, line.split("\t")) for number, line in read_lines(path, digest)]
    for number, cells in rows:
        while len(cells) > fields and not cells[-1].strip():
            cells.pop()
        if len(cells) != fields:
            what = f"has {len(cells)} tab-separated fields, {fields} are expected"
            cut = "; the file ends in the middle" if number == rows[-1][0] else ""
            raise KBError(what + cut, where=path, line=number, hint=_AGAIN)
    return rows


def read_csv(
    path: Path, digest: Digest, columns: tuple[str, ...], delimiter: str = ","
) -> list[dict[str, str]]:
    """Rows of a CSV file with a header that has at least these columns."""
    text = io.StringIO(read_text(path, digest), newline="")
    reader = csv.DictReader(text, delimiter=delimiter, strict=True)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            what = f"has no column {', '.join(missing)}"
            raise KBError(what, where=path, line=1, hint=f"its header names {', '.join(columns)}")
        return list(_whole_rows(reader, path, columns))
    except csv.Error as error:
        raise KBError(f"is not CSV ({error})", where=path, line=reader.line_num) from error


def _whole_rows(
    reader: "csv.DictReader[str]", path: Path, columns: tuple[str, ...]
) -> Iterator[dict[str, str]]:
    for row in reader:
        if None in row or any(row[name] is None for name in columns):
            what = "has another number of cells than the header"
            raise KBError(what, where=path, line=reader.line_num, hint=_AGAIN)
        yield row
