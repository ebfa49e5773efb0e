"""A plain dual encoder."""

import pytest
import torch

from models.parts.dual import DualEncoder
from tests.models.longhand import cosine, gru

WORDS = torch.tensor([[4, 7, 5], [8, 3, 0], [0, 0, 0]])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 0, 0]], dtype=torch.bool)


def encoder():
    """Nine words, frames of five numbers, a space of four."""
    torch.manual_seed(0)
    return DualEncoder(9, 3, 5, 4, word_init=1.0)


@torch.no_grad()
def test_scores_longhand():
    """Cosines of the mapped last state and the mapped mean frame."""
    net, frames = encoder().eval(), torch.randn(3, 3, 5)
    frames[~MASK] = float("nan")
    scores = net.similarity(net.encode_text(WORDS, MASK), net.encode_video(frames, MASK))
    for i, words in enumerate((3, 2)):
        state = gru(net.sentence.gru, net.sentence.words.weight[WORDS[i, :words]])[-1]
        text = net.text_space[0].weight @ state
        for j, steps in enumerate((3, 2)):
            video = net.video_space[0].weight @ (sum(frames[j, :steps]) / steps)
            assert scores[i, j].item() == pytest.approx(cosine(text, video), abs=1e-5)


def test_every_weight_learns_and_empty_rows_do_no_harm():
    """A caption without a word and a video without a frame score zero at first."""
    net = encoder()
    text, video = net.encode_text(WORDS, MASK), net.encode_video(torch.randn(3, 3, 5), MASK)
    scores = net.similarity(text, video)
    assert not scores[2].any()
    assert not scores[:, 2].any()
    (scores * torch.randn(3, 3)).sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name
