"""A knowledge base in a folder of its own, and lists of invented papers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.records import Library, Paper
from kb.sync import lock
from kb.sync.engine import sync
from kb.sync.merge import Resolve
from kb.sync.report import SyncReport

SEED = Path(__file__).resolve().parents[1] / "data" / "lists" / "seed.md"


def line(
    title: str,
    *,
    author: str = "Luo",
    venue: str = "CVPR",
    year: int = 2021,
    paper: str | None = "https://example.org/paper.pdf",
    more: str = "",
) -> str:
    """An entry of a list in the form of the seed."""
    label = f"`[{author} et al. {venue}{year % 100}]`"
    link = f" [[paper]]({paper})" if paper else ""
    return f"* {label} {title}. {venue}, {year}.{link}{more}"


def document(*entries: str, **sections: list[str]) -> str:
    """A list: entries under Papers / 2021, and further sections by name (`y2020`, `Other`)."""
    parts = ["# A List", "", "## Papers", "", "### 2021", *entries]
    for name, lines in sections.items():
        parts += ["", f"### {name.removeprefix('y')}", *lines]
    return "\n".join(parts) + "\n"


@dataclass
class Base:
    """A knowledge base and its list."""

    root: Path

    @property
    def list(self) -> Path:
        """The list's file."""
        return self.root / "README.md"

    def sync(
        self,
        text: str | None = None,
        *,
        write: bool = True,
        resolve: Resolve | None = None,
        **more: Any,
    ) -> SyncReport:
        """Put this text in the list, if one is given, and sync."""
        if text is not None:
            self.list.write_text(text, encoding="utf-8")
        return sync(self.root, str(self.list), write=write, resolve=resolve, **more)

    @property
    def library(self) -> Library:
        """The records, read afresh."""
        return Library(self.root)

    @property
    def papers(self) -> dict[str, Paper]:
        """Papers by id."""
        return {paper.id: paper for paper in self.library.papers}

    def only(self) -> Paper:
        """The one paper there is."""
        (paper,) = self.library.papers
        return paper

    def edit(self, old: str, new: str) -> None:
        """What a person does to data/papers.yaml in an editor."""
        path = self.root / "data" / "papers.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def bytes(self) -> dict[str, bytes]:
        """Every file of records, and the lock."""
        names = ("papers.yaml", "datasets.yaml", "lock.json")
        return {name: (self.root / "data" / name).read_bytes() for name in names}

    @property
    def lock(self) -> lock.Lock:
        """What the list said at the last sync."""
        return lock.read(self.root / "data" / "lock.json")
