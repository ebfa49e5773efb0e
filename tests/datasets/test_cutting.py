"""Clips cut from their videos, step by step."""

import numpy as np
import pytest

from kb import datasets
from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.datasets.cutting import cut
from kb.records.errors import KBError


class Held:
    """Features in memory."""

    def __init__(self, **videos) -> None:
        self.videos, self.dim = videos, 1

    def __contains__(self, video: str) -> bool:
        return video in self.videos

    def read(self, video: str):
        """(steps, 1) the numbers of the steps."""
        return np.arange(self.videos[video], dtype=np.float32)[:, None]


def corpus(**spans) -> Corpus:
    """A video `v` of five seconds and `w` of eight, a caption for each span of `v`."""
    captions = [Caption(name, "v", name, span) for name, span in spans.items()]
    captions.append(Caption("other", "w", "all of w"))
    return Corpus(
        "narrated",
        "full",
        "ab" * 32,
        {"train": SplitData("train", ["v", "w"], captions)},
        {"frames": Held(v=10, w=3), "motion": Held(v=3)},
        durations={"v": 5.0},
    )


def test_a_clip_has_the_steps_of_its_span() -> None:
    """From the step in which it begins to the one in which it ends, at each expert's own rate."""
    clips = cut(corpus(early=(0.0, 0.9), middle=(1.0, 2.0), late=(4.9, 5.0), beyond=(6.0, 9.0)))
    frames, motion = clips.features["frames"], clips.features["motion"]
    steps = {name: frames.read(name)[:, 0].tolist() for name in clips.splits["train"].videos}
    assert steps["early"] == [0, 1]
    assert steps["middle"] == [2, 3, 4]
    assert steps["late"] == [9]
    assert steps["beyond"] == []
    assert motion.read("middle")[:, 0].tolist() == [0, 1]
    assert frames.dim == 1


def test_every_caption_is_a_clip_of_its_own() -> None:
    """In the order of the captions; it is known of which video a clip was cut."""
    clips = cut(corpus(one=(0, 1), two=(1, 2)))
    split = clips.splits["train"]
    assert split.videos == ["one", "two", "other"]
    assert [(c.id, c.video, c.span) for c in split.captions] == [
        (name, name, None) for name in split.videos
    ]
    assert clips.cut_from == {"one": "v", "two": "v", "other": "w"}


def test_a_caption_without_a_span_keeps_the_whole_video() -> None:
    """Even where the video's length is not known; an expert that lacks the video lacks the clip."""
    clips = cut(corpus())
    assert len(clips.features["frames"].read("other")) == 3
    assert "other" in clips.features["frames"]
    assert "other" not in clips.features["motion"]
    assert "v" not in clips.features["frames"]


def test_a_span_of_a_video_of_unknown_length_is_refused() -> None:
    """One line that names the video."""
    whole = corpus(one=(0, 1))
    whole.durations.clear()
    with pytest.raises(KBError, match="does not say how long v is"):
        cut(whole)


def test_windows_of_narration_are_cut_from_the_frames_they_are_heard_over(smallest) -> None:
    """The smallest synthetic HowTo100M: two frames a second, a clip a window, whole and in place."""
    root = smallest("diorama-howto100m")
    corpus = datasets.load("diorama-howto100m", size="tiny", root=root)
    clips, seen = cut(corpus), 0
    for split in corpus.splits.values():
        for caption in split.captions:
            start, end = caption.span
            whole = corpus.features["frames"].read(caption.video)
            first, last = round(2 * start), round(2 * end)
            clip = clips.features["frames"].read(caption.id)
            assert np.array_equal(clip, whole[first : last + 1])
            seen += len(clip) < len(whole)
    assert seen > 50
