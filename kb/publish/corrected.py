"""What correcting a model or its training changed: runs before and after, on the same data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kb.publish.paired import Paired, paired
from kb.records import Run
from kb.records.corrections import Correction


@dataclass(frozen=True)
class Change:
    """One correction on one dataset."""

    correction: Correction
    data: str  # diorama-msrvtt, small
    seeds: int
    scores: Paired  # by seed
    settings: list[str]  # of the recipe that changed: `epochs: 40, now 12`


def changes(corrections: Iterable[Correction], runs: Iterable[Run]) -> Iterator[Change]:
    """Each correction on each dataset where both versions ran with two seeds or more."""
    whole = [run for run in runs if run.is_full and _counts(run)]
    for one in corrections:
        own = [run for run in whole if run.model == one.model]
        for data in {run.data.fingerprint: run.data for run in own}.values():
            here = [run for run in own if run.data == data]
            after = _by_seed(run for run in here if run.version == one.version)
            before = _by_seed(run for run in here if run.version == one.version - 1)
            seeds = sorted(after.keys() & before.keys())
            change = _change(one, [before[s] for s in seeds], [after[s] for s in seeds])
            if change is not None:
                yield change


def _counts(run: Run) -> bool:
    """Whether it ran with its model's own recipe, outside the worlds of claims."""
    return run.data.probe is None and not run.changes


def _by_seed(runs: Iterable[Run]) -> dict[int, Run]:
    """The latest run of each seed."""
    return {run.seed: run for run in sorted(runs, key=lambda run: run.date)}


def _change(correction: Correction, before: list[Run], after: list[Run]) -> Change | None:
    """None with fewer than two seeds."""
    scores = paired(before, after)
    if scores is None:
        return None
    return Change(
        correction, after[0].data.title, len(after), scores, _changed(before[-1], after[-1])
    )


def _changed(before: Run, after: Run) -> list[str]:
    """Settings of both recipes with unequal values."""
    return [
        f"{name.replace('_', ' ')}: {before.recipe[name]}, now {value}"
        for name, value in after.recipe.items()
        if name in before.recipe and before.recipe[name] != value
    ]
