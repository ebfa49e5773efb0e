"""The runs that a claim compares: its variants, in one world, by one recipe, paired by seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kb.records.runs import Data, Run
    from kb.records.schema import Claim

BY_TOPICS = ("inf", "iP")  # what the metrics begin with that topics have: infAP, infNDCG, iP10
PAIRED = 2  # seeds that all variants share, at least: one difference has no spread


@dataclass
class Pairs:
    """Runs by variant and seed. Runs on other data or by another recipe are never in it.

    A recipe's pre-training is the variant's own: variants may differ in it.
    """

    data: Data | None = None
    runs: dict[str, dict[int, Run]] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """Seeds that every variant has."""
        held = [set(by_seed) for by_seed in self.runs.values()]
        return sorted(set.intersection(*held)) if held else []

    @property
    def enough(self) -> bool:
        """Whether a difference has a spread."""
        return len(self.seeds) >= PAIRED


def pairs(claim: Claim, runs: Iterable[Run]) -> Pairs:
    """The data and recipe under which most seeds pair; the latest made where several are equal.

    Runs that were asked with topics answer claims in infAP and its kin, and no others.
    """
    groups: dict[str, Pairs] = {}
    for run in _of_one_pretraining(claim, runs):
        key = _world(run)
        group = groups.setdefault(key, Pairs(run.data, {name: {} for name in claim.variants}))
        group.runs[run.variant][run.seed] = run
    empty = Pairs(None, {name: {} for name in claim.variants})
    return max(groups.values(), key=_covered, default=empty)


def _of_one_pretraining(claim: Claim, runs: Iterable[Run]) -> Iterator[Run]:
    """The runs of the claim's variants, each variant in each world after one pre-training.

    What was trained on first is what some variants differ in; of several that one variant had,
    that with most seeds is taken.
    """
    held: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for run in runs:
        wanted = run.variant in claim.variants and claim.data in (None, run.data.name)
        asked = claim.metric.split()[-1].startswith(BY_TOPICS) == bool(run.topics)
        if run.status == "done" and run.kind == "model" and wanted and asked:
            first = json.dumps(run.recipe.get("pretraining"), sort_keys=True)
            kinds = held.setdefault((_world(run), run.variant), {})
            kinds.setdefault(first, []).append(run)
    for kinds in held.values():
        yield from max(kinds.values(), key=lambda made: (len(made), max(r.date for r in made)))


def _world(run: Run) -> str:
    """Data and recipe; what a recipe leaves off counts as what it does not know of."""
    recipe = {k: v for k, v in run.recipe.items() if v is not None and k != "pretraining"}
    return json.dumps([run.data.fingerprint, run.data.protocol, recipe], sort_keys=True)


def _covered(group: Pairs) -> tuple[int, int, str]:
    held = [run for by_seed in group.runs.values() for run in by_seed.values()]
    return len(group.seeds), len(held), max(run.date for run in held)
