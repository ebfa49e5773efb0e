"""Clips cut from videos: each caption with a span becomes a clip."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Caption, Corpus, Features, ReadPixels, SplitData
from kb.records.errors import KBError


@dataclass(frozen=True)
class Clip:
    """The video of a clip and its span in seconds."""

    video: str
    start: float
    end: float
    length: float  # of the video

    def steps(self, count: int) -> slice:
        """Of so many steps of the video, from the one in which the clip begins to its last."""
        first, last = (int(at * count / self.length) for at in (self.start, self.end))
        return slice(first, last + 1)


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
        return steps[one.steps(len(steps))]


@dataclass(frozen=True)
class CutPixels:
    """The frames of clips, read from those of the videos."""

    videos: ReadPixels
    clips: dict[str, Clip]

    def __call__(self, clip: str) -> NDArray[np.uint8]:
        """(frames, height, width, 3) of the clip."""
        one = self.clips[clip]
        frames = self.videos(one.video)
        return frames[one.steps(len(frames))]


def cut(corpus: Corpus) -> Corpus:
    """The corpus with a clip for each caption, in the order of the captions.

    A caption without a span keeps the whole video as its clip. `cut_from` maps each clip to its
    video, `cut_spans` to its seconds there. Raises KBError where a video's length is unknown.
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
        pixels=None if corpus.pixels is None else CutPixels(corpus.pixels, clips),
        cut_from={name: one.video for name, one in clips.items()},
        cut_spans={name: (one.start, one.end) for name, one in clips.items()},
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
