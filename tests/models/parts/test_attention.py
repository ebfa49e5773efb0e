"""Attention over another stream, one query at a time."""

import math

import pytest
import torch
from torch import nn

from models.parts.attention import (
    CoAttention,
    CrossAttention,
    CrossLayer,
    FeedForward,
    attend,
    sinusoids,
)
from tests.models.parts.longhand import exact_gelu, normalised

MASK = torch.tensor([[True, True, True], [True, False, False], [False, False, False]])


def by_hand(q, keys, values, heads):
    """One query's mixture of the values, head by head."""
    size, wide, mixed = len(q) // heads, len(values[0]) // heads, []
    for h in range(heads):
        a, b = slice(h * size, (h + 1) * size), slice(h * wide, (h + 1) * wide)
        weight = [math.exp(sum(q[a] * key[a]) / math.sqrt(size)) for key in keys]
        mixed.append(sum(w * v[b] for w, v in zip(weight, values, strict=True)) / sum(weight))
    return torch.cat(mixed)


@pytest.mark.parametrize("heads", [1, 2])
def test_attention_longhand(heads):
    """Weights are a softmax of scaled products over a row's own keys; zeros where it has none."""
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4), torch.randn(3, 3, 4), torch.randn(3, 3, 6)
    y = attend(q, k, v, MASK, heads)
    for i, keys in enumerate((3, 1)):
        for n in range(2):
            torch.testing.assert_close(y[i, n], by_hand(q[i, n], k[i, :keys], v[i, :keys], heads))
    assert not y[2].any()


def test_attention_over_nothing_has_a_gradient_of_zero():
    """Not of nothing by nothing."""
    q, k, v = (torch.randn(3, 3, 4, requires_grad=True) for _ in range(3))
    attend(q, k, v, MASK, 2).square().sum().backward()
    for x in (q, k, v):
        assert x.grad.isfinite().all()
        assert not x.grad[2].any()
    assert not v.grad[~MASK].any()


def randomised(net):
    """Weights large enough to tell a wrong term from a right one."""
    torch.manual_seed(1)
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.5)
    return net.eval()


@torch.no_grad()
def test_cross_attention_longhand():
    """Queries of one width, keys and values of another, added to the stream, then normalised."""
    net, x, context = (
        randomised(CrossAttention(4, 6, 8, 2)),
        torch.randn(3, 2, 4),
        torch.randn(3, 3, 6),
    )
    y = net(x, context, MASK)
    for i, keys in enumerate((3, 1, 0)):
        for n in range(2):
            read = torch.zeros(8)
            if keys:
                k, v = net.key(context[i, :keys]), net.value(context[i, :keys])
                read = by_hand(net.query(x[i, n]), k, v, 2)
            torch.testing.assert_close(y[i, n], normalised(net.norm, x[i, n] + net.out(read)))


@torch.no_grad()
def test_two_streams_read_each_other_as_they_came_in():
    """Neither sees what the other has become; each ends in its own feed-forward half."""
    net = randomised(CoAttention((4, 6), 8, 2, (5, 7)))
    x, y, every = torch.randn(3, 2, 4), torch.randn(3, 3, 6), torch.ones(3, 2, dtype=torch.bool)
    first, second = net(x, every, y, MASK)
    torch.testing.assert_close(first, net.first_inner(net.first(x, y, MASK)))
    torch.testing.assert_close(second, net.second_inner(net.second(y, x, every)))
    half = net.first_inner
    one = net.first(x, y, MASK)[0, 0]
    inner = torch.tensor([exact_gelu(t) for t in half.linear1(one).tolist()])
    torch.testing.assert_close(first[0, 0], normalised(half.norm, one + half.linear2(inner)))


def test_dropout_is_on_the_weights_and_on_both_halves():
    """With all of it dropped a stream is only normalised, and in evaluation none is."""
    x, context = torch.randn(2, 3, 4), torch.randn(2, 3, 6)
    mask = torch.ones(2, 3, dtype=torch.bool)
    cross, half = CrossAttention(4, 6, 8, 2, 1.0), FeedForward(4, 5, 1.0)
    torch.testing.assert_close(cross(x, context, mask), cross.norm(x))
    torch.testing.assert_close(half(x), half.norm(x))
    assert not torch.allclose(cross.eval()(x, context, mask), cross.norm(x))
    k = v = torch.ones(1, 1000, 1)
    torch.manual_seed(0)
    y = attend(torch.ones(1, 1, 1), k, v, torch.ones(1, 1000, dtype=torch.bool), 1, 0.5)
    assert y.item() == pytest.approx(1.0, abs=0.1)
    assert y.item() != 1.0


@torch.no_grad()
def test_a_cross_layer_is_both_halves():
    """Attention to the context, then each step by itself."""
    net = randomised(CrossLayer(4, 6, 8, 2, 5))
    x, context = torch.randn(3, 2, 4), torch.randn(3, 3, 6)
    assert net(x, context, MASK).equal(net.inner(net.attention(x, context, MASK)))


@pytest.mark.parametrize("paired", [True, False])
def test_sinusoids_longhand(paired):
    """Sines in even channels, cosines in odd ones; a period for two channels or for each."""
    table = sinusoids(4, 6, paired=paired)
    for step in range(4):
        for i in range(6):
            power = 2 * (i // 2) if paired else 2 * i
            angle = step / 10_000 ** (power / 6)
            wave = math.cos(angle) if i % 2 else math.sin(angle)
            assert table[step, i].item() == pytest.approx(wave, abs=1e-6)
