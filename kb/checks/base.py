"""What is new: findings against those of a base, by rule and entry, never by line number."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from kb.checks.address import identity
from kb.checks.words import title_key
from kb.lists import files, read
from kb.records import KBError

if TYPE_CHECKING:
    from kb.checks.finding import Finding
    from kb.checks.listing import Item, Listing

GIT_TIMEOUT = 60  # seconds
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def read_base(base: str, file: Path | str) -> str:
    """The text of the base: that of a file, else `file` as it stands in a git revision.

    Raises KBError (usage) where `base` is neither, or the revision has no such file.
    """
    if Path(base).is_file():
        return read(base)
    if str(file) == "-":
        raise KBError("a revision needs a file", where=base, mend="name the list, or a base file")
    place = Path(file).resolve()
    sha = revision(base, place.parent)
    shown = _git(["cat-file", "blob", f"{sha}:./{place.name}"], place.parent)
    if shown.returncode != 0:
        return ""  # the file is new: all of it is
    return files.decode(shown.stdout, f"{base}:{place.name}")


def revision(name: str, folder: Path) -> str:
    """The full hash of a commit. A name that git could take for an option never reaches it."""
    wrong = not name or name.startswith("-") or any(ord(char) < 33 for char in name)  # noqa: PLR2004
    if not wrong:
        command = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        found = _git(command, folder)
        sha = found.stdout.decode("ascii", "replace").strip()
        if found.returncode == 0 and len(sha) in {40, 64}:
            return sha
    raise KBError(
        f"--base {name[:100]!r} is neither a file nor a revision of this repository",
        where=folder,
        mend="name a file, a branch, a tag or a commit (a shallow clone lacks older ones)",
    )


def _git(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  (a fixed program; arguments are a list)
            ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607  (git of the user's path)
            cwd=folder,
            env={**os.environ, **QUIET},
            capture_output=True,
            timeout=GIT_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KBError(
            "git did not answer", where=folder, mend="install git, or give --base a file"
        ) from error


def mark_known(
    listing: Listing, findings: list[Finding], old: Listing, before: list[Finding]
) -> list[Finding]:
    """The findings, those that stood in the base already marked as known.

    An entry of both lists is one when it shares an id, a paper address or a title. For each entry
    and rule as many findings are known as the base had.
    """
    roots = _families(listing, old)
    budget = Counter((found.rule, roots[1].get(found.entry, _line(old, found))) for found in before)
    marked = []
    for found in findings:
        key = (found.rule, roots[0].get(found.entry, _line(listing, found)))
        if budget[key] > 0:
            budget[key] -= 1
            marked.append(found.as_known())
        else:
            marked.append(found)
    return marked


def _line(listing: Listing, found: Finding) -> str:
    """What identifies a finding outside of entries: the words of its line."""
    return " ".join(listing.line_text(found.line).split())


def _families(new: Listing, old: Listing) -> tuple[dict[int, str], dict[int, str]]:
    """Entry index -> family name, for both lists: entries of one family are the same work."""
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    for item in (*old.items, *new.items):
        keys = _keys(item)
        for key in keys[1:]:
            leader[find(key)] = find(keys[0])
    return tuple({i.index: find(_keys(i)[0]) for i in side.items} for side in (new, old))  # type: ignore[return-value]


def _keys(item: Item) -> list[str]:
    """What an entry is known by: its title or text, its ids."""
    entry = item.entry
    keys = [f"{entry.kind}:title:{title_key(entry.title)}"] if entry.title else []
    if entry.kind in {"paper", "dataset"}:
        keys += [f"{entry.kind}:arxiv:{entry.arxiv}"] if entry.arxiv else []
        keys += [f"{entry.kind}:doi:{entry.doi.lower()}"] if entry.doi else []
    elif entry.links:
        keys.append(f"{entry.kind}:{identity(entry.links[0]['url'])}")
    return keys or [f"text:{' '.join(item.text.split())}"]
