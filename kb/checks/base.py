"""What is new: findings against those of a base, by rule and entry, never by line number."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from kb.checks.address import identity
from kb.checks.words import title_key
from kb.lists import files, read
from kb.records import KBError
from kb.records.git import git

if TYPE_CHECKING:
    import subprocess

    from kb.checks.finding import Finding
    from kb.checks.listing import Item, Listing


def read_base(base: str, file: Path | str) -> str:
    """The text of the base: that of a file, else `file` as it stands in a git revision.

    Raises KBError (usage) where `base` is neither, or the revision has no such file.
    """
    if Path(base).is_file():
        return read(base)
    if str(file) == "-":
        raise KBError("a revision needs a file", where=base, hint="name the list, or a base file")
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
        hint="name a file, a branch, a tag or a commit (a shallow clone lacks older ones)",
    )


def _git(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    done = git(arguments, folder)
    if done is None:
        raise KBError("git did not answer", where=folder, hint="install git, or give --base a file")
    return done


def mark_known(
    listing: Listing, findings: list[Finding], old: Listing, before: list[Finding]
) -> list[Finding]:
    """The findings, those that stood in the base already marked as known.

    Of each entry and rule as many findings are known as the entry had in the base.
    """
    partner = partners(listing, old)
    budget = Counter((found.rule, _owner(old, found)) for found in before)
    marked = []
    for found in findings:
        owner = partner.get(found.entry) if found.entry >= 0 else _owner(listing, found)
        if owner is not None and budget[found.rule, owner] > 0:
            budget[found.rule, owner] -= 1
            marked.append(found.as_known())
        else:
            marked.append(found)
    return marked


def _owner(listing: Listing, found: Finding) -> int | str:
    """The entry that a finding is about; outside of entries the words of its line."""
    if found.entry >= 0:
        return found.entry
    return " ".join(listing.line_text(found.line).split())


def partners(new: Listing, old: Listing) -> dict[int, int]:
    """Which entry of `old` each entry of `new` was: one to one, the surest likeness first."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    for likeness in (_place_and_words, _words, _title, _arxiv, _doi, _address):
        table: dict[str, list[int]] = defaultdict(list)
        for item in reversed(old.items):
            key = likeness(item)
            if key and item.index not in taken:
                table[key].append(item.index)
        for item in new.items:
            waiting = table.get(likeness(item) or "")
            if waiting and item.index not in found:
                found[item.index] = waiting.pop()
                taken.add(found[item.index])
    return found


def _words(item: Item) -> str | None:
    return " ".join(item.text.split())


def _place_and_words(item: Item) -> str | None:
    return f"{item.entry.section}: {_words(item)}"


def _title(item: Item) -> str | None:
    entry = item.entry
    return f"{entry.kind}: {title_key(entry.title)}" if entry.title else None


def _arxiv(item: Item) -> str | None:
    return f"{item.entry.kind}: {item.entry.arxiv}" if item.entry.arxiv else None


def _doi(item: Item) -> str | None:
    return f"{item.entry.kind}: {item.entry.doi.lower()}" if item.entry.doi else None


def _address(item: Item) -> str | None:
    return identity(item.entry.links[0]["url"]) if item.entry.links else None
