"""Two streams as one sequence, and scores that need every caption with every video.

A cross-encoder (UniVL's, ClipBERT's, CLIP4Clip's tight head) reads both sides at once: a `Bert` or a
stack of blocks over the concatenated streams, for each pair anew.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class OneStream(NamedTuple):
    """Two streams end to end: the arguments of `Bert`, in its order."""

    x: Float[Tensor, "b n_m width"]
    mask: Bool[Tensor, "b n_m"]
    segment: Int[Tensor, "b n_m"]  # 0: first stream, 1: second


def concat_streams(
    first: Float[Tensor, "b n width"],
    first_mask: Bool[Tensor, "b n"],
    second: Float[Tensor, "b m width"],
    second_mask: Bool[Tensor, "b m"],
) -> OneStream:
    """Padding stays where it is: positions count it, so a pair's states depend on its width."""
    x, mask = torch.cat([first, second], 1), torch.cat([first_mask, second_mask], 1)
    step = torch.arange(x.shape[1], device=x.device)
    return OneStream(x, mask, (step >= first.shape[1]).long().expand(len(x), -1))


def all_pairs(
    score: Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], Float[Tensor, " pairs"]],
    text: tuple[Tensor, ...],
    video: tuple[Tensor, ...],
    chunk: int = 1024,
) -> Float[Tensor, "t v"]:
    """`score` of every caption with every video, at most `chunk` pairs at a time.

    First axis of each tensor of `text`: captions, of `video`: videos. `score` gets the same
    tensors with one row per pair.
    """
    t, v = len(text[0]), len(video[0])
    pair = torch.arange(t * v, device=text[0].device)
    scores = [
        score(tuple(x[rows // v] for x in text), tuple(x[rows % v] for x in video))
        for rows in pair.split(chunk)
    ]
    return torch.cat(scores).view(t, v)
