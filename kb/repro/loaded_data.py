"""What all runs of a request share: the data, their vocabulary, their reference points."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.repro import reference
from kb.repro.vocabulary import Vocabulary


@dataclass(frozen=True)
class LoadedData:
    """One dataset, loaded once."""

    corpus: Corpus
    vocabulary: Vocabulary
    reference: dict[
        str, Any
    ]  # chance and, where there are scripts, oracle: metrics of the test split

    @classmethod
    def load(
        cls,
        name: str,
        size: str | None,
        root: Path | None,
        protocol: str,
        progress: Callable[[str, int, int], None],
    ) -> "LoadedData":
        """Read a dataset, or generate it where it is not there yet; once in a process."""
        key = (name, size, root, protocol)
        if key not in _LOADED:
            _LOADED[key] = cls._read(name, size, root, protocol, progress)
        return _LOADED[key]

    @classmethod
    def _read(
        cls,
        name: str,
        size: str | None,
        root: Path | None,
        protocol: str,
        progress: Callable[[str, int, int], None],
    ) -> "LoadedData":
        corpus = datasets.load(name, size=size, root=root, protocol=protocol, progress=progress)
        texts = [caption.text for caption in corpus.splits["train"].captions]
        points = {
            "chance": reference.chance(corpus),
            "oracle": reference.oracle_on_scripts(corpus, root),
        }
        known = {name: point for name, point in points.items() if point is not None}
        return cls(corpus, Vocabulary.build(texts), known)


_LOADED: dict[tuple[str, str | None, Path | None, str], LoadedData] = {}
