"""Parts of speech and dependencies of a generated dataset's captions, from their structure."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from kb.datasets.corpus import Syntax
from kb.datasets.synthetic.truth import structures
from kb.datasets.synthetic.words import PARTS


def read(root: Path, rows: Mapping[str, range], split: str) -> Iterator[Syntax]:
    """Syntax of a split's captions, sentences of a paragraph end to end."""
    tables = structures(root)
    for row in rows[split]:
        tags: list[str] = []
        heads: list[int] = []
        for table in tables[row]:
            first = len(tags)
            tags += [PARTS[part] for part in table[:, 0].tolist()]
            heads += [first + head - 1 if head else -1 for head in table[:, 1].tolist()]
        yield Syntax(tuple(tags), tuple(heads))
