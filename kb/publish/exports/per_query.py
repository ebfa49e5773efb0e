"""The ranks of a run's queries as instance records of Every Eval Ever, joined to its R@1.

A record of a run has no text of queries: a query is named by its place in the split, which `kb data`
gives for the fingerprint of the data. The score is the chance that the first answer is right, ties
counted as expected values, so that the mean of a direction's scores is its R@1.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kb.records import metrics
from kb.records.recount import unpack
from kb.records.ties import Case, Measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.records import Run

_WORDS = {"t2v": ("caption", "text to video"), "v2t": ("video", "video to text")}


def rows(run: Run, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An instance record of each query whose rank and ties the run stores.

    Args:
        run: its ranks.
        record: its aggregate record, which the rows name.
    """
    for direction in metrics.DIRECTIONS:
        parts = (direction, f"{direction}.wrong", f"{direction}.right")
        if {*parts} <= run.ranks.keys() and "R@1" in run.metrics.get(direction, {}):
            ranks, wrong, right = (unpack(run.ranks[part]) for part in parts)
            for number, query in enumerate(zip(ranks, wrong, right, strict=True)):
                yield _row(record, run, direction, number, query)


def _row(
    record: dict[str, Any], run: Run, direction: str, number: int, query: tuple[float, float, float]
) -> dict[str, Any]:
    rank, wrong, right = query
    score = _first(rank, wrong, right)
    noun, way = _WORDS[direction]
    return {
        "schema_version": record["schema_version"],
        "evaluation_id": record["evaluation_id"],
        "model_id": record["model_info"]["id"],
        "evaluation_name": f"{run.data.name} {run.data.split} {direction}",
        "evaluation_result_id": f"{direction}.R@1",
        "sample_id": f"{run.data.name}/{run.data.split}/{direction}/{number}",
        "interaction_type": "single_turn",
        "input": {
            "raw": f"{noun} {number} of the {run.data.split} split ({way})",
            "reference": [],
        },
        "output": {"raw": []},
        "answer_attribution": [],
        "evaluation": {"score": score, "is_correct": score == 1},
        "metadata": {
            "rank": f"{rank:g}",
            "wrong_answers_that_tie": f"{wrong:g}",
            "right_answers_that_tie": f"{right:g}",
            "data": run.data.fingerprint,
        },
    }


@lru_cache(maxsize=100_000)
def _first(rank: float, wrong: float, right: float) -> float:
    """The chance that a right answer is first."""
    case: Case = (round(rank - 1 - wrong / (right + 1)), round(wrong), round(right))
    value = Measured(Counter([case]), 1).value("R@1", single=False)
    return (value or 0.0) / 100
