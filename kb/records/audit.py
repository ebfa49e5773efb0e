"""`kb check`: records valid and canonical, keys unique, references kept, rooms in agreement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.records import (
    atomic,
    basis,
    corrections,
    evidence,
    recount,
    splits,
    statements,
    store,
    summaries,
)
from kb.records.errors import KBError
from kb.records.library import Library
from kb.records.modelfile import ModelFile, model_files
from kb.records.schema import Dataset, Paper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kb.records.runs import Run

SECTIONS = {"papers": ("papers", "implementations"), "datasets": ("datasets",)}


@dataclass(frozen=True)
class AuditFinding:
    """One problem: check, place, message, and how to fix it."""

    check: str
    where: str
    message: str
    hint: str

    def line(self) -> str:
        """The finding on one line."""
        return f"{self.where}: {self.message} [{self.check}]; {self.hint}"


def audit(library: Library) -> list[AuditFinding]:
    """All problems; the other checks run only if all records are readable."""
    findings = list(_valid(library))
    if not findings:
        for check in CHECKS:
            findings += check(library)
    return findings


def canonicalise(library: Library) -> list[Path]:
    """Rewrite the records' files in canonical form, comments kept; the files that changed."""
    changed = []
    for path, data in _canonical(library):
        if atomic.write(path, data):
            changed.append(path)
    return changed


def _valid(library: Library) -> Iterator[AuditFinding]:
    """Every file is readable, and every record follows the schema."""
    reads: tuple[Callable[[], object], ...] = (
        lambda: library.papers,
        lambda: library.implementations,
        lambda: library.datasets,
        lambda: library.published,
        lambda: summaries.read(library.data),
        lambda: corrections.read(library.data),
    )
    seen: set[str] = set()
    for read in reads:
        try:
            read()
        except KBError as error:  # noqa: PERF203  (report every broken file)
            parts = (error.where, error.line, error.column)
            place = ":".join(str(part) for part in parts if part is not None)
            if (where := place.replace(f"{library.root}/", "")) not in seen:
                yield AuditFinding("valid", where, error.what, error.hint or "fix it")
            seen.add(where)
    for name, sections in SECTIONS.items():
        yield from _sections(library.data / f"{name}.yaml", sections, seen)


def _sections(path: Path, known: tuple[str, ...], broken: set[str]) -> Iterator[AuditFinding]:
    """No top-level key is unknown: a misspelt one would hide its records."""
    if broken:
        return
    where = f"data/{path.name}"
    for key in store.load(path).keys() - set(known):
        line, _ = store.RecordFile(path).place(key)
        yield AuditFinding(
            "valid", f"{where}:{line}", f"`{key}` is not a known section", f"one of {known}"
        )


def _canonical(library: Library) -> Iterator[tuple[Path, bytes]]:
    """Each file of records with its canonical bytes."""
    _ = library.papers, library.implementations, library.datasets
    if (library.data / "published.yaml").is_file():
        _ = library.published
    for path, data in library.texts(afresh=True).items():
        if path.is_file():
            yield path, data


def _bytes(library: Library) -> Iterator[AuditFinding]:
    for path, data in _canonical(library):
        current = path.read_bytes()
        if current != data:
            pairs = zip(current.split(b"\n"), [*data.split(b"\n"), b""], strict=False)
            line = next((n for n, (a, b) in enumerate(pairs, start=1) if a != b), 1)
            where = f"{path.relative_to(library.root)}:{line}"
            yield AuditFinding("canonical", where, "not in canonical form", "run `kb check --fix`")


def _keys(library: Library) -> Iterator[AuditFinding]:
    """A key names one record, whether it is an id, a model or an alias."""
    named: Counter[str] = Counter()
    for paper in library.papers:
        named.update({paper.id, *paper.aliases, *([paper.model] if paper.model else [])})
    for dataset in library.datasets:
        named.update({dataset.id, *dataset.aliases})
    for key, number in named.items():
        if number > 1:
            message = f"the key {key} names {number} records"
            yield AuditFinding("unique", "data", message, "give all but one another key")


def _references(library: Library) -> Iterator[AuditFinding]:
    """Ids that a record names exist."""
    papers = {key for paper in library.papers for key in (paper.id, *paper.aliases)}
    datasets = {key for dataset in library.datasets for key in (dataset.id, *dataset.aliases)}
    named = [(p.id, "extends", p.extends, papers) for p in library.papers if p.extends]
    named += [(p.id, "datasets", d, datasets) for p in library.papers for d in p.datasets]
    named += [
        (c.id, "paper", c.paper, papers | datasets) for c in library.implementations if c.paper
    ]
    for key, field, other, known in named:
        if other not in known:
            message = f"{key}: {field}: there is no record {other}"
            yield AuditFinding("references", "data/papers.yaml", message, "fix the id")
    for key in library.published:
        if key not in papers | datasets:
            message = f"results of {key}, which is no record"
            yield AuditFinding("references", "data/published.yaml", message, "fix the id")
    for key in summaries.read(library.data):
        if key not in papers:
            message = f"summary of {key}, which is no paper"
            yield AuditFinding("references", "data/summaries.yaml", message, "fix the id")
    models = {paper.model for paper in library.papers} | {data.id for data in library.datasets}
    for one in corrections.read(library.data):
        if one.model not in models:
            message = f"correction of {one.model}, which is no model of a record"
            yield AuditFinding("references", "data/corrections.yaml", message, "fix the model")


