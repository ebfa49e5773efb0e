"""The two versions of a list: the base as a file or at the merge base, the head as a plain file."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from kb.checks.base import read_base, revision
from kb.lists import files
from kb.records import KBError
from kb.records.git import git

LARGEST = 4 << 20  # bytes of a list; the longest awesome list is under one MiB


@dataclass(frozen=True)
class Versions:
    """Texts and commits; `head` is None where it cannot be read, and `why` says so."""

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
    """A file of `folder` as a commit has it; empty where the commit has none.

    The name is never resolved in the working tree: what is a link there now was a list then.
    """
    done = git(["cat-file", "blob", f"{sha}:./{name}"], folder)
    if done is None or done.returncode != 0:
        return ""
    return files.decode(done.stdout, f"{sha[:12]}:{name}")


def head_text(path: Path) -> tuple[str | None, str]:
    """The head's text; or None, and why it cannot be read. A link is not followed."""
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
        return None, "the list is not there any more"
    except (OSError, KBError) as error:
        what = error.what if isinstance(error, KBError) else str(error.strerror)
        line = f" (line {error.line})" if isinstance(error, KBError) and error.line else ""
        return None, f"the list cannot be read: {what}{line}"


def place(head: Path, folder: Path) -> str:
    """The head's path from the top of its repository; its name where there is none."""
    done = git(["rev-parse", "--show-prefix"], folder)
    prefix = done.stdout.decode("utf-8", "replace").strip() if done and done.returncode == 0 else ""
    return f"{prefix}{head.name}"


def _one_commit(arguments: list[str], folder: Path) -> str | None:
    done = git(arguments, folder)
    sha = done.stdout.decode("ascii", "replace").split("\n")[0].strip() if done else ""
    return sha if done and done.returncode == 0 and len(sha) == 40 else None  # noqa: PLR2004  (SHA-1)
