"""The bytes of a report: a plain file, or the one file of a zip that nobody ever unpacks to disk."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

from kb.records.errors import KBError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "report.json"
LARGEST = 1 << 20  # bytes, packed and unpacked
ZIP = b"PK\x03\x04"


def content(path: Path) -> bytes:
    """What stands in a report's file. Raises KBError for a link, a folder, or too much."""
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise _refused("not a plain file", path)
        with path.open("rb") as stream:
            body = stream.read(LARGEST + 1)
    except OSError as error:
        raise _refused(f"not readable ({error.strerror})", path) from error
    if len(body) > LARGEST:
        raise _refused("larger than 1 MiB", path)
    return unpacked(body, path) if body.startswith(ZIP) else body


def unpacked(body: bytes, where: Path | str) -> bytes:
    """The one member of a zip, `report.json`, read in memory and never written.

    Raises KBError for anything else: other names (paths among them), links, bombs, broken zips.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            if [member.filename for member in members] != [NAME]:
                raise _refused(f"a zip that holds something other than one {NAME}", where)
            kind = stat.S_IFMT(members[0].external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or members[0].flag_bits & 1:
                raise _refused(f"{NAME} in the zip is no plain file", where)
            with archive.open(members[0]) as stream:
                inner = stream.read(LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:  # fmt: skip
        raise _refused(f"not a readable zip ({type(error).__name__})", where) from error
    if len(inner) > LARGEST:
        raise _refused(f"{NAME} in the zip is larger than 1 MiB", where)
    return inner


def _refused(what: str, where: Path | str) -> KBError:
    return KBError(what, where=where, hint="give the report that `kb bot report --out` wrote")
