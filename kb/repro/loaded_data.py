"""Data that all runs of a request share, with vocabulary and reference points."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from kb import datasets
from kb.datasets import subset
from kb.datasets.corpus import Corpus
from kb.datasets.features import textvectors
from kb.datasets.features.choice import with_features
from kb.datasets.features.video_pixels import with_videos
from kb.datasets.synthetic.probes import Probe
from kb.records.errors import KBError
from kb.repro import ceilings, reference
from kb.repro.towers import Tower
from kb.repro.vocabulary import Vocabulary, tokenise

KEPT = 16  # datasets that a process holds; the oldest leaves
MOST_LOST = 0.02  # share of letters that may be accented or of another script


@dataclass(frozen=True)
class LoadedData:
    """One dataset, loaded once."""

    corpus: Corpus
    vocabulary: Vocabulary
    # metrics of the test split: chance and, on synthetic data, the ground-truth oracle
    reference: dict[str, Any]
    # accuracy on minimal pairs, by ceiling and kind; of probe worlds
    pairs: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def load(cls, source: "DataSource", progress: Callable[[str, int, int], None]) -> "LoadedData":
        """Read a dataset, or generate it if it is missing; once per process, of the last few."""
        if source not in _LOADED:
            while len(_LOADED) >= KEPT:
                del _LOADED[next(iter(_LOADED))]
            _LOADED[source] = cls._read(source, progress)
        return _LOADED[source]

    @classmethod
    def _read(cls, source: "DataSource", progress: Callable[[str, int, int], None]) -> "LoadedData":
        if source.probe is not None:
            return cls._probe(source.probe, progress)
        corpus = datasets.load(
            source.name,
            size=source.size,
            root=source.root,
            protocol=source.protocol,
            progress=progress,
        )
        corpus = with_features(corpus, dict(source.features))
        corpus.chosen = dict(sorted(source.features))
        corpus = with_videos(corpus, source.root)
        corpus = subset.limited(subset.present(corpus), source.limit)
        for name, path in source.vectors:
            corpus.text_vectors[name] = textvectors.open_vectors(name, path, tokenise)
            both = f"{corpus.fingerprint}{name}{textvectors.fingerprint(path)}"
            corpus.fingerprint = sha256(both.encode()).hexdigest()
        corpus.text_pieces = source.tower
        texts = [caption.text for caption in corpus.splits["train"].captions]
        _refuse_other_scripts(corpus.name, texts)
        points = {
            "chance": reference.chance(corpus),
            "oracle": reference.ground_truth_oracle(corpus, source.root),
        }
        known = {name: point for name, point in points.items() if point is not None}
        return cls(corpus, Vocabulary.build(texts), known)

    @classmethod
    def _probe(cls, probe: Probe, progress: Callable[[str, int, int], None]) -> "LoadedData":
        """A probe world with its ceilings."""
        corpus = datasets.catalogue.load_probe(probe, progress)
        known = ceilings.of_world(corpus, datasets.catalogue.make_probe(probe))
        told = {name: point.pop("pairs") for name, point in known.items()}
        texts = [caption.text for caption in corpus.splits["train"].captions]
        points = {"chance": reference.chance(corpus), **known}
        return cls(corpus, Vocabulary.build(texts), points, told)


@dataclass(frozen=True)
class DataSource:
    """Which dataset to load, and from where."""

    name: str
    size: str | None = None
    root: Path | None = None  # the folder of real data
    protocol: str = "full"
    vectors: tuple[tuple[str, Path], ...] = ()  # (w2v or bert, file)
    features: tuple[tuple[str, str], ...] = ()  # (expert, folder)
    limit: int | None = None  # videos of each split at most
    tower: Tower | None = None  # whose tokeniser reads the captions
    probe: Probe | None = None  # a probe world, instead of `name` and `size`


def _refuse_other_scripts(name: str, texts: list[str]) -> None:
    """KBError where words of the captions would be lost: they are cut at all but ASCII letters."""
    foreign = [text for text in texts if not text.isascii()]
    lost = sum(letter.isalpha() and not letter.isascii() for text in foreign for letter in text)
    if not lost:
        return
    letters = sum(letter.isalpha() for text in texts for letter in text)
    if lost > MOST_LOST * letters:
        what = f"{lost / letters:.0%} of the letters of {name}'s captions are not ASCII"
        hint = "models read words of ASCII letters: choose an English protocol"
        raise KBError(what, hint=hint)


_LOADED: dict[DataSource, LoadedData] = {}
