"""A dataset as it is run: the videos that are there, or a number of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import TypeVar

from kb.datasets.corpus import Corpus, SplitData
from kb.datasets.features.choice import marked
from kb.datasets.features.experts import require
from kb.datasets.readers.registry import READERS
from kb.records.errors import KBError

T = TypeVar("T")
EXPERT = "frames"  # what every model but those of other experts reads


def present(corpus: Corpus) -> Corpus:
    """The corpus without videos that have no frame features, and `published` counts of the rest.

    KBError where a split with videos has none left.
    """
    features = corpus.features.get(EXPERT)
    if features is None or corpus.size is not None:
        return corpus
    require(features, corpus.splits, every=True)
    kept = {
        name: {video for video in split.videos if video in features}
        for name, split in corpus.splits.items()
    }
    return _counted(_of_videos(corpus, kept))


def limited(corpus: Corpus, most: int | None) -> Corpus:
    """The corpus with at most so many videos of each split, the first ones.

    KBError for a generated dataset, whose ground truth is of all its videos.
    """
    if most is None:
        return corpus
    if corpus.size is not None:
        hint = "choose --size tiny"
        raise KBError("--limit-videos is for real datasets", hint=hint)
    kept = {name: set(split.videos[:most]) for name, split in corpus.splits.items()}
    small = replace(_counted(_of_videos(corpus, kept)), limit=most)
    return marked(small, True, most)


def _counted(corpus: Corpus) -> Corpus:
    """Videos published in each split, where there are fewer: of the reader, else of the lists."""
    reader = READERS.get(corpus.name)
    known = reader.videos.get(corpus.protocol, {}) if reader else {}
    published = {
        name: max(known.get(name, 0), corpus.published.get(name, 0)) or len(split.videos)
        for name, split in corpus.splits.items()
    }
    return replace(corpus, published=published)


def _of_videos(corpus: Corpus, kept: dict[str, set[str]]) -> Corpus:
    """The corpus with these videos of each split, their captions, and what is read of those."""
    rows = {
        name: [caption.video in kept[name] for caption in split.captions]
        for name, split in corpus.splits.items()
    }
    splits = {
        name: SplitData(
            name,
            [video for video in split.videos if video in kept[name]],
            list(compress(split.captions, rows[name])),
        )
        for name, split in corpus.splits.items()
    }
    return replace(
        corpus,
        splits=splits,
        roles=corpus.roles and partial(_compressed, corpus.roles, rows),
        syntax=corpus.syntax and partial(_compressed, corpus.syntax, rows),
    )


def _compressed(
    read: Callable[[str], Iterator[T]], rows: dict[str, list[bool]], split: str
) -> Iterator[T]:
    """What is read of a split's captions, for those that are kept."""
    return compress(read(split), rows[split])
