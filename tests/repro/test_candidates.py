"""Captions near a clip in time, in the order in which a window takes them in."""

import pytest
import torch

from kb import datasets
from kb.datasets.cutting import cut
from kb.repro.split_tensors import load_split
from kb.repro.views.candidates import COUNT, window
from kb.repro.vocabulary import PAD, Vocabulary

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("times", "place", "joined"),
    [
        ([(0, 1), (2, 3), (9, 10)], 1, [1, 0, 2]),  # the earlier one is nearer
        ([(0, 1), (7, 8), (9, 10)], 1, [1, 2, 0]),
        ([(0, 1), (2, 3), (4, 5), (6, 7)], 3, [3, 2, 1, 0]),  # at the end, from the other side
        ([(0, 1)], 0, [0]),
    ],
)
def test_a_window_stays_as_short_as_it_can(times, place, joined):
    """It grows to the side on which it spans less time."""
    assert window(times, place) == joined


def test_a_window_has_a_limit():
    """No more captions than are asked for."""
    times = [(float(n), n + 1.0) for n in range(9)]
    assert len(window(times, 4)) == COUNT
    assert sorted(window(times, 4, 3)) in ([3, 4, 5], [4, 5, 6], [2, 3, 4])


@pytest.fixture(scope="module")
def corpus():
    """Clips of narrated videos."""
    return cut(datasets.load("diorama-howto100m", size="tiny"))


@pytest.fixture(scope="module")
def words(corpus):
    """Their vocabulary."""
    return Vocabulary.build(caption.text for caption in corpus.splits["train"].captions)


def test_candidates_are_captions_of_the_same_video(corpus, words):
    """A clip's own caption first; none of another video, none twice."""
    split, captions = (
        load_split(corpus, "train", words, ["candidates"], CPU),
        corpus.splits["train"].captions,
    )
    rows = torch.tensor([5, 0, 17])
    near = split.captions(rows).candidates
    for place, row in enumerate(rows.tolist()):
        own = near.items.words[near.owner == place]
        texts = [tuple(one[one != PAD].tolist()) for one in own]
        video = corpus.cut_from[captions[row].video]
        around = [c for c in captions if corpus.cut_from[c.video] == video]
        assert texts[0] == tuple(words.encode(captions[row].text))
        assert set(texts) <= {tuple(words.encode(one.text)) for one in around}
        assert len(texts) == min(COUNT, len(around))


def test_whole_videos_have_no_candidates():
    """Their captions have no time in a longer video."""
    corpus = datasets.load("diorama-msrvtt", size="tiny")
    words = Vocabulary.build(caption.text for caption in corpus.splits["train"].captions)
    split = load_split(corpus, "train", words, ["candidates"], CPU)
    assert split.captions(torch.tensor([0, 1])).candidates is None


def test_pixels_of_a_clip_are_its_part_of_the_video(corpus):
    """As many frames as its features have steps, from where it begins."""
    for clip in corpus.splits["train"].videos[:5]:
        frames, whole = corpus.pixels(clip), corpus.pixels.videos(corpus.cut_from[clip])
        start, end = corpus.cut_spans[clip]
        length = corpus.durations[corpus.cut_from[clip]]
        first, last = int(start * len(whole) / length), int(end * len(whole) / length)
        assert len(frames) == len(whole[first : last + 1])
        assert (frames == whole[first : last + 1]).all()
