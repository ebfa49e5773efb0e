"""`kb claims`: each claim judged on the runs of each who made them, side by side.

The row of a claim is the knowledge base's own where it made runs of it, else that of who made most;
`reproducers` has all of them, `contradictions` the pairs of them that cannot both be right.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from kb.records import pairs, reproducers, runcode
from kb.repro import claims

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.records import Claim, Library, Run

AGAIN = "to-be-run-again"  # the claim was changed after its runs were made
Document = dict[str, Any]
KEPT = ("verdict", "worlds", "weakest", "difference", "ci95", "older_code", "before")


def document(library: Library, key: str = "all", size: str = pairs.SIZE) -> list[Document]:
    """A row per claim of one paper or of all. Raises KBError for a paper that does not exist."""
    stated = library.stated(key)
    runs = {
        name: [run for run in library.runs(name) if run.data.probe is not None]
        for name in {runcode.BASELINE, *(model for model, _ in stated)}
    }
    return [
        judge(library, model, claim, runs[model], runs[runcode.BASELINE], size)
        for model, claim in stated
    ]


def judge(
    library: Library,
    model: str,
    claim: Claim,
    runs: Iterable[Run],
    baselines: Iterable[Run],
    size: str = pairs.SIZE,
) -> Document:
    """The row of a claim in `kb claims --json`."""
    floor = reproducers.split(baselines)
    rows: dict[str | None, Document] = {}
    for by, made in reproducers.split(runs).items():
        every = pairs.cells(claim, made, size).all
        if every:
            own = [*floor.get(None, []), *(floor.get(by, []) if by else [])]
            rows[by] = _one(library, model, claim, every, own, size) | _made(by, every)
    by = _foremost(rows)
    row = rows.get(by) or claims.check(model, claim, [], [], library.root, size) | {"before": None}
    stated = library.statements.of(claim)
    made_keys = ("by", "runs", "machines", "first", "last")
    beside = [{k: one[k] for k in (*made_keys, *KEPT)} for one in rows.values()]
    return {k: v for k, v in row.items() if k not in made_keys} | {
        "by": by,
        "reproducers": beside,
        "contradictions": contradictions(beside),
        "stated": stated.as_json(),
        "answers": [one.model_dump(mode="json") for one in claim.answers],
    }


def _one(
    library: Library, model: str, claim: Claim, runs: list[Run], floor: list[Run], size: str
) -> Document:
    """The verdict on the runs of one reproducer; `before`: on runs older than the statement."""
    counted = library.statements.counted(claim, runs)
    row = claims.check(model, claim, counted, floor, library.root, size) | {"before": None}
    if row["verdict"] == "not-run" and len(counted) < len(runs):
        before = claims.check(model, claim, runs, floor, library.root, size)["verdict"]
        if before != "not-run":
            return row | {"verdict": AGAIN, "before": before}
    return row


def _made(by: str | None, runs: list[Run]) -> Document:
    """Who made the runs, how many, on which machines, and from when to when."""
    days = sorted(run.date[:10] for run in runs)
    machines = list(dict.fromkeys(_machine(run) for run in runs))
    ends = {"first": days[0], "last": days[-1]}
    return {"by": by, "runs": len(runs), "machines": machines, **ends}


def _machine(run: Run) -> str:
    """The GPU, or the processor where there is none."""
    machine = run.machine
    return machine.device if machine.device != "cpu" else machine.processor or "cpu"


def _foremost(rows: dict[str | None, Document]) -> str | None:
    """Whose verdict the claim's row shows."""
    if None in rows and rows[None]["verdict"] != "not-run":
        return None
    tested = [by for by in rows if rows[by]["verdict"] != "not-run"]
    return max(tested, key=lambda by: len(rows[by]["worlds"]), default=next(iter(rows), None))


def contradictions(rows: list[Document]) -> list[list[str | None]]:
    """Pairs of reproducers whose verdicts cannot both be right."""
    return [
        [one["by"], other["by"]]
        for one, other in combinations(rows, 2)
        if reproducers.contradict(one["verdict"], other["verdict"])
    ]
