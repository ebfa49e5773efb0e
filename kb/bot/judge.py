"""Compare two versions of a list: the report of what is new; only new errors block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kb
from kb.bot import changes, drafts, entries, web
from kb.bot.report import MOST, BotFinding, BotReport, Change
from kb.bot.versions import base_records, load
from kb.checks import base as against
from kb.checks.known import Known
from kb.checks.listing import Listing
from kb.checks.run import check, one_line
from kb.lists import Venues, unread
from kb.records import KBError, Library

if TYPE_CHECKING:
    from pathlib import Path

    from kb.bot.changes import Changes
    from kb.checks.listing import Item

WEIGHT = {"error": 0, "warning": 1, "info": 2}
MOST_ENTRIES = 500  # new entries that are checked letter by letter and on the web


def compare(
    base: str, head: Path, *, root: Path | None = None, ask: web.Web | None = None
) -> BotReport:
    """The report on `head` compared with `base`, a file or a revision of the head's repository.

    `root` is the knowledge base whose records and venues judge; without one it is the base's, as
    `base_records` finds it. Raises KBError (usage) where the base cannot be read; a head that
    cannot is a finding.
    """
    if root is not None:
        return _compare(base, head, root, ask or web.Web())
    with base_records(base, head) as records:
        return _compare(base, head, records, ask or web.Web())


def _compare(base: str, head: Path, root: Path | None, ask: web.Web) -> BotReport:
    if root is not None and ask.data is None:
        ask.data = root / "data"
    versions = load(base, head)
    report = BotReport(
        tool_version=kb.__version__, path=versions.path,
        base_sha=versions.base_sha, head_sha=versions.head_sha,
    )  # fmt: skip
    if versions.head is None:
        return _unreadable(report, versions.why, 1)
    library = Library(root) if root is not None else None
    venues = Venues.load(root) if root is not None else Venues.load()
    known = Known([*library.papers, *library.datasets]) if library else Known()
    old = Listing(versions.base, base, venues=venues, known=known)
    folder = head.resolve().parent
    try:
        new = Listing(versions.head, versions.path, venues=venues, known=known, folder=folder)
    except KBError as error:
        return _unreadable(report, f"the list cannot be read: {error.what}", error.line or 1)
    return judge(report, old, new, library, ask)


def _unreadable(report: BotReport, why: str, line: int) -> BotReport:
    """A report with the single finding `unreadable_list`."""
    report.findings = [
        BotFinding(rule="unreadable_list", severity="error", line=line, end_line=line, col=1,
                   end_col=1, message=one_line(why))
    ]  # fmt: skip
    return report


def judge(
    report: BotReport, old: Listing, new: Listing, library: Library | None, ask: web.Web
) -> BotReport:
    """Fill the report."""
    change = changes.between(old, new)
    report.form = "label" if entries.labelled(old, new) else "other"
    lint = against.mark_known(new, check(new), old, check(old))
    report.unread = unread(new.text, new.venues)[:MOST]
    report.known = sum(finding.known for finding in lint)
    fresh = change.fresh_indexes
    lint = [changes.on_the_change(one, change, new) for one in lint]
    findings = [drafts.of_lint(one, new) for one in lint if not one.known or one.entry in fresh]
    corrected = changes.corrected(lint, change, new)
    own = _own(change, old, new, library, ask, corrected)
    findings = _without_repeats([*findings, *(drafts.placed(draft, new) for draft in own)])
    findings.sort(key=lambda one: (not one.new, WEIGHT[one.severity], one.line, one.col, one.rule))
    report.findings = findings[:MOST]
    report.more = len(findings) - len(report.findings)
    report.links, report.arxiv = ask.state["links"], ask.state["arxiv"]
    for kind in ("added", "changed", "moved", "removed"):
        items = getattr(change, kind)
        setattr(report, kind, len(items))
        report.changes += [_change(kind, item, corrected) for item in items][
            : MOST - len(report.changes)
        ]
    return report


def _own(
    change: Changes,
    old: Listing,
    new: Listing,
    library: Library | None,
    ask: web.Web,
    corrected: dict[int, Item],
) -> list[drafts.Draft]:
    """The findings of the bot's own rules."""
    looked_at = change.fresh[:MOST_ENTRIES]
    papers = ask.papers(base for item in looked_at for base in web.identifiers(item))
    bullet = drafts.bullet_of(old if old.works else new) if entries.labelled(old, new) else None
    out: list[drafts.Draft] = []
    for item in change.added[:MOST_ENTRIES]:
        record, reads = papers.get(item.entry.arxiv or ""), corrected.get(item.index)
        out += entries.fields(item, new, record, bullet=bullet, corrected=reads)
    for item in looked_at:
        out += [*entries.characters(item), *entries.html(item)]
    out += entries.mass_removal(change, old)
    out += entries.order(change, new)
    out += entries.known(change, new, library)
    out += entries.unread(change, new)
    out += web.titles(looked_at, papers)
    out += web.links(web.places(looked_at, old), ask)
    return out


def _without_repeats(findings: list[BotFinding]) -> list[BotFinding]:
    """Drop findings that a more specific finding of the same line covers."""
    better = {
        "required_field": {"empty_entry", "label_nonstandard"},
        "arxiv_title": {"paper_link_other_paper", "shared_paper_url"},
        "duplicate_entry": {"known_paper", "shared_paper_url"},
        "known_paper": {"shared_paper_url", "required_field", "entry_form", "empty_entry"},
    }
    covered = {(one.line, rule) for one in findings for rule in better.get(one.rule, ())}
    unique: dict[object, BotFinding] = {}
    for number, one in enumerate(findings):
        # Each side of a pair has a finding of its own; on one line they are one.
        key = (one.line, one.rule) if one.rule in changes.PAIRED else number
        if (one.line, one.rule) not in covered:
            unique.setdefault(key, one)
    return list(unique.values())


def _change(kind: str, item: Item, corrected: dict[int, Item]) -> Change:
    reads = item if kind == "removed" else corrected.get(item.index, item)
    title = one_line(reads.entry.title or "")[:200] or None
    line = None if kind == "removed" else item.entry.line
    return Change.model_validate({"change": kind, "line": line, "title": title})
