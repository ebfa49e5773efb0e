"""The runs that a claim compares: same data, recipe and configuration, paired by seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kb.records.runs import Data, Run
    from kb.records.schema import Claim

BY_TOPICS = ("inf", "iP")  # prefixes of topic metrics: infAP, infNDCG, iP10
Ways = dict[str, dict[str, list["Run"]]]  # variant -> its configuration -> runs
PAIRED = 2  # seeds that all variants share, at least: one difference has no spread


@dataclass
class Pairs:
    """Runs by variant and seed, all on the same data and by the same recipe.

    A recipe's pre-training is the variant's own: variants may differ in it.
    """

    data: Data | None = None
    runs: dict[str, dict[int, Run]] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """Seeds that every variant has."""
        seeds_by_variant = [set(by_seed) for by_seed in self.runs.values()]
        return sorted(set.intersection(*seeds_by_variant)) if seeds_by_variant else []

    @property
    def enough(self) -> bool:
        """Whether there are enough seeds for a standard deviation."""
        return len(self.seeds) >= PAIRED


def pairs(claim: Claim, runs: Iterable[Run]) -> Pairs:
    """The runs of one world and configuration that pair most seeds; the latest of several equal.

    If a variant has several configurations, we take those of all variants that differ least from
    each other. Runs with topics as queries count for claims in infAP, infNDCG or iP@K only.
    """
    worlds: dict[str, Ways] = {}
    for run in _of_one_pretraining(claim, runs):
        ways = worlds.setdefault(_world(run), {name: {} for name in claim.variants})
        ways[run.variant].setdefault(
            json.dumps(switched_on(run.config), sort_keys=True), []
        ).append(run)
    groups = [group for ways in worlds.values() for group in _groups(ways)]
    empty = Pairs(None, {name: {} for name in claim.variants})
    return max(groups, key=_priority, default=(empty, 0))[0]


def _groups(ways: Ways) -> Iterator[tuple[Pairs, int]]:
    """A group for each configuration of the first variant, with the number of differing fields."""
    first = next(name for name in ways if ways[name])
    for made in ways[first].values():
        chosen = {name: _nearest(made, ways[name].values()) for name in ways}
        runs = {name: {run.seed: run for run in rows} for name, rows in chosen.items()}
        apart = sum(_apart(made[0], rows[0]) for rows in chosen.values() if rows)
        yield Pairs(made[0].data, runs), apart


def _nearest(made: list[Run], ways: Iterable[list[Run]]) -> list[Run]:
    """The configuration of a variant that differs least from these runs; then most shared seeds."""
    seeds = {run.seed for run in made}

    def priority(rows: list[Run]) -> tuple[int, int, str]:
        shared = len(seeds & {run.seed for run in rows})
        return -_apart(made[0], rows[0]), shared, max(run.date for run in rows)

    return max(ways, key=priority, default=[])


def _apart(one: Run, other: Run) -> int:
    """The number of differing fields of two configurations; off equals absent."""
    a, b = switched_on(one.config), switched_on(other.config)
    return sum(a.get(name) != b.get(name) for name in a.keys() | b.keys())


def _of_one_pretraining(claim: Claim, runs: Iterable[Run]) -> Iterator[Run]:
    """The runs of the claim's variants, each variant in each world after one pre-training.

    Variants may differ in their pre-training; if one variant has several, the one with most seeds
    counts.
    """
    by_variant: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for run in runs:
        wanted = run.variant in claim.variants and claim.data in (None, run.data.name)
        same_task = claim.metric.split()[-1].startswith(BY_TOPICS) == bool(run.topics)
        if run.status == "done" and run.kind == "model" and wanted and same_task:
            first = json.dumps(run.recipe.get("stages"), sort_keys=True)
            kinds = by_variant.setdefault((_world(run), run.variant), {})
            kinds.setdefault(first, []).append(run)
    for kinds in by_variant.values():
        yield from max(kinds.values(), key=lambda made: (len(made), max(r.date for r in made)))


def switched_on(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that are off (None, False): older runs lack later switches."""
    return {name: v for name, v in settings.items() if v is not None and v is not False}


def _world(run: Run) -> str:
    """Data, code and recipe as one key; settings that are off count as absent."""
    recipe = {k: v for k, v in run.recipe.items() if v is not None and k != "stages"}
    measured = [run.data.fingerprint, run.data.protocol, run.version, run.code, recipe]
    return json.dumps(measured, sort_keys=True)


def _priority(group: tuple[Pairs, int]) -> tuple[bool, int, int, int, str]:
    paired, apart = group
    runs = [run for by_seed in paired.runs.values() for run in by_seed.values()]
    return paired.enough, -apart, len(paired.seeds), len(runs), max(run.date for run in runs)
