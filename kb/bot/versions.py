"""The two versions of a list, and the records of the base (never those of the head)."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kb.checks.base import read_base, revision
from kb.lists import files
from kb.records import KBError
from kb.records.git import git
from kb.records.library import find_root

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 4 << 20  # bytes of a list; the longest awesome list is under one MiB


@dataclass(frozen=True)
class Versions:
    """Texts and commits; `head` is None if it cannot be read, and `why` is the reason."""

    path: str  # as it stands in the repository
    base: str
    head: str | None
    why: str = ""
    base_sha: str | None = None
    head_sha: str | None = None


def load(base: str, head: Path) -> Versions:
    """Read both. Raises KBError (usage) where the base is neither file nor revision.

    Of a revision the list is read where the head's history left it, so that what the base's branch
    has learned since is not held against the change.
    """
    text, why = head_text(head)
    folder = head.parent if head.parent.is_dir() else Path()
    head_sha = _one_commit(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], folder)
    path = place(head, folder)
    if Path(base).is_file():
        return Versions(path, read_base(base, head), text, why, None, head_sha)
    sha = revision(base, folder.resolve())
    common = _one_commit(["merge-base", sha, head_sha], folder) if head_sha else None
    return Versions(path, at(common or sha, head.name, folder), text, why, common or sha, head_sha)


def at(sha: str, name: str, folder: Path) -> str:
    """A file of `folder` in a commit; empty if the commit lacks it.

    The name is never resolved in the working tree: what is a link there now was a list then.
    """
    done = git(["cat-file", "blob", f"{sha}:./{name}"], folder)
    if done is None or done.returncode != 0:
        return ""
    return files.decode(done.stdout, f"{sha[:12]}:{name}")


def head_text(path: Path) -> tuple[str | None, str]:
    """The head's text, or None and the reason. Does not follow a symbolic link."""
    try:
        info = path.lstat()
        # Of an absolute path the folders are the caller's own.
        between = [] if path.is_absolute() else [p for p in path.parents if p.is_symlink()]
        if between or not stat.S_ISREG(info.st_mode):
            return None, "the list is not a plain file"
        if info.st_size > LARGEST:
            return None, f"the list is larger than {LARGEST >> 20} MiB"
        return files.read(path), ""
    except FileNotFoundError:
        return None, "the list does not exist any more"
    except (OSError, KBError) as error:
        what = error.what if isinstance(error, KBError) else str(error.strerror)
        line = f" (line {error.line})" if isinstance(error, KBError) and error.line else ""
        return None, f"the list cannot be read: {what}{line}"


def place(head: Path, folder: Path) -> str:
    """The head's path in its repository; its name outside of one."""
    done = git(["rev-parse", "--show-prefix"], folder)
    prefix = done.stdout.decode("utf-8", "replace").strip() if done and done.returncode == 0 else ""
    return f"{prefix}{head.name}"


def _one_commit(arguments: list[str], folder: Path) -> str | None:
    done = git(arguments, folder)
    sha = done.stdout.decode("ascii", "replace").split("\n")[0].strip() if done else ""
    return sha if done and done.returncode == 0 and len(sha) == 40 else None  # noqa: PLR2004  (SHA-1)


MOST_RECORDS = 64 << 20  # bytes of the base's records
PLAIN_FILES = frozenset({"100644", "100755"})  # modes of git's trees: no links, no submodules


@contextmanager
def base_records(base: str, head: Path) -> Iterator[Path | None]:
    """The knowledge base with the records to check against, or None.

    Of a revision it is data/ as that commit has it, written to a temporary folder; of a file the
    knowledge base around it. One that the head lies in is the head's own: a pull request could
    bring its own excludes and caches with it.
    """
    if not Path(base).is_file():
        with TemporaryDirectory(prefix="kb-base-") as folder:
            yield _checked_out(base, head, Path(folder))
        return
    yield _outside(Path(base).resolve().parent, head) or _outside(None, head)


def _outside(start: Path | None, head: Path) -> Path | None:
    """The knowledge base at or above `start`, if the head is not inside it."""
    try:
        root = find_root(start).resolve()
    except KBError:
        return None
    return None if head.resolve().is_relative_to(root) else root


def _checked_out(base: str, head: Path, target: Path) -> Path | None:
    """The records of a revision, from the nearest folder above the head that has them there."""
    folder = head.parent if head.parent.is_dir() else Path()
    sha = revision(base, folder.resolve())
    above = Path(place(head, folder)).parent
    for prefix in (above, *above.parents):
        tree = f"{sha}:{(prefix / 'data').as_posix()}"
        files_there = dict(_tree(tree, folder))
        if "papers.yaml" in files_there:
            (target / "data").mkdir()
            room = MOST_RECORDS
            for name, blob in files_there.items():
                done = git(["cat-file", "blob", blob], folder)
                if done is None or done.returncode or (room := room - len(done.stdout)) < 0:
                    raise KBError("the base's records cannot be read", where=f"{tree[:60]}/{name}")
                (target / "data" / name).write_bytes(done.stdout)
            return target
    return None


def _tree(tree: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Name and object of each plain YAML or JSON file of a folder in a commit."""
    done = git(["ls-tree", "-z", tree], folder)
    for row in done.stdout.split(b"\0") if done and not done.returncode else ():
        meta, _, name = row.decode("utf-8", "replace").partition("\t")
        mode, _, blob = [*meta.split(" "), "", ""][:3]
        if mode in PLAIN_FILES and name.endswith((".yaml", ".json")) and "/" not in name:
            yield name, blob
