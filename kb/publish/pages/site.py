"""The data of all pages, computed once."""

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from jinja2 import Environment

from kb.publish import (
    evidence_level,
    folds,
    glossary,
    health,
    log,
    measured,
    model_names,
    protocols,
    render,
    sources,
    verdicts,
)
from kb.publish.boards import Board, boards
from kb.publish.exports import facts
from kb.records import Dataset, Library, Paper, Run, reproducers, summaries
from kb.records.basis import GUESSED, MEANING, Basis, of_models

Thing = TypeVar("Thing")

FULL_WIDTH: dict[str, Any] = {"hide": ["navigation", "toc"]}  # front matter of a page of tables
NOT_SEARCHED = FULL_WIDTH | {"search": {"exclude": True}}  # its rows have pages of their own


@dataclass
class Site:
    """The records, the runs and the templates."""

    library: Library
    name: str
    description: str
    source_url: str | None = None  # where model files can be read, at the built commit
    repository: str | None = None  # where issues are opened
    reproductions = "reproductions/"  # address of the tab's first page

    @cached_property
    def jinja(self) -> Environment:
        """The templates."""
        constants: dict[str, object] = {"steps": evidence_level.STEPS}
        constants |= {"tiers": protocols.TIER, "meaning": protocols.MEANING}
        constants |= {"basis_meaning": MEANING, "guessed": GUESSED}
        constants |= {
            "short": self.short,
            "board_at": self.board_at,
            "code_of": self.code,
            "term": glossary.term,
        }
        constants |= {"measured": measured.value, "pages": self.pages}
        constants |= {"repository": self.repository, "reproducer": reproducers.name}
        constants["with_file"] = self.with_file
        jinja = render.environment(self.library.root, **constants)
        jinja.filters["published_columns"] = protocols.columns
        return jinja

    @cached_property
    def runs(self) -> list[Run]:
        """Every run, newest first."""
        return sorted(measured.runs(self.library), key=lambda run: (run.date, run.id), reverse=True)

    @cached_property
    def claims(self) -> list[dict[str, Any]]:
        """The rows of `kb claims`."""
        return verdicts.document(self.library)

    @cached_property
    def runs_of(self) -> dict[str, list[Run]]:
        """The runs of each model, newest first."""
        return _grouped(self.runs, lambda run: run.model)

    @cached_property
    def benches(self) -> list[measured.Bench]:
        """All comparable runs, by data and protocol."""
        return measured.benches(self.runs, self.library.root)

    @cached_property
    def folded(self) -> list[folds.Folded]:
        """The datasets that models were measured on by folds."""
        return folds.folded(self.benches)

    @cached_property
    def benches_of(self) -> dict[str, list[measured.Bench]]:
        """The same of each model alone; a model without runs has none."""
        root = self.library.root
        return {name: measured.benches(runs, root) for name, runs in self.runs_of.items()}

    @cached_property
    def claims_of(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of `kb claims` by model."""
        return _grouped(self.claims, lambda row: row["model"])

    @cached_property
    def by_id(self) -> dict[str, Paper]:
        """Papers by id."""
        return {paper.id: paper for paper in self.papers}

    @cached_property
    def extended_by(self) -> dict[str, list[Paper]]:
        """By id, the papers that extend it, newest first."""
        return _grouped((one for one in self.papers if one.extends), lambda one: one.extends or "")

    @cached_property
    def health(self) -> dict[str, health.Health]:
        """Address -> last verdict of `kb links`."""
        return health.gather(self.library)

    @cached_property
    def events(self) -> list[log.LogEvent]:
        """The events of the log, newest first."""
        return log.events(self.library)

    @cached_property
    def pages(self) -> dict[str, str]:
        """The address of each model's page: that of its paper or of its dataset."""
        return sources.addresses(self.library)

    @cached_property
    def basis(self) -> dict[str, Basis | None]:
        """What each model was written from."""
        return of_models(self.library)

    @cached_property
    def with_file(self) -> set[str]:
        """The models that have a file."""
        folder = self.library.root / "models"
        return {n for n in self.pages if (folder / f"{n.replace('-', '_')}.py").is_file()}

    @cached_property
    def origins(self) -> sources.Origins:
        """Where the data of pages is written."""
        return sources.Origins(self.library.root)

    @cached_property
    def levels(self) -> dict[str, evidence_level.EvidenceLevel]:
        """The evidence level of each paper."""
        return evidence_level.evidence_levels(self.library)

    @cached_property
    def summaries(self) -> dict[str, summaries.Summary]:
        """What each paper does, by its id."""
        return summaries.read(self.library.data)

    @cached_property
    def papers(self) -> list[Paper]:
        """Papers newest first, removed ones last."""
        return sorted(
            self.library.papers,
            key=lambda paper: (paper.status != "active", -(paper.year or 0), paper.title.lower()),
        )

    @cached_property
    def datasets(self) -> dict[str, Dataset]:
        """Datasets by id."""
        return {dataset.id: dataset for dataset in self.library.datasets}

    @cached_property
    def tests(self) -> dict[str, list[protocols.Test]]:
        """The published results of each dataset, by test."""
        works: list[Paper | Dataset] = [*self.papers, *self.datasets.values()]
        return {
            name: protocols.tests(works, self.library.published, name) for name in self.datasets
        }

    @cached_property
    def boards(self) -> dict[str, list[Board]]:
        """The leaderboards of each dataset, the main test first."""
        return {name: boards(name, tests) for name, tests in self.tests.items()}

    @cached_property
    def _board_of(self) -> dict[tuple[str, ...], Board]:
        return {board.test.key: board for every in self.boards.values() for board in every}

    def board_at(self, test: protocols.Test) -> str:
        """The address of a test's leaderboard, from the root; empty for a dataset without a page."""
        board = self._board_of.get(test.key)
        if board is None:
            return ""
        return f"{board.path}#{board.test.id}" if board.shared else board.path

    @cached_property
    def _names(self) -> dict[str, str]:
        return model_names.read(self.library)

    def short(self, one: Paper | Dataset | str | None) -> str:
        """What papers call a model, given it, its paper or the dataset that brought it."""
        if isinstance(one, Paper):
            return model_names.of_paper(one, self._names)
        if isinstance(one, Dataset):
            return self._names.get(one.id, one.name)
        return self._names.get(one or "", one or "")

    def code(self, one: Paper | Dataset) -> str:
        """Where the code of a paper is, of its own or named elsewhere in the list; empty if nowhere."""
        if isinstance(one, Paper):
            return next(iter(facts.code_of(self.library, one)), "")
        return next((link.url for link in one.links if link.kind == "code"), "")

    @cached_property
    def tested_with(self) -> dict[str, list[set[str]]]:
        """By id of a paper, for each published test it has a result on the ids of all that have one."""
        groups: dict[str, list[set[str]]] = defaultdict(list)
        for tests in self.tests.values():
            for test in tests:
                here = {row.paper.id for row in test.rows}
                for key in here:
                    groups[key].append(here)
        return groups

    def uses(self, paper: Paper) -> list[Dataset]:
        """The datasets of the list that a paper names or has published numbers on."""
        measured_on = [row.dataset for row in self.library.published.get(paper.id, [])]
        names = dict.fromkeys([*paper.datasets, *measured_on])
        return [self.datasets[name] for name in names if name in self.datasets]

    def moved(self, old: str, new: str, title: str) -> str:
        """A page that redirects from one address to another, both from the root."""
        to = f"{posixpath.relpath(new, old)}/"
        meta = {"title": title, **NOT_SEARCHED, "moved": to, "target": new}
        return self.page("moved.md", "", meta)

    def page(self, template: str, base: str, meta: dict[str, Any], **values: Any) -> str:
        """One page; `base` leads from it to the root of the site."""
        shown = meta if "moved" in meta else {"picture": True, **meta}
        return render.page(self.jinja, template, shown, base=base, **values)


def _grouped(things: Iterable[Thing], key: Callable[[Thing], str]) -> dict[str, list[Thing]]:
    groups: dict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups
