"""The log, newest first: new papers, runs, changed verdicts."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

from kb.publish import folds, measured, model_names, sources, text, verdicts
from kb.records import Library, Paper, Run, reproducers, runcode, summaries
from kb.records.git import said

ADDED = re.compile(r"^\+ {0,4}- id: ([a-z0-9]+)\s*$")
DATED = re.compile(r"^date (\d{4}-\d\d-\d\d) (\S+)$")
WORDS = {  # of a verdict, after "claim"; others are their names
    "no-difference": "makes no difference",
    "opposite": "fails, the opposite was measured",
    "did-not-learn": "not judged, a variant did not learn",
    "not-run": "not tested",
}
SHOWN = (  # direction, metric, its words, decimals
    ("t2v", "R@1", "text-to-video R@1", 1),
    ("", "SumR", "SumR", 1),
    ("t2v", "infAP", "infAP", 3),
)


@dataclass(frozen=True, order=True)
class LogEvent:
    """One line of the log."""

    date: str  # YYYY-MM-DD
    kind: str  # paper, runs, verdict
    subject: str  # id of the paper, or of the dataset that brought the model
    says: str
    page: str  # address of its page, from the root of the site
    time: str = ""  # YYYY-MM-DDTHH:MM:SSZ; empty where only the day is known
    body: tuple[str, ...] = ()  # paragraphs of plain text

    @property
    def moment(self) -> str:
        """Its time in UTC; midnight of its day where no time is known."""
        return self.time or f"{self.date}T00:00:00Z"

    @property
    def title(self) -> str:
        """The title in a feed, which has no column for the kind."""
        return f"New paper: {self.says}" if self.kind == "paper" else self.says


def events(library: Library) -> list[LogEvent]:
    """Everything that can be dated, newest first."""
    pages = sources.addresses(library)
    done = [run for run in measured.runs(library) if run.status == "done"]
    runs = [run for run in done if run.model in pages]
    floor = [run for run in done if run.model == runcode.BASELINE and run.by is None]
    names = model_names.read(library)
    entries = [*_papers(library), *_runs(pages, runs, names)]
    entries += _verdicts(library, pages, runs, floor, names)
    dated = [one for one in entries if _is_day(one.date)]
    return sorted(dated, key=lambda one: (one.date, one.kind, one.subject, one.says), reverse=True)


def _is_day(text: str) -> bool:
    """Whether a text is a day of the calendar, YYYY-MM-DD and nothing else."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _utc(written: str) -> str:
    """A moment with its offset as UTC to the second; empty where the text is no such moment."""
    try:
        moment = datetime.fromisoformat(re.sub(r"Z$", "+00:00", written))
    except ValueError:
        return ""
    if moment.tzinfo is None:
        return ""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _papers(library: Library) -> list[LogEvent]:
    """When each record was first committed; nothing outside a git repository."""
    papers = {paper.id: paper for paper in library.papers}
    command = ["log", "--reverse", "--format=date %as %aI", "-p", "--unified=0", "--no-renames"]
    command += ["--no-ext-diff", "--no-textconv"]  # no program of the repository's choosing runs
    history = said([*command, "--", "data/papers.yaml"], library.root) or ""
    when = ("", "")
    first: dict[str, tuple[str, str]] = {}
    for line in history.splitlines():
        if match := DATED.match(line):
            when = (match[1], _utc(match[2]))
        elif (match := ADDED.match(line)) and match[1] in papers:
            first.setdefault(match[1], when)
    told = summaries.read(library.data)
    return [
        LogEvent(day, "paper", key, papers[key].title, f"papers/{key}/", time, body)
        for key, (day, time) in first.items()
        for body in [_about(papers[key], told.get(key))]
    ]


def _about(paper: Paper, summary: summaries.Summary | None) -> tuple[str, ...]:
    """Who wrote a paper, where it appeared, what it does."""
    where = " ".join(str(part) for part in (paper.venue, paper.year) if part)
    by = text.names(paper.authors, et_al=paper.et_al, most=len(paper.authors))
    lines = [", ".join(part for part in (by, where) if part), summary.summary if summary else ""]
    return tuple(line for line in lines if line)


