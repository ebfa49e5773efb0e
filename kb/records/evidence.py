"""The evidence level of each paper: computed from files, never typed.

listed -> drafted -> implemented -> matched -> claims tested -> number checked. A level is named
with the file or the runs that show it; what needs a model file needs one that is implemented.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.records import basis, numbers, pairs, reproducers
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
    basis: basis.Basis | None = None  # what the model was written from

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
            papers.append(Evidence(paper.id, paper.model, shown_by, paper.basis))
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
            one.basis,
        )
        for one in library.datasets
        if one.claims and one.status == "active"
    ]


def of_toolkits(library: Library) -> list[dict[str, Any]]:
    """Each toolkit of the list, with our command that does what it does and a recording of it."""
    rows = []
    for one in library.implementations:
        if one.kind == "toolkit" and one.status == "active":
            shown_by = {"listed": "data/papers.yaml"}
            if one.command:
                shown_by["implemented"] = one.command
                if shown := recording(ModelFile(library.root, one.command.split()[-1])):
                    shown_by["matched"] = shown
            level = [level for level in LEVELS if level in shown_by][-1]
            rows.append({"id": one.id, "name": one.name, "level": level, "evidence": shown_by})
    return rows


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
    if shown := recording(file):
        shown_by["matched"] = shown
    tested = [claim.id for claim in claims if _tested(library, claim, runs)]
    if tested:
        shown_by["claims tested"] = ", ".join(tested)
    return shown_by


def _tested(library: Library, claim: Claim, runs: list[Run]) -> bool:
    """Whether someone made enough runs of a claim after it was stated as it stands."""
    counted = reproducers.split(library.statements.counted(claim, runs))
    return any(pairs.cells(claim, of).enough for of in counted.values())


def recording(model: ModelFile) -> str | None:
    """A recording of the official code that has an adapter, and so a test."""
    if not (model.root / model.adapter).is_file():
        return None
    folder = model.root / "tests" / "data" / "parity"
    files = sorted(path.name for path in folder.glob(f"{model.name}.*npz"))
    return f"tests/data/parity/{files[0]}" if files else None


def unmatched(model: ModelFile) -> str | None:
    """Why `official code matched` is not true of a model; None where recordings show it."""
    if not model.exists:
        return f"there is no {model.path}"
    if recording(model) is None:
        return f"no recording of {model.name} in tests/data/parity has the adapter {model.adapter}"
    return next((lack.message for lack in model.lacks if lack.of_checks), None)


def _on_real_data(library: Library, paper: Paper, runs: Iterable[Run]) -> str | None:
    """A run that may be compared with a published row: same data, split, gallery and recipe."""
    if basis.is_guessed(paper.basis):
        return None
    rows = library.published.get(paper.id, [])
    same = [run for run in runs if any(not numbers.differences(row, run) for row in rows)]
    return f"data/results/{same[0].model}/{same[0].id}.json" if same else None


def document(library: Library) -> dict[str, Any]:
    """The document of `kb status --json`: papers, how many reach each level, models by basis.

    Datasets that came with a model are listed separately and are not in the total.
    """
    papers, datasets = gather(library), of_datasets(library)
    written = Counter(one.basis for one in (*papers, *datasets) if "implemented" in one.shown_by)
    total = {level: sum(level in paper.shown_by for paper in papers) for level in LEVELS}
    return {
        "total": total,
        "meaning": LEVELS,
        "basis": {name: written[name] for name in basis.BASES},
        "runs": sum(1 for _ in library.runs()),
        "papers": [_plain(one) for one in papers],
        "datasets": [_plain(one) for one in datasets],
        "toolkits": of_toolkits(library),
    }


def _plain(one: Evidence) -> dict[str, Any]:
    named = {"id": one.paper, "model": one.model, "level": one.level, "basis": one.basis}
    return {**named, "evidence": one.shown_by}


def text(status: dict[str, Any]) -> str:
    """The document as text: totals, models by basis, then what is above level `listed`."""
    lines = [f"{count:4}  {level:<14}  {LEVELS[level]}" for level, count in status["total"].items()]
    lines.append(f"{status['runs']:4}  runs in data/results")
    lines += ["", "Models by what they were written from"]
    lines += [f"{count:4}  {name}" for name, count in status["basis"].items()]
    named = [(one, one["model"]) for one in status["papers"]]
    named += [(one, "came with the dataset") for one in status["datasets"]]
    for one, name in named:
        if one["level"] != "listed":
            shown_by = one["evidence"][one["level"]]
            written = f"; {one['basis']}" if one["basis"] else ""
            lines.append(f"\n{one['id']} ({name}): {one['level']}, {shown_by}{written}")
    for one in status["toolkits"]:
        shown_by = one["evidence"][one["level"]]
        lines.append(f"\n{one['id']} (toolkit): {one['level']}, {shown_by}")
    return "\n".join(lines)
