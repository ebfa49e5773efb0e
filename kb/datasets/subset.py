"""A dataset as it is run: the videos that are there, or a number of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import TypeVar

from kb.datasets.corpus import Corpus, Features, SplitData
from kb.datasets.features.choice import marked
from kb.datasets.features.experts import require
from kb.datasets.features.video_pixels import VideoPixels
from kb.datasets.readers.registry import READERS
from kb.records.errors import Exit, KBError

T = TypeVar("T")
EXPERT = "frames"  # what every model but those of other experts reads


def present(corpus: Corpus) -> Corpus:
    """The corpus with the videos that have frame features, and `published` counts of the rest.

    Without features: with the videos that have a file. With both, pixels are read only where no video
    lacks its file. KBError where a split with videos has none left.
    """
    if corpus.size is not None:
        return corpus
    features, files = corpus.features.get(EXPERT), corpus.pixels
    if features is not None:
        require(features, corpus.splits, every=True)
        kept = _those_in(features, corpus)
        lost = [
            v
            for ids in kept.values()
            for v in ids
            if isinstance(files, VideoPixels) and v not in files
        ]
        if lost:
            what = f"{len(lost):,} video files are missing, {lost[0]} first"
            notes = [*corpus.notes, f"{what}: pixels are read where all are there, or no features"]
            corpus = replace(corpus, pixels=None, notes=notes)
        return _counted(_of_videos(corpus, kept))
    if not isinstance(files, VideoPixels) or corpus.features:
        return corpus
    _refuse_empty(corpus, files)
    return _counted(_of_videos(corpus, _those_in(files, corpus)))


def _those_in(there: Features | VideoPixels, corpus: Corpus) -> dict[str, set[str]]:
    """Of each split, the videos that are there."""
    return {
        name: {video for video in split.videos if video in there}
        for name, split in corpus.splits.items()
    }


def _refuse_empty(corpus: Corpus, there: VideoPixels) -> None:
    """KBError for a split of which no video file is there."""
    for name, split in corpus.splits.items():
        if split.videos and not any(video in there for video in split.videos):
            what = f"no video file of the {len(split.videos):,} {name} videos is there"
            hint = f"they are called as their ids, such as {split.videos[0]}.mp4"
            raise KBError(f"{corpus.name}: {what}", hint=hint, code=Exit.UNREACHABLE)


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


def refuse_single(corpus: Corpus) -> None:
    """KBError for a split that has one video to rank: any order of it is right."""
    for name, split in corpus.splits.items():
        if name != "train" and len(split.videos) == 1:
            what = f"{corpus.name}: one {name} video is no gallery to rank"
            hint = "--limit-videos 2 or more" if corpus.limit == 1 else "two or more are needed"
            raise KBError(what, hint=hint)


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