def _runs(pages: dict[str, str], runs: list[Run], names: dict[str, str]) -> list[LogEvent]:
    """A day's runs of a model on one world or dataset, all folds of it, are one event."""
    groups: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        title = folds.title(run.data)
        data = f"{title}, by {run.by}" if run.by else title
        groups[run.date[:10], run.model, data].append(run)
    return [
        _of(
            pages[model],
            day,
            "runs",
            f"{names.get(model, model)}: {len(of)} {'run' if len(of) == 1 else 'runs'} on {data}",
            time=max(_utc(run.date) for run in of),
            body=tuple(_results(of)),
        )
        for (day, model, data), of in groups.items()
    ]


def _results(runs: list[Run]) -> Iterator[str]:
    """A line for each variant, and of probe worlds for each level: means of its main metrics."""
    groups: dict[tuple[str, str, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        probe = run.data.probe
        mechanism, level = (probe.mechanism, probe.level) if probe else ("", "")
        groups[run.variant, mechanism, level, _changed(run)].append(run)
    for (variant, mechanism, level, changed), of in sorted(groups.items()):
        series = measured.Series(of[0].model, variant, baseline=False, runs=of)
        shown = [
            f"{name} {mean:.{digits}f}"
            for way, metric, name, digits in SHOWN
            if (mean := series.mean(way, metric)) is not None
        ]
        world = f", {mechanism} {level}" if mechanism else ""
        count = "1 run" if len(of) == 1 else f"mean of {len(of)} runs"
        yield f"Variant {variant}{world}{changed}, {count}: {', '.join(shown) or 'not measured'}"


def _changed(run: Run) -> str:
    """The settings of its recipe that a run was to change, where it was not made for a claim."""
    if run.is_for_claims:
        return ""
    return "".join(f", {name.replace('_', ' ')} {v}" for name, v in run.changes.items())


def _verdicts(
    library: Library,
    pages: dict[str, str],
    runs: list[Run],
    floor: list[Run],
    names: dict[str, str],
) -> list[LogEvent]:
    """Each claim judged after every day on which its model ran; a changed verdict is an event.

    By the knowledge base's own runs, where it made any, and by none older than the claim. The runs
    of the baseline, `floor`, say whether a variant learned at all; they count whenever made.
    """
    entries = []
    for model, claim in library.stated():
        own = reproducers.own(run for run in runs if run.model == model)
        own = library.statements.counted(claim, own)
        before = "not-run"
        for day in sorted({run.date[:10] for run in own}):
            until = [run for run in own if run.date[:10] <= day]
            now = verdicts.verdict(model, claim, until, floor)
            if now != before:
                says = f"{names.get(model, model)}, claim {_in_words(now)}: {claim.text}"
                time = max(_utc(run.date) for run in until)
                body = (claim.text, _turned(before, now))
                entries.append(_of(pages[model], day, "verdict", says, time=time, body=body))
            before = now
    return entries


def _turned(before: str, now: str) -> str:
    return f"Verdict: {_in_words(now)}. Before: {_in_words(before)}."


def _in_words(verdict: str) -> str:
    return WORDS.get(verdict, verdict.replace("-", " "))


def _of(page: str, day: str, kind: str, says: str, *, time: str, body: tuple[str, ...]) -> LogEvent:
    time = time if time[:10] == day else ""  # a record's day is that of its own clock
    return LogEvent(day, kind, page.split("/")[1], says, page, time, body)


def rows(entries: list[LogEvent]) -> list[dict[str, Any]]:
    """The events by day, for the page."""
    days: dict[str, list[LogEvent]] = defaultdict(list)
    for one in entries:
        days[one.date].append(one)
    return [{"date": day, "events": of} for day, of in days.items()]
