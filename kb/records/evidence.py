"""How far the evidence for each paper reaches: computed from files, never typed.

listed -> modelled -> matched -> claim checked -> number checked. A rung is named where its files
are; the tests that run over those files hold what the rung says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.records import numbers, pairs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.records.library import Library
    from kb.records.runs import Run
    from kb.records.schema import Claim, Paper

RUNGS = {
    "listed": "the list has it, and its record is valid",
    "modelled": "models/ has its file, which the tests of every model hold",
    "matched": "the test suite holds the file against recordings of the official code",
    "claim checked": "runs of a claim's variants, paired by seed, stand in data/results",
    "number checked": "a run under the protocol of a published number stands in data/results",
}


@dataclass(frozen=True)
class Evidence:
    """What there is for one paper: by rung, the file or run it stands on."""

    paper: str
    model: str | None
    found: dict[str, str]

    @property
    def level(self) -> str:
        """The highest rung there is evidence for."""
        return [rung for rung in RUNGS if rung in self.found][-1]


def gather(library: Library) -> list[Evidence]:
    """The evidence for every paper that the list holds, in the order of the records."""
    runs = _finished(library)
    found = []
    for paper in library.papers:
        if paper.status == "active":
            own = runs.get(paper.model or "", [])
            evidence = {"listed": "data/papers.yaml"}
            evidence |= _of_model(library, paper.model, paper.claims, own)
            if number := _on_real_data(library, paper, own):
                evidence["number checked"] = number
            found.append(Evidence(paper.id, paper.model, evidence))
    return found


def of_datasets(library: Library) -> list[Evidence]:
    """The evidence for the models that came with a dataset of the list, under its name."""
    runs = _finished(library)
    return [
        Evidence(
            one.id,
            one.id,
            {"listed": "data/datasets.yaml"}
            | _of_model(library, one.id, one.claims, runs.get(one.id, [])),
        )
        for one in library.datasets
        if one.claims and one.status == "active"
    ]


def _finished(library: Library) -> dict[str, list[Run]]:
    """Finished runs by model."""
    runs: dict[str, list[Run]] = {}
    for run in library.runs():
        if run.status == "done" and run.kind == "model":
            runs.setdefault(run.model, []).append(run)
    return runs


def _of_model(
    library: Library, model: str | None, claims: Iterable[Claim], runs: list[Run]
) -> dict[str, str]:
    """What stands in files for a model: its own, its recordings, runs of its claims."""
    if not model:
        return {}
    found, module = {}, f"{model.replace('-', '_')}.py"
    if (library.root / "models" / module).is_file():
        found["modelled"] = f"models/{module}"
    if recording := _recording(library, model, module):
        found["matched"] = recording
    checked = [claim.id for claim in claims if pairs.pairs(claim, runs).enough]
    if checked:
        found["claim checked"] = ", ".join(checked)
    return found


def _recording(library: Library, model: str, module: str) -> str | None:
    """A recording of the official code that comes with an adapter, hence with a test."""
    if not (library.root / "tests" / "parity" / module).is_file():
        return None
    folder = library.root / "tests" / "data" / "parity"
    files = sorted(path.name for path in folder.glob(f"{model}.*npz"))
    return f"tests/data/parity/{files[0]}" if files else None


def _on_real_data(library: Library, paper: Paper, runs: Iterable[Run]) -> str | None:
    """A run that may be compared with a published row: same data, split, gallery and recipe."""
    rows = library.published.get(paper.id, [])
    held = [run for run in runs if any(not numbers.differences(row, run) for row in rows)]
    return f"data/results/{held[0].model}/{held[0].id}.json" if held else None


def document(library: Library) -> dict[str, Any]:
    """The document of `kb status --json`: per paper, and how many papers reach each rung.

    A dataset of the list that brought a model stands apart: it is no paper and not in the total.
    """
    papers = gather(library)
    total = {rung: sum(rung in paper.found for paper in papers) for rung in RUNGS}
    return {
        "total": total,
        "meaning": RUNGS,
        "runs": sum(1 for _ in library.runs()),
        "papers": [_plain(one) for one in papers],
        "datasets": [_plain(one) for one in of_datasets(library)],
    }


def _plain(one: Evidence) -> dict[str, Any]:
    return {"id": one.paper, "model": one.model, "level": one.level, "evidence": one.found}


def text(found: dict[str, Any]) -> str:
    """The document for people: totals, then papers and datasets beyond the first rung."""
    lines = [f"{count:4}  {rung:<14}  {RUNGS[rung]}" for rung, count in found["total"].items()]
    lines.append(f"{found['runs']:4}  runs in data/results")
    named = [(one, one["model"]) for one in found["papers"]]
    named += [(one, "came with the dataset") for one in found["datasets"]]
    for one, name in named:
        if one["level"] != "listed":
            stands_on = one["evidence"][one["level"]]
            lines.append(f"\n{one['id']} ({name}): {one['level']}, {stands_on}")
    return "\n".join(lines)
