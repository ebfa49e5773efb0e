"""Segments of three videos, written out by hand."""

import torch

from models.parts.batch import Tokens
from models.parts.subtitles import compact, spoken_segments, whole_videos

MASK = torch.tensor([[True, True, True, True], [True, True, False, False], [False] * 4])
MIDDLE = torch.tensor([[1.0, 3.0, 5.0, 7.0], [1.0, 3.0, 9.0, 9.0], [0.0] * 4])  # two seconds each
SPEECH = Tokens(
    torch.tensor([[7, 8, 9, 6], [0] * 4, [5, 0, 0, 0]]),
    torch.tensor([[True] * 4, [False] * 4, [True, False, False, False]]),
    torch.tensor(
        [
            [[0.5, 1.0], [1.0, 2.5], [2.5, 4.0], [20.0, 30.0]],
            [[0.0, 0.0]] * 4,
            [[0.0, 1.0]] + [[0.0, 0.0]] * 3,
        ]
    ),
    torch.tensor([[0, 0, 1, 2], [0] * 4, [0] * 4]),
)


def rows(index, mask):
    """What the mask keeps of each row."""
    return [one[keep].tolist() for one, keep in zip(index, mask, strict=True)]


def test_each_line_has_the_frames_it_overlaps():
    """A frame in two lines, lines without a frame, and a silent video with all of its own."""
    parts = spoken_segments(MASK, MIDDLE, SPEECH)
    assert parts.row.tolist() == [0, 0, 0, 1, 2]
    assert rows(parts.frames, parts.frames_mask) == [[0, 1], [1], [], [0, 1], []]
    words = rows(parts.words, parts.words_mask)
    assert words == [[2, 7, 8], [2, 9], [2, 6], [1], [2, 5]]


def test_whole_videos_have_one_word():
    """All of their frames, in order."""
    parts = whole_videos(MASK)
    assert parts.row.tolist() == [0, 1, 2]
    assert rows(parts.frames, parts.frames_mask) == [[0, 1, 2, 3], [0, 1], []]
    assert rows(parts.words, parts.words_mask) == [[1], [1], [1]]


def test_places_of_members_keep_their_order():
    """As many columns as the longest row has, at least one."""
    at, mask = compact(torch.tensor([[False, True, True], [True, False, False]]))
    assert rows(at, mask) == [[1, 2], [0]]
    assert compact(torch.zeros(2, 3, dtype=torch.bool))[0].shape == (2, 1)
