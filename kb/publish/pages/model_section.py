"""The section of a paper's or a dataset's page about its model: basis, claims, equations, runs."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String

from kb.publish import curves, folds, measured, recipes, recordings, repository, schematic, sources
from kb.publish.pages.claims import GROUPS, LABELS, shown
from kb.publish.pages.site import Site
from kb.publish.text import clean
from kb.records import Dataset, Paper, Run, reproducers
from kb.records.basis import MATCHED, is_guessed
from kb.records.equations import Equation

_CITED = re.compile(r"\s+#\s*(?:Eq\.|§|[DQ]\d).*$")  # the comment that the table repeats
_CLOSING = re.compile(r"[])}]+,?")
_COLOURS = ((Comment, "c"), (Keyword, "k"), (String, "s"), (Number, "n"), (Name.Decorator, "k"))
SHOWN = 3  # lines of code beside one equation; all are linked


def model_section(site: Site, name: str, record: Paper | Dataset) -> dict[str, Any]:
    """Values of the template `model.md`: the model's file, its basis, its claims, its runs."""
    model = sources.model(site.library.root, name, site.source_url)
    every = site.benches_of.get(name, [])
    benches = [one for one in every if not folds.is_fold(one)]
    folded = folds.of_model(site.folded, name)
    return {
        "model": model,
        "basis": record.basis,
        "matched": _matched(site, name) if record.basis == MATCHED else "",
        "equations_wanted": _equations_wanted(site, model, record),
        "schematic": _schematic(site, model),
        "code": coloured(model.lines) if model else [],
        "cited": _cited(model) if model else frozenset(),
        "beside": _Beside(site, model) if model else None,
        "anchor": schematic.anchor,
        "recipe": recipes.settings(
            site.library.root, name, reproducers.own(site.runs_of.get(name, []))
        ),
        "claims": shown(site, name) if name else [],
        "verdict_labels": LABELS,
        "kinds": GROUPS,
        "benches": benches,
        "curves": {bench.key: curves.curve(_full(bench)) for bench in benches},
        "commands": {bench.key: _command(_full(bench)) for bench in benches},
        "folded": folded,
        "fold_columns": folds.COLUMNS,
        "fold_commands": {one.key: _fold_command(one) for one in folded},
        "inside": f"inside/{name}/" if every else "",
        "first": None if every else _in_a_plain_world(site.runs_of.get(name, [])),
    }


def _matched(site: Site, name: str) -> str:
    return recordings.of_model(site.library.root, name).sentence


def _equations_wanted(
    site: Site, model: sources.Model | None, record: Paper | Dataset
) -> str | None:
    """The address of an issue to send the paper's equations with; None where none is asked for."""
    if model is None or site.repository is None or not is_guessed(record.basis):
        return None
    return repository.equations_wanted(site.repository, record, model.path)


def _schematic(site: Site, model: sources.Model | None) -> Markup:
    return schematic.draw(model, schematic.steps(site.library.root, model)) if model else Markup("")


def _cited(model: sources.Model) -> frozenset[int]:
    """Lines of the model's own file that an equation's comment stands on."""
    return frozenset(n for one in model.trace.equations if not one.part for n in one.lines)


class _Beside:
    """The lines of code of an equation, from the model's file or from the part that it names."""

    def __init__(self, site: Site, model: sources.Model) -> None:
        self._files: dict[str, list[Markup]] = {"": coloured(_statements(model.lines))}
        self._folder = site.library.root / "models"

    def __call__(self, equation: Equation) -> list[tuple[int, Markup]]:
        """(line, code) of the first lines that do what the equation says."""
        if equation.part not in self._files:
            path = self._folder / equation.part
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
            self._files[equation.part] = coloured(_statements(text.splitlines()))
        file = self._files[equation.part]
        return [(n, file[n - 1]) for n in equation.lines[:SHOWN] if n <= len(file)]


def _statements(lines: Sequence[str]) -> list[str]:
    """Each line bare; one that only closes a bracket shows the statement that it ends."""
    shown = [_bare(line) for line in lines]
    for end, closing in enumerate(shown):
        if end and _CLOSING.fullmatch(closing):
            indent = len(lines[end]) - len(lines[end].lstrip())
            start = end - 1
            while start > 0 and len(lines[start]) - len(lines[start].lstrip()) > indent:
                start -= 1
            inner = " ".join(line for line in map(_bare, lines[start + 1 : end]) if line)
            shown[end] = f"{_bare(lines[start])}{inner.removesuffix(',')}{closing}"
    return shown


def _bare(line: str) -> str:
    """A line without its indent and without the comment that cites the equation."""
    return _CITED.sub("", line).strip()


def coloured(source: Iterable[str]) -> list[Markup]:
    """Lines of Python, tokens with the class of their kind; what is not Python is plain text."""
    lines: list[str] = [""]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(source)):
        name = next((name for of, name in _COLOURS if kind in of), "")
        first, *rest = text.split("\n")
        lines[-1] += _token(first, name)
        lines += [_token(piece, name) for piece in rest]
    return [Markup(line) for line in lines]  # noqa: S704  (every text above is escaped)


def _token(text: str, name: str) -> str:
    if not text:
        return ""
    safe = escape(clean(text))
    return f'<span class="{name}">{safe}</span>' if name and text.strip() else str(safe)


def _full(bench: measured.Bench) -> list[Run]:
    """The seeds of the full model."""
    return bench.models[0].runs if bench.models else []


def _in_a_plain_world(runs: list[Run]) -> Run | None:
    """The newest run of the full model, as its recipe is, in a probe world without a mechanism."""

    def counts(run: Run) -> bool:
        plain = run.data.probe is not None and run.data.probe.mechanism == "plain"
        return plain and run.trial and run.is_full and not run.changes

    return next(filter(counts, runs), None)


def _fold_command(of: folds.Folded) -> str:
    """The command of the first fold."""
    first = next((row.first for row in of.rows if not row.is_reference), None)
    return _command(first.runs) if isinstance(first, measured.Series) else ""


def _command(runs: list[Run]) -> str:
    """The command of the latest run."""
    return max(runs, key=lambda run: run.date).command if runs else ""
