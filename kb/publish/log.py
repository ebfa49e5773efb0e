"""The log, newest first: new papers, runs, changed verdicts."""

import re
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from kb.publish import model_names, sources, verdicts
from kb.publish.text import clean
from kb.records import Library, Run, reproducers
from kb.records.git import said

ADDED = re.compile(r"^\+ {0,4}- id: ([a-z0-9]+)\s*$")
DATED = re.compile(r"^date (\d{4}-\d\d-\d\d)$")
NAMESPACE = uuid.UUID("5f0b2d2e-93a1-4c3e-8b53-6f0f6a4d7c11")  # of the entries of our feeds


@dataclass(frozen=True, order=True)
class LogEvent:
    """One line of the log."""

    date: str  # YYYY-MM-DD
    kind: str  # paper, runs, verdict
    subject: str  # id of the paper, or of the dataset that brought the model
    says: str
    page: str  # address of its page, from the root of the site

    @property
    def title(self) -> str:
        """The title in a feed, which has no column for the kind."""
        return f"New paper: {self.says}" if self.kind == "paper" else self.says


def events(library: Library) -> list[LogEvent]:
    """Everything that can be dated, newest first."""
    pages = sources.addresses(library)
    runs = [run for run in library.runs() if run.model in pages and run.status == "done"]
    names = model_names.read(library)
    entries = [*_papers(library), *_runs(pages, runs, names)]
    entries += _verdicts(library, pages, runs, names)
    dated = [one for one in entries if _is_day(one.date)]
    return sorted(dated, key=lambda one: (one.date, one.kind, one.subject, one.says), reverse=True)


def _is_day(text: str) -> bool:
    """Whether a text is a day of the calendar, YYYY-MM-DD and nothing else."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _papers(library: Library) -> list[LogEvent]:
    """When each record was first committed; nothing outside a git repository."""
    titles = {paper.id: paper.title for paper in library.papers}
    command = ["log", "--reverse", "--format=date %as", "-p", "--unified=0", "--no-renames"]
    command += ["--no-ext-diff", "--no-textconv"]  # no program of the repository's choosing runs
    history = said([*command, "--", "data/papers.yaml"], library.root) or ""
    day = ""
    first: dict[str, str] = {}
    for line in history.splitlines():
        if match := DATED.match(line):
            day = match[1]
        elif (match := ADDED.match(line)) and match[1] in titles:
            first.setdefault(match[1], day)
    return [
        LogEvent(when, "paper", key, titles[key], f"papers/{key}/") for key, when in first.items()
    ]


def _runs(pages: dict[str, str], runs: list[Run], names: dict[str, str]) -> list[LogEvent]:
    """A day's runs of a model on one world or dataset are one event."""
    groups: dict[tuple[str, str, str], int] = defaultdict(int)
    for run in runs:
        data = f"{run.data.title}, by {run.by}" if run.by else run.data.title
        groups[run.date[:10], run.model, data] += 1
    return [
        _of(
            pages[model],
            day,
            "runs",
            f"{names.get(model, model)}: {n} {'run' if n == 1 else 'runs'} on {data}",
        )
        for (day, model, data), n in groups.items()
    ]


def _verdicts(
    library: Library, pages: dict[str, str], runs: list[Run], names: dict[str, str]
) -> list[LogEvent]:
    """Each claim judged after every day on which its model ran; a changed verdict is an event.

    By the knowledge base's own runs, where it made any, and by none older than the claim.
    """
    entries = []
    for model, claim in library.stated():
        own = reproducers.own(run for run in runs if run.model == model)
        own = library.statements.counted(claim, own)
        before = "not-run"
        for day in sorted({run.date[:10] for run in own}):
            now = verdicts.verdict(model, claim, [run for run in own if run.date[:10] <= day])
            if now != before:
                says = f"{names.get(model, model)}, claim {now.replace('-', ' ')}: {claim.text}"
                entries.append(_of(pages[model], day, "verdict", says))
            before = now
    return entries


def _of(page: str, day: str, kind: str, says: str) -> LogEvent:
    return LogEvent(day, kind, page.split("/")[1], says, page)


def atom(entries: list[LogEvent], title: str, address: str | None) -> str:
    """The log as an Atom feed (RFC 4287); `address` is the site's, if known."""
    base = f" xml:base={_attribute(address)}" if address else ""
    own = uuid.uuid5(NAMESPACE, clean(title))
    latest = _xml(entries[0].date) if entries else "1970-01-01"
    listed = "".join(_entry(one) for one in entries[:100])
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"{base}>\n'
        f"<id>urn:uuid:{own}</id>\n<title>{_xml(title)}</title>\n<updated>{latest}T00:00:00Z</updated>\n"
        f'<author><name>{_xml(title)}</name></author>\n<link rel="self" href="feed.xml"/>\n{listed}</feed>\n'
    )


def _entry(one: LogEvent) -> str:
    own = uuid.uuid5(NAMESPACE, clean(f"{one.date} {one.kind} {one.subject} {one.says}"))
    return (
        f"<entry><id>urn:uuid:{own}</id><title>{_xml(one.title)}</title>"
        f"<updated>{_xml(one.date)}T00:00:00Z</updated><link href={_attribute(one.page)}/>"
        f"<category term={_attribute(one.kind)}/><summary>{_xml(one.title)}</summary></entry>\n"
    )


def _xml(text: str) -> str:
    return escape(clean(text))


def _attribute(text: str) -> str:
    return quoteattr(clean(text))


def rows(entries: list[LogEvent]) -> list[dict[str, Any]]:
    """The events by day, for the page."""
    days: dict[str, list[LogEvent]] = defaultdict(list)
    for one in entries:
        days[one.date].append(one)
    return [{"date": day, "events": of} for day, of in days.items()]
