"""Reading a list from disk or standard input: decoded, or one line that says why not."""

import re
import sys
from pathlib import Path

from kb.lists.blocks import split_lines
from kb.records import KBError, plainfile

MARKERS = ("<" * 7, "|" * 7, ">" * 7)  # of git, at the start of a line
FENCE = re.compile(r"[ \t]{0,40}(?:`{3,}|~{3,})")
LARGEST = 64 * 2**20  # bytes; the longest awesome list is under one


def read(path: Path | str) -> str:
    """The text of a list, byte for byte but decoded; `-` is standard input.

    Raises KBError (usage) for a file that is absent, not readable, binary, too large or not UTF-8.
    """
    if str(path) == "-":
        return decode(sys.stdin.buffer.read(LARGEST + 1), "standard input")
    path = Path(path)
    try:
        plainfile.refuse_devices(path, "name a Markdown list")
        with path.open("rb") as stream:
            return decode(stream.read(LARGEST + 1), path)
    except FileNotFoundError as error:
        raise KBError("there is no such file", where=path, hint="name a Markdown list") from error
    except IsADirectoryError as error:
        raise KBError("a folder, not a list", where=path, hint="name the file in it") from error
    except OSError as error:
        raise KBError(f"not readable ({error.strerror})", where=path) from error


def conflicts(text: str) -> list[int]:
    """The lines of merge conflict markers (`<<<<<<< HEAD`), code fences left out."""
    lines, fenced = [], False
    for number, line in enumerate(split_lines(text), start=1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and line[:7] in MARKERS and line[7:8] in ("", " ", "\t"):
            lines.append(number)
    return lines


def refuse_conflicts(text: str, where: Path | str) -> None:
    """Raise KBError (usage) at the first marker of an unfinished merge."""
    if lines := conflicts(text):
        hint = "finish the merge: keep one side or both, and delete the marker lines"
        raise KBError("a merge conflict marker", where=where, line=lines[0], hint=hint)


def decode(data: bytes, where: Path | str) -> str:
    """The text of UTF-8 bytes; a byte-order mark stays, as its first character."""
    if len(data) > LARGEST:
        raise KBError("larger than 64 MiB", where=where, hint="a list is a text file")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise KBError("a binary file", where=where, line=line, hint="a list is UTF-8 text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise KBError("not UTF-8", where=where, line=line, hint="save it as UTF-8") from error
