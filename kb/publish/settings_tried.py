"""What a setting of the recipe changes: runs with it changed beside the recipe's own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean

from kb.publish import measured, verdicts
from kb.publish.corrected import FULL
from kb.publish.recipes import shown
from kb.records import Run

World = tuple[str, int]  # fingerprint of the data, seed


@dataclass(frozen=True)
class Trial:
    """One setting of a model, changed alone, over the worlds where both recipes ran."""

    model: str
    setting: str  # as a reader says it: learning rate
    ours: str
    tried: str
    data: str  # diorama-probe, small
    worlds: int
    own: float  # mean SumR of the recipe
    changed: float  # and with the setting changed
    difference: tuple[float, float, float]  # mean, and the 95 % interval paired by world


def trials(runs: Iterable[Run]) -> Iterator[Trial]:
    """Every setting that runs changed alone, with two worlds or more; by model and setting."""
    whole = [
        run for run in runs if run.status == "done" and run.variant == FULL and not _claims(run)
    ]
    own = {_key(run): run for run in _by_date(whole) if not run.changes}
    tried: dict[tuple[str, str, str, str], list[Run]] = {}
    for run in _by_date(whole):
        if len(run.changes) == 1 and _key(run) in own:
            ((name, value),) = run.changes.items()
            tried.setdefault((run.model, name, repr(value), run.data.title), []).append(run)
    for (_, name, _, _), of in sorted(tried.items()):
        latest = {_world(run): run for run in of}
        pairs = [(own[_key(run)], run) for run in latest.values()]
        trial = _trial(name, pairs)
        if trial is not None:
            yield trial


def _claims(run: Run) -> bool:
    """Whether it was made for a claim, with settings of its own."""
    return run.data.probe is not None and not run.trial


def _by_date(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: run.date)


def _world(run: Run) -> World:
    return run.data.fingerprint, run.seed


def _key(run: Run) -> tuple[str, int, World]:
    return run.model, run.version, _world(run)


def _trial(name: str, pairs: list[tuple[Run, Run]]) -> Trial | None:
    """None where no interval can be told."""
    before, after = (
        [measured.value(run, "", "SumR") or 0.0 for run in of] for of in zip(*pairs, strict=True)
    )
    difference = verdicts.paired([b - a for a, b in zip(before, after, strict=True)])
    if difference is None:
        return None
    own, changed = pairs[-1]
    return Trial(
        model=own.model,
        setting=name.replace("_", " "),
        ours=shown(own.recipe.get(name)),
        tried=shown(changed.changes[name]),
        data=own.data.title,
        worlds=len(pairs),
        own=fmean(before),
        changed=fmean(after),
        difference=difference,
    )
