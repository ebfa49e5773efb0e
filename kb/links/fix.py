"""Write permanent moves into the list: only in the place of the address."""

from dataclasses import dataclass
from pathlib import Path

from kb.links.sources import scan
from kb.links.urls import Target, parse
from kb.links.verdict import Result, Verdict
from kb.records import Exit, KBError, atomic, plainfile

BOM = "\ufeff"


@dataclass(frozen=True)
class LinkEdit:
    """One replacement in a file; line and column from 1, `old` as written there."""

    line: int
    col: int
    old: str
    new: str


def replacement(result: Result) -> str | None:
    """The new address of a moved link, or None if a person must decide.

    Only a move whose every hop was permanent and whose end is a page; never from https to http;
    to another site only where the last part of the path stayed, as moved projects keep it and
    parked domains do not.
    """
    if result.verdict is not Verdict.MOVED or not result.final_url:
        return None
    try:
        old, new = parse(result.url), parse(result.final_url)
    except ValueError:
        return None
    if (old.scheme, new.scheme) == ("https", "http") or not (
        same_site(old, new) or same_name(old, new)
    ):
        return None
    # Parentheses would end a Markdown link; percent-encoded they mean the same.
    return result.final_url.replace("(", "%28").replace(")", "%29")


def same_site(old: Target, new: Target) -> bool:
    """Whether one host is the other or a subdomain of it."""
    ours, theirs = (target.host.removeprefix("www.") for target in (old, new))
    return ours == theirs or ours.endswith(f".{theirs}") or theirs.endswith(f".{ours}")


def same_name(old: Target, new: Target) -> bool:
    """Whether the last part of the path is the same word."""
    ours, theirs = (target.path.partition("?")[0].rstrip("/") for target in (old, new))
    last = ours.rpartition("/")[2].lower()
    return len(last) > 3 and last == theirs.rpartition("/")[2].lower()  # noqa: PLR2004  (a word)


def edits(text: str, results: list[Result]) -> list[LinkEdit]:
    """The replacements in a Markdown text."""
    news = {result.url: new for result in results if (new := replacement(result)) is not None}
    return [
        LinkEdit(one.line, one.col, one.raw, news[one.url]) for one in scan(text) if one.url in news
    ]


def apply(path: Path, results: list[Result]) -> list[LinkEdit]:
    """Rewrite the moved links of a file; returns the replacements. Every other byte stays.

    Raises KBError where the file cannot be read, or changed while this ran.
    """
    path = path.resolve()  # a list that is a symbolic link stays one
    before = _bytes(path)
    text = before.decode("utf-8")
    bom = BOM if text.startswith(BOM) else ""
    lines = text.removeprefix(BOM).split("\n")
    done = []
    for edit in sorted(edits(text.removeprefix(BOM), results), key=_from_the_right):
        line, start = lines[edit.line - 1], edit.col - 1
        if line.startswith(edit.old, start):
            lines[edit.line - 1] = line[:start] + edit.new + line[start + len(edit.old) :]
            done.append(edit)
    if done:
        if _bytes(path) != before:
            raise KBError("changed meanwhile", where=path, hint="try again", code=Exit.CONFLICT)
        atomic.write(path, (bom + "\n".join(lines)).encode("utf-8"))
    return sorted(done, key=lambda edit: (edit.line, edit.col))


def _from_the_right(edit: LinkEdit) -> tuple[int, int]:
    """Sort key: from the end, so that no replacement moves the next one's column."""
    return -edit.line, -edit.col


def _bytes(path: Path) -> bytes:
    return plainfile.read(path, hint="name a Markdown file")
