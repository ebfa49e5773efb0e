"""Archives unpacked safely: nothing outside the folder, no links, no devices, no bombs.

Every member is checked before the first byte is written; what is written is counted against what
was announced; a folder appears only when it is whole.

tarfile's `data` filter is not used: it lets links inside the folder and names that differ only in
case pass, strips what leads out instead of refusing it, and begins once a header has been read,
which for a long name or a PAX record can be gibibytes of a megabyte.
"""

import bz2
import errno
import filecmp
import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from kb.records.errors import Exit, KBError

_MEMBERS = 2_000_000
_RATIO = 200  # unpacked bytes for one of the archive; features and text stay far below
_ALWAYS = 16 << 20  # bytes that any archive may unpack to
_BLOCK = 1 << 20
_HEADERS = 1 << 20  # bytes of headers between two members of a tar; a long name has 4 KiB
_SPARE = 64 << 20  # bytes that stay free on the disk


@dataclass(frozen=True)
class Member:
    """A file of an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether `unpack` takes a file."""
    return path.name.endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def unpack(archive: Path, folder: Path) -> list[str]:
    """Unpack a zip or a tar into `folder`, which must not have its files yet. Names, sorted.

    Raises KBError naming the first member that may not be unpacked; then nothing is.
    """
    try:
        with ExitStack() as open_files:
            members = _checked(archive, _members(archive, open_files))
            part = Path(tempfile.mkdtemp(prefix=".unpack-", dir=folder))
            try:
                for member in members:
                    _write(member, part, archive)
                return _settle(part, folder, archive)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except _BROKEN as error:
        full = getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}
        hint = "make room, and run it again" if full else "fetch it again"
        code = Exit.UNREACHABLE if full else Exit.USAGE
        raise KBError(
            f"cannot be unpacked ({error})", where=archive, hint=hint, code=code
        ) from error


class _Bounded:
    """A tar's bytes, of which few may be read between two members: tarfile reads headers whole."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self.left = raw, _HEADERS

    def read(self, size: int) -> bytes:
        """`size` bytes; TarError for more than headers have."""
        self.left -= size if size >= 0 else _HEADERS + 1
        if self.left < 0:
            raise tarfile.ReadError(f"a header of over {_HEADERS:,} bytes")
        return self._raw.read(size)

    def seek(self, place: int) -> int:
        """Go to a place of the unpacked bytes."""
        return self._raw.seek(place)

    def tell(self) -> int:
        """The place in the unpacked bytes."""
        return self._raw.tell()


def _members(archive: Path, open_files: ExitStack) -> Iterator[Member]:
    """Files of an archive; KBError for a link or device."""
    return (
        _of_zip(archive, open_files) if archive.suffix == ".zip" else _of_tar(archive, open_files)
    )


def _of_zip(archive: Path, open_files: ExitStack) -> Iterator[Member]:
    opened = open_files.enter_context(zipfile.ZipFile(archive))
    for info in opened.infolist():
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _refused(archive, info.filename, "is a link")
        if not info.is_dir():
            yield Member(info.filename, info.file_size, partial(opened.open, info))


def _of_tar(archive: Path, open_files: ExitStack) -> Iterator[Member]:
    raw = open_files.enter_context(_OPEN.get(archive.suffix, Path.open)(archive, "rb"))
    bounded: Any = _Bounded(raw)
    opened = open_files.enter_context(tarfile.TarFile(fileobj=bounded))
    for entry in opened:
        if not (entry.isfile() or entry.isdir()):
            raise _refused(archive, entry.name, "is a link or a device")
        if entry.size < 0:
            raise _refused(archive, entry.name, "has a negative size")
        if entry.isfile():
            yield Member(entry.name, entry.size, partial(_content, opened, entry, bounded))
        bounded.left = _HEADERS


def _content(opened: tarfile.TarFile, entry: tarfile.TarInfo, bounded: _Bounded) -> IO[bytes]:
    bounded.left = entry.size + _HEADERS
    content = opened.extractfile(entry)
    if content is None:
        raise tarfile.TarError(f"{entry.name} has no content")
    return content


_OPEN: dict[str, Any] = {
    ".gz": gzip.open, ".tgz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open,
}  # fmt: skip
_BROKEN = (  # what the libraries raise for bytes that are no archive, and the disk
    zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, ValueError, zlib.error,
    lzma.LZMAError, OverflowError, MemoryError,
)  # fmt: skip


def _checked(archive: Path, members: Iterable[Member]) -> list[Member]:
    """All members, if every name stays inside and the total size is plausible."""
    member_of: dict[str, Member] = {}
    most = max(_ALWAYS, archive.stat().st_size * _RATIO)
    total = 0
    for member in members:
        path = PurePosixPath(member.name)
        outside = path.is_absolute() or ".." in path.parts or "\\" in member.name
        if outside or not path.parts or ":" in path.parts[0] or "\0" in member.name:
            raise _refused(archive, member.name, "would lie outside the folder")
        key = str(path).casefold()
        if key in member_of:
            raise _refused(archive, member.name, "is there twice")
        total += member.size
        if total > most or len(member_of) > _MEMBERS:
            what = f"announces over {total:,} bytes, {most:,} are the most for its size"
            raise KBError(what, where=archive, hint="it is a bomb or damaged; nothing was unpacked")
        member_of[key] = member
    free = shutil.disk_usage(archive.parent).free
    if total + _SPARE > free:
        what = f"unpacks to {total:,} bytes, {free:,} are free"
        raise KBError(what, where=archive, hint="make room", code=Exit.UNREACHABLE)
    return list(member_of.values())


def _write(member: Member, part: Path, archive: Path) -> None:
    target = part / member.name
    target.parent.mkdir(parents=True, exist_ok=True)
    left = member.size
    with member.open() as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise _refused(archive, member.name, "is longer than it announces")
            file.write(block)
    if left:
        raise _refused(archive, member.name, "is shorter than it announces")


def _settle(part: Path, folder: Path, archive: Path) -> list[str]:
    """Move the files to their places; never over another file. One that is the same stays."""
    files = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
    for name in files:
        there = (folder / name).exists() and not _same(part / name, folder / name)
        if there or not _inside(folder / name, folder):
            raise _refused(archive, str(name), "is there already, or lies behind a link")
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).replace(folder / name)
    return [str(name) for name in files]


def _same(path: Path, other: Path) -> bool:
    """Whether an earlier run that was killed put the same bytes there."""
    return other.is_file() and not other.is_symlink() and filecmp.cmp(path, other, shallow=False)


def _inside(path: Path, folder: Path) -> bool:
    """Whether a path, links followed, is in the folder."""
    return path.resolve().is_relative_to(folder.resolve())


def _refused(archive: Path, member: str, what: str) -> KBError:
    return KBError(f"{member[:80]!r} {what}", where=archive, hint="nothing was unpacked")
