"""The knowledge base on disk: found upward, read, looked up, written atomically."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kb.records import store
from kb.records.errors import KBError
from kb.records.runs import Run
from kb.records.schema import Dataset, Implementation, Paper, Published

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that holds data/papers.yaml; `KB_ROOT` wins.

    Raises KBError (usage) where there is none.
    """
    if start is None and (given := os.environ.get("KB_ROOT")):
        return Path(given)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "data" / "papers.yaml").is_file():
            return folder
    raise KBError(
        "no knowledge base here or above (no data/papers.yaml)",
        where=here,
        mend="go into one, name it with --root DIR, or make one with `kb init`",
    )


class Library:
    """All records of one knowledge base. Reading is lazy; a broken file names its line."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"

    @classmethod
    def open(cls, root: Path | None = None) -> Library:
        """The library at `root`, or the nearest one above the working folder."""
        return cls(root if root is not None else find_root())

    @cached_property
    def papers(self) -> list[Paper]:
        """Every paper, in the order of the file."""
        return store.read(self.data / "papers.yaml", "papers", Paper)

    @cached_property
    def implementations(self) -> list[Implementation]:
        """Implementations and toolkits the list names outside its paper entries."""
        return store.read(self.data / "papers.yaml", "implementations", Implementation)

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Every data set, in the order of the file."""
        return store.read(self.data / "datasets.yaml", "datasets", Dataset)

    @cached_property
    def published(self) -> dict[str, list[Published]]:
        """Published results by paper id."""
        return store.read_grouped(self.data / "published.yaml", Published)

    def paper(self, key: str) -> Paper:
        """The paper with this id, model name or alias."""
        for paper in self.papers:
            if key in (paper.id, paper.model, *paper.aliases):
                return paper
        raise KBError(f"no paper or model is called {key!r}", mend="`kb list` shows them all")

    def dataset(self, key: str) -> Dataset:
        """The data set with this id or alias."""
        for dataset in self.datasets:
            if key in (dataset.id, *dataset.aliases):
                return dataset
        raise KBError(f"no data set is called {key!r}", mend="`kb data list` shows them all")

    def runs(self, model: str | None = None) -> Iterator[Run]:
        """Measured runs, of one model or of all, in order of file name."""
        folder = self.data / "results"
        for path in sorted(folder.glob(f"{model or '*'}/*.json")):
            yield store.read_run(path)
