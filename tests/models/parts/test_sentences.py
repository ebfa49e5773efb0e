"""Sentences read by a GRU, gate by gate."""

import pytest
import torch

from models.parts.sentences import SentenceGRU
from tests.models.longhand import gru

WORDS = torch.tensor([[4, 7, 5, 0], [8, 3, 0, 0], [0, 0, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)


def merged(net, forward, backward):
    """Two states as one."""
    if net.bidirectional == "concat":
        return torch.cat([forward, backward])
    return (forward + backward) / 2 if net.bidirectional else forward


@pytest.mark.parametrize("bidirectional", [None, "concat", "mean"])
@pytest.mark.parametrize("pool", ["last", "mean", "max"])
@torch.no_grad()
def test_a_sentence_longhand(bidirectional, pool):
    """States of its own words, merged and pooled; zeros without a word, whatever the padding."""
    torch.manual_seed(0)
    net = SentenceGRU(9, 3, 2, bidirectional=bidirectional, pool=pool, word_init=1.0).eval()
    y, states = net(WORDS, MASK), net.states(WORDS, MASK)
    assert y.shape == (3, net.out)
    for i, length in enumerate((3, 2)):
        x = net.words.weight[WORDS[i, :length]]
        forward = gru(net.gru, x)
        backward = gru(net.gru, x, "_reverse") if bidirectional else forward
        both = [merged(net, *pair) for pair in zip(forward, backward, strict=True)]
        torch.testing.assert_close(states[i, :length], torch.stack(both))
        expected = {
            "last": merged(net, forward[-1], backward[0]),
            "mean": sum(both) / length,
            "max": torch.stack([max(column) for column in zip(*both, strict=True)]),
        }
        torch.testing.assert_close(y[i], expected[pool])
    assert not y[2].any()
    assert not states[~MASK].any()


def test_word_vectors_start_uniform():
    """Within the bound that is asked for, up to it."""
    weight = SentenceGRU(100, 50, 2, word_init=0.3).words.weight
    assert 0.29 < weight.abs().max() <= 0.3
