"""New findings: compared with those of a base by rule and entry, never by line number."""

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

    from kb.checks.finding import LintFinding
    from kb.checks.listing import Item, Listing


def read_base(base: str, file: Path | str) -> str:
    """The text of the base: a file, or else `file` in a git revision.

    Raises KBError (usage) if `base` is neither. A file that the revision lacks is empty.
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
    """The full hash of a commit. Refuses names that git could take for an option."""
    wrong = not name or name.startswith("-") or any(ord(char) < 33 for char in name)  # noqa: PLR2004
    if not wrong:
        command = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        answer = _git(command, folder)
        sha = answer.stdout.decode("ascii", "replace").strip()
        if answer.returncode == 0 and len(sha) in {40, 64}:
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
    listing: Listing, findings: list[LintFinding], old: Listing, before: list[LintFinding]
) -> list[LintFinding]:
    """The findings; those that the base has too are marked as known.

    An entry has at most as many known findings of a rule as it has in the base.
    """
    partner = partners(listing, old)
    budget = Counter((finding.rule, _owner(old, finding)) for finding in before)
    marked = []
    for finding in findings:
        owner = partner.get(finding.entry) if finding.entry >= 0 else _owner(listing, finding)
        if owner is not None and budget[finding.rule, owner] > 0:
            budget[finding.rule, owner] -= 1
            marked.append(finding.as_known())
        else:
            marked.append(finding)
    return marked


def _owner(listing: Listing, finding: LintFinding) -> int | str:
    """The index of a finding's entry; outside of entries, the words of its line."""
    if finding.entry >= 0:
        return finding.entry
    return " ".join(listing.line_text(finding.line).split())


def partners(new: Listing, old: Listing) -> dict[int, int]:
    """Entry of `new` -> the same entry of `old`, one to one, by the most reliable key first."""
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for key_of in (_place_and_words, _words, _title, _arxiv, _doi, _address):
        table: dict[str, list[int]] = defaultdict(list)
        for item in reversed(old.items):
            key = key_of(item)
            if key and item.index not in taken:
                table[key].append(item.index)
        for item in new.items:
            waiting = table.get(key_of(item) or "")
            if waiting and item.index not in partner:
                partner[item.index] = waiting.pop()
                taken.add(partner[item.index])
    return partner


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
