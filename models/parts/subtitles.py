"""Segments of videos: each line of speech with the frames that are shown while it is said.

HERO reads them: Li et al. EMNLP 2020, arXiv:2005.00200.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.parts.batch import Tokens

START, END = 1, 2  # word ids: <start>, the words of a video without speech; <end>, before a line's


@dataclass
class Segments:
    """Parts of videos, end to end. A frame may be in several, or in none."""

    row: Int[Tensor, " n"]  # of its video
    frames: Int[Tensor, "n frames"]  # steps of the video, rising
    frames_mask: Bool[Tensor, "n frames"]
    words: Int[Tensor, "n words"]
    words_mask: Bool[Tensor, "n words"]


def whole_videos(mask: Bool[Tensor, "v n"]) -> Segments:
    """One segment per video, all of its frames, a single word."""
    words = torch.full_like(mask[:, :1], START, dtype=torch.long)
    row = torch.arange(len(mask), device=mask.device)
    return Segments(row, *compact(mask), words, torch.ones_like(mask[:, :1]))


def spoken_segments(
    mask: Bool[Tensor, "v n"], middle: Float[Tensor, "v n"], speech: Tokens
) -> Segments:
    """One segment per line of speech; a video without speech is one segment.

    `middle`: seconds of each frame. Frames are equally long parts of the video, from its first
    second on; one belongs to every line that it overlaps.
    """
    silent = ~speech.mask.any(1, keepdim=True)
    said, overlap = lines(speech, middle)
    shown = torch.cat([mask[:, None] & silent[..., None], mask[:, None] & overlap], 1)
    row, line = torch.cat([silent, said.any(2)], 1).nonzero(as_tuple=True)  # line 0: none
    at, words_mask = compact(F.pad(said, (0, 0, 1, 0))[row, line])
    first = torch.where(line == 0, START, END)[:, None]
    words = torch.cat([first, speech.ids[row].gather(1, at)], 1)
    return Segments(row, *compact(shown[row, line]), words, F.pad(words_mask, (1, 0), value=True))


def lines(
    speech: Tokens, middle: Float[Tensor, "v n"]
) -> tuple[Bool[Tensor, "v lines words"], Bool[Tensor, "v lines n"]]:
    """Which words each line has, and which frames it overlaps."""
    assert speech.line is not None
    assert speech.seconds is not None
    line = torch.arange(1 + int((speech.line * speech.mask).max()), device=middle.device)
    said = speech.mask[:, None] & (speech.line[:, None] == line[:, None])
    begin, end = (time[:, None] for time in speech.seconds.unbind(2))
    begin = begin.masked_fill(~said, float("inf")).amin(2, keepdim=True)
    end = end.masked_fill(~said, float("-inf")).amax(2, keepdim=True)
    half = middle[:, None, :1]  # of the time of a frame
    return said, (begin < middle[:, None] + half) & (end > middle[:, None] - half)


def compact(member: Bool[Tensor, "b n"]) -> tuple[Int[Tensor, "b kept"], Bool[Tensor, "b kept"]]:
    """Places of the members of each row, in order, and their mask."""
    width = max(1, int(member.sum(1).max()))
    at = (~member).byte().argsort(dim=1, stable=True)[:, :width]
    return at, member.gather(1, at)
