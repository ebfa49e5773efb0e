"""Clips cut from videos: each caption with a span becomes a clip."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Caption, Corpus, Features, SplitData
from kb.records.errors import KBError


@dataclass(frozen=True)
class Clip:
    """The video of a clip and its span in seconds."""

    video: str
    start: float
    end: float
    length: float  # of the video


@dataclass(frozen=True)
class CutFeatures:
    """One expert's features of clips, read from those of the videos."""

    videos: Features
    clips: dict[str, Clip]

    @property
    def dim(self) -> int:
        """Length of one feature vector."""
        return self.videos.dim

    def __contains__(self, clip: str) -> bool:
        """Whether the expert has the clip's video."""
        return clip in self.clips and self.clips[clip].video in self.videos

    def read(self, clip: str) -> NDArray[np.float32]:
        """(steps, dim) from the step in which the clip begins to the one in which it ends."""
        one = self.clips[clip]
        steps = self.videos.read(one.video)
        first, last = (int(at * len(steps) / one.length) for at in (one.start, one.end))
        return steps[first : last + 1]


def cut(corpus: Corpus) -> Corpus:
    """The corpus with a clip for each caption, in the order of the captions.

    A caption without a span keeps the whole video as its clip. `cut_from` maps each clip to its
    video. Raises KBError where a video's length is unknown.
    """
    clips = {
        caption.id: _clip(caption, corpus)
        for split in corpus.splits.values()
        for caption in split.captions
    }
    return replace(
        corpus,
        splits={name: _alone(split) for name, split in corpus.splits.items()},
        features={name: CutFeatures(videos, clips) for name, videos in corpus.features.items()},
        cut_from={name: one.video for name, one in clips.items()},
    )


def _alone(split: SplitData) -> SplitData:
    captions = [replace(one, video=one.id, span=None) for one in split.captions]
    return SplitData(split.name, [one.id for one in captions], captions)


def _clip(caption: Caption, corpus: Corpus) -> Clip:
    if caption.span is None:
        return Clip(caption.video, 0.0, 1.0, 1.0)
    seconds = corpus.durations.get(caption.video, 0.0)
    if seconds <= 0:
        what = f"{corpus.name} does not say how long {caption.video} is"
        raise KBError(what, hint="clips are cut from videos whose length is known")
    start, end = (max(at, 0.0) for at in caption.span)
    return Clip(caption.video, start, end, seconds)
