"""The knowledge base on disk: found upward, read, looked up, written atomically."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.records import atomic, store
from kb.records.errors import KBError
from kb.records.runs import Run
from kb.records.schema import Claim, Dataset, Implementation, Paper, Published, Record
from kb.records.statements import History

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def find_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that holds data/papers.yaml; `KB_ROOT` wins.

    Raises KBError (usage) where there is none.
    """
    if start is None and (configured := os.environ.get("KB_ROOT")):
        return _folder(Path(configured))
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "data" / "papers.yaml").is_file():
            return folder
    raise KBError(
        "no knowledge base here or above (no data/papers.yaml)",
        where=here,
        hint="go into one, name it with -C DIR, or make one with `kb init`",
    )


def _folder(root: Path) -> Path:
    """The folder; KBError where it is none: nothing in it would be clean."""
    if not root.is_dir():
        raise KBError("is no folder", where=root, hint="name a knowledge base in -C or KB_ROOT")
    return root


HEADERS = {
    "papers": "# One record per paper, sorted by id; edit freely. `kb schema` prints what a record"
    " may say,\n# `kb check` tells whether it does, `kb sync` merges the list into it.\n",
    "datasets": "# One record per dataset, sorted by id; edit freely, `kb check` checks.\n",
    "published": "# Published results by paper id, each with its protocol and where it was read."
    "\n# R@K, mAP, nDCG and accuracy in percent, infAP as a fraction, MedR and MnR as ranks.\n",
}


class Library:
    """All records of one knowledge base. Reading is lazy; a broken file names its line."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self._files: dict[str, store.RecordFile] = {}

    def _file(self, name: str) -> store.RecordFile:
        if name not in self._files:
            self._files[name] = store.RecordFile(self.data / f"{name}.yaml")
        return self._files[name]

    @classmethod
    @contextmanager
    def editing(cls, root: Path | None = None) -> Iterator[Library]:
        """The library, read afresh and locked against other writers until the block ends."""
        root = root if root is not None else find_root()
        with atomic.locked(root / "data"):
            yield cls(root)

    @classmethod
    def open(cls, root: Path | None = None) -> Library:
        """The library at `root`, or the nearest one above the working folder."""
        return cls(_folder(root) if root is not None else find_root())

    @cached_property
    def papers(self) -> list[Paper]:
        """Every paper, in the order of the file."""
        return self._file("papers").records("papers", Paper)

    @cached_property
    def implementations(self) -> list[Implementation]:
        """Implementations and toolkits that the list names outside its paper entries."""
        return self._file("papers").records("implementations", Implementation)

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Every dataset, in the order of the file."""
        return self._file("datasets").records("datasets", Dataset)

    @cached_property
    def published(self) -> dict[str, list[Published]]:
        """Published results by paper id."""
        file = self._file("published")
        return {str(key): file.records(key, Published) for key in file.document}

    def paper(self, key: str) -> Paper:
        """The paper with this id, model name or alias."""
        for paper in self.papers:
            if key in (paper.id, paper.model, *paper.aliases):
                return paper
        raise KBError(f"no paper or model is called {key!r}", hint="`kb list` shows them all")

    def stated(self, key: str = "all") -> list[tuple[str, Claim]]:
        """(model, claim) of one paper or of all; a dataset's paper has the dataset's name.

        Raises KBError for a paper that does not exist.
        """
        claims = [(str(p.model), claim) for p in self.papers if p.model for claim in p.claims]
        claims += [(data.id, claim) for data in self.datasets for claim in data.claims]
        if key == "all":
            return claims
        data = next((one for one in self.datasets if key in (one.id, *one.aliases)), None)
        model = data.id if data is not None and data.claims else self.paper(key).model
        return [(name, claim) for name, claim in claims if name == model]

    @cached_property
    def statements(self) -> History:
        """Since when each claim is stated as it stands, from the history of the records."""
        return History(self.root)

    def dataset(self, key: str) -> Dataset:
        """The dataset with this id or alias."""
        for dataset in self.datasets:
            if key in (dataset.id, *dataset.aliases):
                return dataset
        raise KBError(f"no dataset is called {key!r}", hint="`kb data list` shows them all")

    def implementation(self, key: str) -> Implementation:
        """The implementation or toolkit with this id or name."""
        for implementation in self.implementations:
            if key in (implementation.id, implementation.name):
                return implementation
        raise KBError(
            f"no implementation is called {key!r}", hint="`kb list --kind implementation`"
        )

    def relabel(self, labels: Mapping[str, str | None]) -> None:
        """Give records, by id, the labels that their lines in the list have now."""
        rooms: tuple[list[Any], ...] = (self.papers, self.datasets)
        for records in rooms:
            for number, record in enumerate(records):
                label = labels.get(record.id)
                if label and label != record.label:
                    records[number] = record.model_copy(update={"label": label})

    def texts(self, *, afresh: bool = False) -> dict[Path, bytes]:
        """The new content of the record files, sorted by id; unchanged blocks keep their bytes.

        Only of files whose records were read and so may have changed. `afresh` writes every block
        in canonical form.
        """
        read = vars(self)  # has the cached properties that were read
        lists: dict[str, Mapping[str, Sequence[Record]]] = {}
        if "papers" in read or "implementations" in read:
            lists["papers"] = {"papers": self.papers, "implementations": self.implementations}
        if "datasets" in read:
            lists["datasets"] = {"datasets": self.datasets}
        ordered = {
            name: {key: sorted(items, key=_by_id) for key, items in sections.items()}
            for name, sections in lists.items()
        }
        if "published" in read:
            ordered["published"] = {
                key: list(self.published[key]) for key in sorted(self.published)
            }
        return {
            self.data / f"{name}.yaml": self._file(name).bytes(
                sections, HEADERS[name], afresh=afresh
            )
            for name, sections in ordered.items()
        }

    def save(self) -> list[Path]:
        """Write what changed, each file whole or not at all; the files that did change.

        Call it inside `Library.editing`.
        """
        written = [path for path, data in self.texts().items() if atomic.write(path, data)]
        self._files.clear()
        return written

    def runs(self, model: str | None = None) -> Iterator[Run]:
        """Measured runs, of one model or of all, in order of file name."""
        folder = self.data / "results"
        for path in sorted(folder.glob(f"{model or '*'}/*.json")):
            yield store.read_run(path)


def _by_id(record: Record) -> str:
    return str(getattr(record, "id", ""))
