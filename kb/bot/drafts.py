"""Findings for the report, and the complete line that they suggest."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.bot import report
from kb.bot.catalogue import OWN
from kb.bot.escape import hidden
from kb.checks.run import one_line
from kb.enrich.matching import in_address, shortened
from kb.lists.linkwords import CODE, PAPER, host_kind
from kb.lists.writing import canonical_line
from kb.records import Ids, Link, Paper

if TYPE_CHECKING:
    from kb.checks.finding import LintFinding, Severity
    from kb.checks.listing import Item, Listing
    from kb.enrich.feed import ArxivRecord
    from kb.lists import Venues
LONGEST_SUGGESTION = 4000  # characters


@dataclass(frozen=True)
class Draft:
    """A finding of the bot's own rules; offsets into the new list, `line`: the corrected line."""

    rule: str
    start: int
    end: int
    message: str
    line: str | None = None
    severity: Severity | None = None


def placed(draft: Draft, listing: Listing) -> report.BotFinding:
    """The finding of a draft."""
    line, col = listing.locate(draft.start)
    end_line, end_col = listing.locate(max(draft.start, draft.end))
    suggestion = shown(draft.line)
    return report.BotFinding(
        rule=draft.rule,
        severity=draft.severity or OWN[draft.rule].severity,
        line=line, end_line=end_line, col=col, end_col=end_col,
        message=one_line(draft.message) or draft.rule,
        suggestion=suggestion,
        replaces=[line, end_line] if suggestion is not None else None,
    )  # fmt: skip


def of_lint(finding: LintFinding, listing: Listing) -> report.BotFinding:
    """The finding of `kb lint`; drops a suggestion that changes nothing."""
    suggestion = shown(finding.suggestion)
    first, last = finding.replaces
    if suggestion is not None and suggestion == "\n".join(
        listing.line_text(number) for number in range(first, last + 1)
    ):
        suggestion = None
    return report.BotFinding(
        rule=finding.rule,
        severity=finding.severity,
        line=finding.line, end_line=max(finding.line, finding.end_line), col=finding.col,
        end_col=max(1, finding.end_col),
        message=one_line(finding.message) or finding.rule,
        suggestion=suggestion,
        replaces=[first, last] if suggestion is not None else None,
        new=not finding.known,
    )  # fmt: skip


def shown(text: str | None) -> str | None:
    """The suggestion if all its characters are printable and it is not too long."""
    try:
        return None if text is None or len(text) > LONGEST_SUGGESTION else report.seen_lines(text)
    except ValueError:
        return None


BULLET = re.compile(r"[ \t]*([*+-])[ \t]")
ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"'`|]+")
ORDER = {PAPER: 0, CODE: 1}
LONGEST_TITLE = 300


def whole_line(
    item: Item, known: ArxivRecord | None, venues: Venues, bullet: str = "*"
) -> str | None:
    """The complete line of an entry; None if too little is known, or it is complete already.

    What the entry says itself goes before what arXiv says, but for a subtitle left out.
    """
    entry = item.entry
    title = entry.title or (known.title if known else None)
    if known and title and shortened(title, known.title):
        title = known.title
    authors = entry.authors or (known.authors[:50] if known else [])
    year = entry.year or (int(known.published[:4]) if known and known.published[:4].isdigit() else None)  # fmt: skip
    links = ordered(item)
    venue = entry.venue or ("arXiv" if entry.arxiv else None)
    if not (title and authors and year and venue and links) or len(title) > LONGEST_TITLE:
        return None
    try:
        paper = Paper(
            id="new", title=title, authors=authors, et_al=entry.et_al or len(authors) > 1,
            venue=venue, year=year, ids=Ids(arxiv=entry.arxiv), links=links,
        )  # fmt: skip
    except ValueError:
        return None  # a year or an id that no record takes: another finding says so
    line = canonical_line(paper, bullet=bullet, venues=venues)
    if any(hidden(line)) or "\n" in line:
        return None
    return line if line != item.text.strip() else None


def bullet_of(listing: Listing) -> str:
    """The most common bullet of a list's papers."""
    marks = (BULLET.match(item.text) for item in listing.works)
    counts = Counter(mark[1] for mark in marks if mark)
    return counts.most_common(1)[0][0] if counts else "*"


def ordered(item: Item) -> list[Link]:
    """The entry's links with corrected kinds, the paper first, then its code."""
    links: list[Link] = []
    for link in item.entry.links:
        url, kind = link["url"], link["kind"]
        if kind in {"link", "title", "homepage"}:
            kind = kind_by_host(url) or kind
        if ref := in_address(url):
            url, kind = f"https://arxiv.org/abs/{ref.base}", PAPER
        if ADDRESS.fullmatch(url) and url not in {one.url for one in links}:
            links.append(Link(kind=kind, url=url))
    return sorted(links, key=lambda link: ORDER.get(link.kind, 2))


def kind_by_host(url: str) -> str | None:
    """Paper or code, if the host decides it."""
    kind = host_kind(url)
    return kind if kind in ORDER else None
