"""What a paper's page says first: the verdict on its claims in a sentence, its tally, its evidence."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kb.publish.evidence_level import EvidenceLevel

MAIN = {
    "holds-for-its-reason": "The main claim holds on the synthetic benchmark, for the reason the paper gives.",
    "holds": "The main claim holds on the synthetic benchmark.",
    "holds-not-for-its-reason": "The main claim holds on the synthetic benchmark, but not for the reason the paper gives.",
    "no-difference": "The main claim makes no difference on the synthetic benchmark.",
    "opposite": "The main claim fails on the synthetic benchmark: the opposite was measured.",
    "undecided": "The main claim is undecided on the synthetic benchmark.",
    "did-not-learn": "The main claim could not be tested: a variant did not learn.",
    "cannot-be-shown": "The main claim cannot be shown on the synthetic benchmark.",
    "not-run": "The main claim has not been tested yet.",
    "to-be-run-again": "The main claim was changed after its runs, and is to be run again.",
}
KINDS = {  # verdict -> how it is drawn
    "holds-for-its-reason": "holds",
    "holds": "holds",
    "holds-not-for-its-reason": "holds",
    "no-difference": "fails",
    "opposite": "fails",
    "undecided": "undecided",
    "did-not-learn": "undecided",
    "cannot-be-shown": "undecided",
    "not-run": "none",
    "to-be-run-again": "none",
}
UNTESTED = {"not-run", "to-be-run-again"}
TALLY = {"holds": ("holds", "hold"), "fails": ("fails", "fail"), "undecided": ("undecided",) * 2}
STEPS = (  # evidence level, its words when it is reached, and when it is not
    ("implemented", "re-implemented", "not re-implemented"),
    ("matched", "matches the authors\u2019 code", "not compared with the authors\u2019 code"),
    ("claims tested", "claims tested", "claims not tested"),
    ("number checked", "published number re-measured", "published numbers not re-measured"),
)
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Mark:
    """One kind of verdict with how many claims have it."""

    kind: str  # holds, fails, undecided, none
    words: str  # 2 hold


@dataclass(frozen=True)
class StepMark:
    """One step of the evidence."""

    done: bool
    words: str
    shown_by: str  # the file or the runs that show it; empty if it is not reached


@dataclass(frozen=True)
class VerdictBox:
    """The first thing that a page of a paper says."""

    sentence: str
    marks: list[Mark]
    steps: list[StepMark]
    kind: str = "none"  # of the main claim's verdict; none where it is not tested


def tally(rows: Iterable[dict[str, Any]]) -> list[Mark]:
    """How many claims hold, fail, are undecided, were not run."""
    counts = Counter(KINDS[row["verdict"]] for row in rows)
    marks = [
        Mark(kind, f"{counts[kind]} {words[counts[kind] > 1]}")
        for kind, words in TALLY.items()
        if counts[kind]
    ]
    return marks + ([Mark("none", f"{counts['none']} not tested")] if counts["none"] else [])


def verdict_box(
    rows: list[dict[str, Any]], level: EvidenceLevel, *, published: int, status: str = "active"
) -> VerdictBox:
    """The box of one paper from its claims, its evidence and the number of its published results."""
    main = next((KINDS[row["verdict"]] for row in rows if row["main"]), "none")
    kind = main if status == "active" else "none"
    return VerdictBox(_sentence(rows, level, published, status), tally(rows), _steps(level), kind)


def _sentence(rows: list[dict[str, Any]], level: EvidenceLevel, published: int, status: str) -> str:
    if status != "active":
        return f"This paper is {status}{' from the list' if status == 'removed' else ''}."
    if not rows:
        return f"{_without_claims(level)} {_results(published)}"
    main = next((row for row in rows if row["main"]), None)
    first = MAIN[main["verdict"]] if main else ""
    tested = [row for row in rows if row["verdict"] not in UNTESTED]
    if not tested:
        return f"{_count(len(rows))} stated here, not tested yet."
    untested = len(rows) - len(tested)
    parts = [_spoken(kind, count) for kind, count in _counts(tested)]
    parts += [f"{_number(untested)} {'is' if untested == 1 else 'are'} not tested yet"] * bool(
        untested
    )
    return f"{first} Of {_count(len(rows)).lower()}, {_listed(parts)}.".strip()


def _counts(rows: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
    counts = Counter(KINDS[row["verdict"]] for row in rows)
    return [(kind, counts[kind]) for kind in TALLY if counts[kind]]


def _spoken(kind: str, count: int) -> str:
    """`two hold`, `one is undecided`."""
    verb = TALLY[kind][count > 1]
    linked = f"{'are' if count > 1 else 'is'} {verb}" if kind == "undecided" else verb
    return f"{_number(count)} {linked}"


def _without_claims(level: EvidenceLevel) -> str:
    if "implemented" in level.reached:
        return "Re-implemented here; no claim of it is tested yet."
    return "Not re-implemented here yet, so nothing of it was tested."


def _results(published: int) -> str:
    if not published:
        return "No published result of it is recorded."
    return f"{_number(published).capitalize()} published result{'s' if published > 1 else ''} recorded below."


def _count(claims: int) -> str:
    return f"{_number(claims).capitalize()} claim{'s' if claims != 1 else ''}"


def _number(count: int) -> str:
    return _WORDS[count] if count < len(_WORDS) else str(count)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _steps(level: EvidenceLevel) -> list[StepMark]:
    marks = []
    for name, done, undone in STEPS:
        reached = name in level.reached
        words = (
            "drafted, not finished"
            if name == "implemented" and "drafted" in level.reached and not reached
            else undone
        )
        marks.append(StepMark(reached, done if reached else words, level.reasons.get(name, "")))
    return marks
