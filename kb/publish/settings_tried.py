"""What a setting of the recipe changes: runs with it changed beside the recipe's own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kb.publish.paired import Paired, paired
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
    scores: Paired  # by world: with our recipe, and with the setting changed


def trials(runs: Iterable[Run]) -> Iterator[Trial]:
    """Every setting that runs changed alone, with two worlds or more; by model and setting."""
    full = (run for run in runs if run.is_full and not run.is_for_claims)
    whole = sorted(full, key=lambda run: run.date)
    own = {_key(run): run for run in whole if not run.changes}
    tried: dict[tuple[str, str, str, str], list[Run]] = {}
    for run in whole:
        if len(run.changes) == 1 and _key(run) in own:
            ((name, value),) = run.changes.items()
            tried.setdefault((run.model, name, repr(value), run.data.title), []).append(run)
    for (_, name, _, _), of in sorted(tried.items()):
        latest = {_world(run): run for run in of}
        pairs = [(own[_key(run)], run) for run in latest.values()]
        trial = _trial(name, pairs)
        if trial is not None:
            yield trial


def _world(run: Run) -> World:
    return run.data.fingerprint, run.seed


def _key(run: Run) -> tuple[str, int, World]:
    return run.model, run.version, _world(run)


def _trial(name: str, pairs: list[tuple[Run, Run]]) -> Trial | None:
    """None where no interval can be told."""
    scores = paired([own for own, _ in pairs], [changed for _, changed in pairs])
    if scores is None:
        return None
    own, changed = pairs[-1]
    return Trial(
        model=own.model,
        setting=name.replace("_", " "),
        ours=shown(own.recipe.get(name)),
        tried=shown(changed.changes[name]),
        data=own.data.title,
        worlds=len(pairs),
        scores=scores,
    )
