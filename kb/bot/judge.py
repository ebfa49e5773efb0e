"""Two versions of a list -> the report: what is new and wrong with it, nothing else blocks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import kb
from kb.bot import blame, canonical, drafts, entries, web
from kb.bot import changes as difference
from kb.bot.report import MOST, Change, Finding, Report
from kb.bot.versions import load
from kb.checks import base as against
from kb.checks.known import Known
from kb.checks.listing import Listing
from kb.checks.run import check, one_line
from kb.lists import Venues
from kb.records import Library

if TYPE_CHECKING:
    from kb.bot.changes import Changes
    from kb.checks.listing import Item

WEIGHT = {"error": 0, "warning": 1, "info": 2}
MOST_ENTRIES = 500  # new entries that the web is asked about, and whose every letter is looked at


def compare(
    base: str, head: Path, *, root: Path | None = None, ask: web.Web | None = None
) -> Report:
    """The report on what `head` makes of `base`, a file or a revision of the head's repository.

    `root` is a knowledge base: its records and venues judge, and it must be the base's, not the
    head's. Raises KBError (usage) where the base cannot be read; a head that cannot is a finding.
    """
    versions = load(base, head)
    report = Report(
        tool_version=kb.__version__, path=versions.path,
        base_sha=versions.base_sha, head_sha=versions.head_sha,
    )  # fmt: skip
    if versions.head is None:
        report.findings = [
            Finding(rule="unreadable_list", severity="error", line=1, end_line=1, col=1, end_col=1,
                    message=one_line(versions.why))
        ]  # fmt: skip
        return report
    library = Library(root) if root is not None else None
    venues = Venues.load(root) if root is not None else Venues.load()
    known = Known([*library.papers, *library.datasets]) if library else Known()
    old = Listing(versions.base, base, venues=venues, known=known)
    folder = head.resolve().parent
    new = Listing(versions.head, versions.path, venues=venues, known=known, folder=folder)
    return judge(report, old, new, library, ask or web.Web())


def judge(
    report: Report, old: Listing, new: Listing, library: Library | None, ask: web.Web
) -> Report:
    """Fill the report."""
    change = difference.between(old, new)
    lint = against.mark_known(new, check(new), old, check(old))
    report.known = sum(found.known for found in lint)
    fresh = change.fresh_indexes
    lint = [blame.on_the_change(one, change, new) for one in lint]
    found = [drafts.of_lint(one, new) for one in lint if not one.known or one.entry in fresh]
    mended = blame.mended(lint, change, new)
    found += [drafts.placed(draft, new) for draft in _own(change, old, new, library, ask, mended)]
    found = _told_once(found)
    found.sort(key=lambda one: (not one.new, WEIGHT[one.severity], one.line, one.col, one.rule))
    report.findings = found[:MOST]
    report.more = len(found) - len(report.findings)
    report.links, report.arxiv = ask.said["links"], ask.said["arxiv"]
    for kind in ("added", "changed", "moved", "removed"):
        items = getattr(change, kind)
        setattr(report, kind, len(items))
        report.changes += [_change(kind, item, mended) for item in items][
            : MOST - len(report.changes)
        ]
    return report


def _own(
    change: Changes,
    old: Listing,
    new: Listing,
    library: Library | None,
    ask: web.Web,
    mended: dict[int, Item],
) -> list[drafts.Draft]:
    """What the bot's own rules say."""
    looked_at = change.fresh[:MOST_ENTRIES]
    papers = ask.papers(base for item in looked_at for base in web.identifiers(item))
    bullet = canonical.bullet_of(old if old.works else new) if entries.labelled(old, new) else None
    out: list[drafts.Draft] = []
    for item in change.added[:MOST_ENTRIES]:
        record, reads = papers.get(item.entry.arxiv or ""), mended.get(item.index)
        out += entries.fields(item, new, record, bullet=bullet, mended=reads)
    for item in looked_at:
        out += [*entries.characters(item), *entries.html(item)]
    out += entries.order(change, new)
    out += entries.known(change, new, library)
    out += entries.unread(change, new)
    out += web.titles(looked_at, papers)
    out += web.links(web.places(looked_at, old), ask)
    return out


def _told_once(found: list[Finding]) -> list[Finding]:
    """Without what another finding of the same line says better."""
    better = {
        "required_field": {"empty_entry", "label_nonstandard"},
        "arxiv_title": {"paper_link_other_paper", "shared_paper_url"},
        "duplicate_entry": {"known_paper", "shared_paper_url"},
        "known_paper": {"shared_paper_url", "required_field", "entry_form", "empty_entry"},
    }
    covered = {(one.line, rule) for one in found for rule in better.get(one.rule, ())}
    kept: dict[object, Finding] = {}
    for number, one in enumerate(found):
        # Of a pair each side is found for itself; on one line it is one finding.
        key = (one.line, one.rule) if one.rule in blame.PAIRED else number
        if (one.line, one.rule) not in covered:
            kept.setdefault(key, one)
    return list(kept.values())


def _change(kind: str, item: Item, mended: dict[int, Item]) -> Change:
    reads = item if kind == "removed" else mended.get(item.index, item)
    title = one_line(reads.entry.title or "")[:200] or None
    line = None if kind == "removed" else item.entry.line
    return Change.model_validate({"change": kind, "line": line, "title": title})
