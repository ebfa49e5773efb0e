"""Output folders: written atomically, unchanged files untouched, other people's files safe."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from kb.records import KBError

MARK = ".kb-publish"
WORK = ".kb-publish-"  # begins the name of a folder that lives only while we work


def sweep(folder: Path) -> None:
    """Remove the remains of a killed process; call it only with the folder's lock."""
    for leftover in folder.glob(f"{WORK}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def claim(folder: Path) -> None:
    """Mark `folder` as ours, or refuse: never touch a folder with other people's files."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise KBError("not a folder", where=folder, hint="name another with --out DIR")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise KBError(
            "holds files that `kb publish` did not write, and it would remove them",
            where=folder,
            hint="name another place with --out DIR, or move them away",
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MARK).exists():
        (folder / MARK).touch()


def write(folder: Path, files: dict[str, str | bytes]) -> int:
    """Make `folder` hold exactly `files`; the number of files that changed is returned."""
    claim(folder)
    changed = sum(put(folder / name, content) for name, content in files.items())
    wanted = {str(folder / name) for name in (*files, MARK)}
    for inner, folders, names in os.walk(folder, topdown=False):
        here = Path(inner)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*names, *links):
            if f"{inner}{os.sep}{name}" not in wanted:
                (here / name).unlink()
                changed += 1
        if here != folder and not any(here.iterdir()):
            here.rmdir()
    return changed


def under(folder: Path, suffix: str) -> Iterator[Path]:
    """The files under `folder` whose names end so."""
    for inner, _, names in os.walk(folder):
        yield from (Path(inner, name) for name in names if name.endswith(suffix))


def put(path: Path, content: str | bytes) -> bool:
    """Write one file and the folders to it, unless it is there already; whether it was not.

    One that is there is replaced whole or not at all. A new one, which no reader knows of yet, is
    written where it will be.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        if _is_created(path, data):
            return True
    except OSError:  # a folder, say: `replace` tells
        pass
    replace(path, data)
    return True


def _is_created(path: Path, data: bytes) -> bool:
    """Write a file that is not there; False where a link that leads nowhere has its name."""
    try:
        file = path.open("xb")
    except FileExistsError:
        return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("xb")
    try:
        with file:
            os.fchmod(file.fileno(), 0o644)
            file.write(data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return True


def link(source: Path, target: Path, names: Iterable[str]) -> None:
    """Put files of one folder into another, where they are not, under their names.

    They are the same files where the file system can do that, copies elsewhere.
    """
    made = set()
    for name in names:
        file, there = source / name, target / name
        if there.parent not in made:
            there.parent.mkdir(parents=True, exist_ok=True)
            made.add(there.parent)
        _link(file, there)


def _link(file: Path, there: Path) -> None:
    try:
        os.link(file, there)
    except OSError:
        shutil.copyfile(file, there)


def replace(path: Path, data: bytes) -> None:
    """Write one file whole or not at all; not synced to disk, since one command makes it again."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def swap(new: Path, target: Path) -> None:
    """Put the finished folder `new` where `target` is."""
    claim(target)
    (new / MARK).touch()
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=WORK))
    target.rename(old / target.name)
    new.rename(target)
    shutil.rmtree(old)
