"""Output folders: written atomically, unchanged files untouched, other people's files safe."""

import os
import shutil
import tempfile
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
    changed = sum(_put(folder / name, content) for name, content in files.items())
    wanted = {folder / name for name in files} | {folder / MARK}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in wanted:
            path.unlink()
            changed += 1
    return changed


def _put(path: Path, content: str | bytes) -> bool:
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, data)
    return True


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
