"""The evidence level of each paper: computed from files, never typed.

listed -> drafted -> implemented -> matched -> claims tested -> number checked. A level is named
with the file or the runs that show it; what needs a model file needs one that is implemented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.records import numbers, pairs
from kb.records.modelfile import ModelFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.records.library import Library
    from kb.records.runs import Run
    from kb.records.schema import Claim, Paper

LEVELS = {
    "listed": "the list has it, and its record is valid",
    "drafted": "models/ has a file for it",
    "implemented": "that file passes the shared tests, and its own name every equation",
    "matched": "it matches recordings of the official code",
    "claims tested": "claims were tested on runs of their variants, paired by world",
    "number checked": "a run under the protocol of a published number is in data/results",
}


@dataclass(frozen=True)
class Evidence:
    """The levels one paper reaches, each with the file or run that shows it."""

    paper: str
    model: str | None
    shown_by: dict[str, str]  # level -> file or runs

    @property
    def level(self) -> str:
        """The highest level it reaches."""
        return [level for level in LEVELS if level in self.shown_by][-1]


def gather(library: Library) -> list[Evidence]:
    """The evidence for every paper of the list, in the order of the records."""
    runs = _finished(library)
    papers = []
    for paper in library.papers:
        if paper.status == "active":
            own = runs.get(paper.model or "", [])
            shown_by = {"listed": "data/papers.yaml"}
            shown_by |= _of_model(library, paper.model, paper.claims, own)
            number = _on_real_data(library, paper, own)
            if number and "implemented" in shown_by:
                shown_by["number checked"] = number
            papers.append(Evidence(paper.id, paper.model, shown_by))
    return papers


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
    """The levels of a model, shown by its file, its recordings and the runs of its claims."""
    if not model or not (file := ModelFile(library.root, model)).exists:
        return {}
    if file.lacks:
        return {"drafted": f"{file.lacks[0].where}: {file.lacks[0].message}"}
    shown_by = {"drafted": file.path, "implemented": file.path}
    if recording := _recording(library, file):
        shown_by["matched"] = recording
    tested = [claim.id for claim in claims if pairs.cells(claim, runs).enough]
    if tested:
        shown_by["claims tested"] = ", ".join(tested)
    return shown_by


def _recording(library: Library, model: ModelFile) -> str | None:
    """A recording of the official code that has an adapter, and so a test."""
    if not (library.root / model.adapter).is_file():
        return None
    folder = library.root / "tests" / "data" / "parity"
    files = sorted(path.name for path in folder.glob(f"{model.name}.*npz"))
    return f"tests/data/parity/{files[0]}" if files else None


def _on_real_data(library: Library, paper: Paper, runs: Iterable[Run]) -> str | None:
    """A run that may be compared with a published row: same data, split, gallery and recipe."""
    rows = library.published.get(paper.id, [])
    same = [run for run in runs if any(not numbers.differences(row, run) for row in rows)]
    return f"data/results/{same[0].model}/{same[0].id}.json" if same else None


def document(library: Library) -> dict[str, Any]:
    """The document of `kb status --json`: per paper, and how many papers reach each level.

    Datasets that came with a model are listed separately and are not in the total.
    """
    papers = gather(library)
    total = {level: sum(level in paper.shown_by for paper in papers) for level in LEVELS}
    return {
        "total": total,
        "meaning": LEVELS,
        "runs": sum(1 for _ in library.runs()),
        "papers": [_plain(one) for one in papers],
        "datasets": [_plain(one) for one in of_datasets(library)],
    }


def _plain(one: Evidence) -> dict[str, Any]:
    return {"id": one.paper, "model": one.model, "level": one.level, "evidence": one.shown_by}


def text(status: dict[str, Any]) -> str:
    """The document as text: totals, then papers and datasets above level `listed`."""
    lines = [f"{count:4}  {level:<14}  {LEVELS[level]}" for level, count in status["total"].items()]
    lines.append(f"{status['runs']:4}  runs in data/results")
    named = [(one, one["model"]) for one in status["papers"]]
    named += [(one, "came with the dataset") for one in status["datasets"]]
    for one, name in named:
        if one["level"] != "listed":
            shown_by = one["evidence"][one["level"]]
            lines.append(f"\n{one['id']} ({name}): {one['level']}, {shown_by}")
    return "\n".join(lines)