def _splits(library: Library) -> Iterator[AuditFinding]:
    """A split has one name: other spellings of it part rows that belong together."""
    file = store.RecordFile(library.data / "published.yaml")
    for key, rows in library.published.items():
        for number, row in enumerate(rows):
            for role, spelling, name in splits.misnamed(row):
                line, _ = file.place(key, number, f"{role}_split")
                where = f"data/published.yaml:{line}"
                message = (
                    f"{key}: the {role} split {spelling!r} of {row.dataset} is called {name!r}"
                )
                yield AuditFinding("splits", where, message, f"write {name!r}")


def _models(library: Library) -> Iterator[AuditFinding]:
    """A model file belongs to a record and is more than a draft."""
    known = {paper.model for paper in library.papers} | {data.id for data in library.datasets}
    for path in sorted((library.root / "models").glob("*.py")):
        if not path.stem.isidentifier():
            where = f"models/{path.name}"
            yield AuditFinding(
                "models", where, "Python cannot import this name", "use a-z, 0-9 and _"
            )
    for file in model_files(library.root):
        if file.name not in known:
            message = f"no record has the model {file.name}"
            yield AuditFinding("models", file.path, message, "set `model:` in its record")
        for lack in file.lacks:
            yield AuditFinding("drafted", lack.where, lack.message, lack.hint)


def _basis(library: Library) -> Iterator[AuditFinding]:
    """`official code matched` is what recordings show; a list with bases has one for every model."""
    models = list(basis.records(library))
    used = any(record.basis for _, record in models)
    for name, record in models:
        where = f"data/{'papers' if isinstance(record, Paper) else 'datasets'}.yaml"
        file = ModelFile(library.root, name)
        if used and record.basis is None and file.exists and not file.lacks:
            message = f"{record.id}: does not say what {file.path} was written from"
            hint = f"set `basis:` to one of: {', '.join(basis.BASES)}"
            yield AuditFinding("basis", where, message, hint)
        if record.basis == basis.MATCHED and (lack := evidence.unmatched(file)):
            message = f"{record.id}: basis: `{basis.MATCHED}`, but {lack}"
            yield AuditFinding("basis", where, message, "add what is missing, or correct the basis")
        quoted = [claim.id for claim in record.claims if claim.reported]
        if basis.is_guessed(record.basis) and quoted:
            message = f"{record.id}: claims {', '.join(quoted)}: reported figures beside a model"
            hint = "leave them out: its numbers stand for no paper's"
            yield AuditFinding("basis", where, f"{message} {record.basis}", hint)
    for paper in library.papers:
        if paper.basis is not None and paper.model is None:
            message = f"{paper.id}: a basis, but no model"
            yield AuditFinding("basis", "data/papers.yaml", message, "name the `model:`")


def _claims(library: Library) -> Iterator[AuditFinding]:
    """The reported figures of a claim's variants do not contradict the claim."""
    records: list[Paper | Dataset] = [*library.papers, *library.datasets]
    for record in records:
        for claim in record.claims:
            if contrary := statements.contradicted(claim):
                name = "papers" if isinstance(record, Paper) else "datasets"
                where = f"data/{name}.yaml"
                message = f"{record.id}: claim {claim.id}: {contrary}"
                hint = "correct the figures or the claim's relation"
                yield AuditFinding("claims", where, message, hint)


def _results(library: Library) -> Iterator[AuditFinding]:
    """A run is at the path of its model and id, its metrics follow from its ranks, which are its own."""
    known: dict[tuple[str, ...], tuple[str, int]] = {}
    for path in sorted((library.data / "results").glob("*/*.json")):
        where = str(path.relative_to(library.root))
        try:
            run = store.read_run(path)
        except KBError as error:
            yield AuditFinding("results", where, error.what, error.hint or "fix it")
            continue
        if (run.model, run.id) != (path.parent.name, path.stem):
            message = f"says it is {run.model}/{run.id}"
            yield AuditFinding("results", where, message, "move it there, or restore it from git")
        for problem in recount.problems(run):
            yield AuditFinding("results", where, problem, "restore it from git, or measure again")
        if run.cost.steps and run.ranks and run.metrics.get("t2v", {}).get("R@1", 0) < _PERFECT:
            first, seed = known.setdefault(_identity(run), (where, run.seed))
            if seed != run.seed:
                message = f"has every rank of {first}, of another seed"
                yield AuditFinding("results", where, message, "measure again")


_PERFECT = 100  # R@1 of trained models whose ranks may all be equal


def _identity(run: Run) -> tuple[str, ...]:
    """What two trained runs of different seeds never share."""
    return (run.model, run.variant, *(f"{name} {text}" for name, text in sorted(run.ranks.items())))


CHECKS = (_bytes, _keys, _references, _splits, _models, _basis, _claims, _results)
