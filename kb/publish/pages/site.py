"""The data of all pages, computed once."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from jinja2 import Environment

from kb.publish import evidence_level, health, log, measured, protocols, render, sources, verdicts
from kb.records import Dataset, Library, Paper, Run, summaries

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

    @cached_property
    def jinja(self) -> Environment:
        """The templates."""
        constants: dict[str, object] = {"steps": evidence_level.STEPS}
        constants |= {"tiers": protocols.TIER, "meaning": protocols.MEANING}
        constants |= {"measured": measured.value, "pages": self.pages, "short": self.short}
        constants |= {"board_at": self.board_at}
        jinja = render.environment(self.library.root, **constants)
        jinja.filters["published_columns"] = protocols.columns
        return jinja

    @cached_property
    def runs(self) -> list[Run]:
        """Every run, newest first."""
        return sorted(self.library.runs(), key=lambda run: (run.date, run.id), reverse=True)

    @cached_property
    def claims(self) -> list[dict[str, Any]]:
        """The rows of `kb claims`."""
        return verdicts.document(self.library)

    @cached_property
    def runs_of(self) -> dict[str, list[Run]]:
        """The runs of each model, newest first."""
        return _grouped(self.runs, lambda run: run.model)

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
    def levels(self) -> dict[str, evidence_level.EvidenceLevel]:
        """The evidence level of each paper."""
        return evidence_level.evidence_levels(self.library)

    @cached_property
    def summaries(self) -> dict[str, summaries.Summary]:
        """What each paper does, by its id."""
        return summaries.read(self.library.data)

    @cached_property
    def _short(self) -> dict[str, str]:
        own = {one.model: self.summaries.get(one.id) for one in self.library.papers if one.model}
        names = {one.id: one.name for one in self.library.datasets}
        return names | {model: one.short for model, one in own.items() if one and one.short}

    def short(self, model: str) -> str:
        """The name by which papers call a model: MMT; its key where nobody wrote one down."""
        return self._short.get(model, model)

    def board_at(self, test: protocols.Test) -> str:
        """The address of a published test, from the root; empty for a dataset without a page."""
        name = test.head.dataset
        return f"datasets/{name}/#{test.id}" if name in self.datasets else ""

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
    def tested_with(self) -> dict[str, list[set[str]]]:
        """By id of a paper, for each published test it has a result on the ids of all that have one."""
        found: dict[str, list[set[str]]] = defaultdict(list)
        for tests in self.tests.values():
            for test in tests:
                here = {row.paper.id for row in test.rows}
                for key in here:
                    found[key].append(here)
        return found

    def uses(self, paper: Paper) -> list[Dataset]:
        """The datasets of the list that a paper names or has published numbers on."""
        measured_on = [row.dataset for row in self.library.published.get(paper.id, [])]
        names = dict.fromkeys([*paper.datasets, *measured_on])
        return [self.datasets[name] for name in names if name in self.datasets]

    def page(self, template: str, base: str, meta: dict[str, Any], **values: Any) -> str:
        """One page; `base` leads from it to the root of the site."""
        return render.page(self.jinja, template, meta, base=base, **values)


def _grouped(things: Iterable[Thing], key: Callable[[Thing], str]) -> dict[str, list[Thing]]:
    groups: dict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups
