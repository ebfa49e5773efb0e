"""Archives unpacked safely: nothing outside the folder, no links, no devices, no bombs.

Every member is checked before the first byte is written; what is written is counted against what
was announced; a folder appears only when it is whole.
"""

import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from kb.records.errors import Exit, KBError

_MEMBERS = 2_000_000
_RATIO = 200  # unpacked bytes for one of the archive; features and text stay far below
_ALWAYS = 16 << 20  # bytes that any archive may unpack to
_BLOCK = 1 << 20
_SPARE = 64 << 20  # bytes that stay free on the disk


@dataclass(frozen=True)
class Member:
    """A file of an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether a file is one that `unpack` takes."""
    return path.name.endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def unpack(archive: Path, folder: Path) -> list[str]:
    """Unpack a zip or a tar into `folder`, which must not have its files yet. Names, sorted.

    Raises KBError naming the first member that may not be unpacked; then nothing is.
    """
    try:
        with closing(_open(archive)) as opened:
            members = _checked(archive, _members(opened, archive))
            staging = Path(tempfile.mkdtemp(prefix=".unpack-", dir=folder))
            try:
                for member in members:
                    _write(member, staging, archive)
                return _settle(staging, folder, archive)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError) as error:
        what = f"cannot be unpacked ({' '.join(str(error).split())})"
        raise KBError(what, where=archive, hint="fetch it again") from error


def _open(archive: Path) -> zipfile.ZipFile | tarfile.TarFile:
    return zipfile.ZipFile(archive) if archive.suffix == ".zip" else tarfile.open(archive)


def _members(opened: zipfile.ZipFile | tarfile.TarFile, archive: Path) -> Iterator[Member]:
    """Files of an archive; KBError for whatever is neither file nor folder."""
    if isinstance(opened, zipfile.ZipFile):
        for info in opened.infolist():
            if stat.S_ISLNK(info.external_attr >> 16):
                raise _refused(archive, info.filename, "is a link")
            if not info.is_dir():
                yield Member(info.filename, info.file_size, partial(opened.open, info))
        return
    for entry in opened:
        if not (entry.isfile() or entry.isdir()):
            raise _refused(archive, entry.name, "is a link or a device")
        if entry.isfile():
            yield Member(entry.name, entry.size, partial(_content, opened, entry))


def _content(opened: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    found = opened.extractfile(entry)
    if found is None:
        raise tarfile.TarError(f"{entry.name} has no content")
    return found


def _checked(archive: Path, members: Iterable[Member]) -> list[Member]:
    """All members, if every name stays inside and the whole is no bomb."""
    found: dict[str, Member] = {}
    most = max(_ALWAYS, archive.stat().st_size * _RATIO)
    total = 0
    for member in members:
        path = PurePosixPath(member.name)
        outside = path.is_absolute() or ".." in path.parts or "\\" in member.name
        if outside or not path.parts or ":" in path.parts[0] or "\0" in member.name:
            raise _refused(archive, member.name, "would lie outside the folder")
        key = str(path).casefold()
        if key in found:
            raise _refused(archive, member.name, "is there twice")
        total += member.size
        if total > most or len(found) > _MEMBERS:
            what = f"announces over {total:,} bytes, {most:,} are the most for its size"
            raise KBError(what, where=archive, hint="it is a bomb or damaged; nothing was unpacked")
        found[key] = member
    free = shutil.disk_usage(archive.parent).free
    if total + _SPARE > free:
        what = f"unpacks to {total:,} bytes, {free:,} are free"
        raise KBError(what, where=archive, hint="make room", code=Exit.UNREACHABLE)
    return list(found.values())


def _write(member: Member, staging: Path, archive: Path) -> None:
    target = staging / member.name
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


def _settle(staging: Path, folder: Path, archive: Path) -> list[str]:
    """Move the files from the staging folder to their places; never over another file."""
    files = sorted(path.relative_to(staging) for path in staging.rglob("*") if path.is_file())
    for name in files:
        if (folder / name).exists() or not _inside(folder / name, folder):
            raise _refused(archive, str(name), "is there already, or lies behind a link")
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).rename(folder / name)
    return [str(name) for name in files]


def _inside(path: Path, folder: Path) -> bool:
    """Whether a path, links followed, is in the folder."""
    return path.resolve().is_relative_to(folder.resolve())


def _refused(archive: Path, member: str, what: str) -> KBError:
    return KBError(f"{member[:80]!r} {what}", where=archive, hint="nothing was unpacked")
