"""Masked pooling."""

import math

import pytest
import torch

from models.parts.pooling import (
    masked_logsumexp,
    masked_max,
    masked_mean,
    masked_softmax,
    segment_max,
)

MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (masked_mean, [[2.0, -3.0], [4.0, -1.0], [0.0, 0.0]]),
        (masked_max, [[3.0, -2.0], [4.0, -1.0], [0.0, 0.0]]),
    ],
)
def test_pooling_reads_what_the_mask_keeps(pool, expected):
    """Padding does not count whatever stands in it, and an empty row is zero."""
    x = torch.full((3, 3, 2), float("nan"))
    x[0, :2] = torch.tensor([[1.0, -4.0], [3.0, -2.0]])
    x[1, 0] = torch.tensor([4.0, -1.0])
    assert pool(x, MASK).tolist() == expected


def test_an_empty_row_sends_no_gradient_astray():
    """Pooling nothing has a gradient of zero, not of nothing-by-nothing."""
    for pool in (masked_mean, masked_max):
        x = torch.ones(3, 3, 2, requires_grad=True)
        pool(x, MASK).sum().backward()
        assert x.grad.isfinite().all()
        assert not x.grad[~MASK].any()


def test_segments_have_their_own_maximum():
    """Of the steps each group names, elementwise; zeros for a group without any."""
    x = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [2.0, 9.0]]])
    groups = torch.tensor([[[1, 1, 0], [0, 0, 1], [0, 0, 0]]], dtype=torch.bool)
    assert segment_max(x, groups).tolist() == [[[3.0, -2.0], [2.0, 9.0], [0.0, 0.0]]]


@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_and_log_sum_exp_longhand(dim):
    """Over what the mask keeps; shares of nothing are zero, and its log-sum is minus infinity."""
    torch.manual_seed(0)
    x, mask = torch.randn(3, 3), MASK if dim else MASK.T
    shares, logs = masked_softmax(x, mask, dim), masked_logsumexp(x, mask, dim)
    for i in range(3):
        row, keeps = (x[i], mask[i]) if dim else (x[:, i], mask[:, i])
        e = [math.exp(t) if k else 0.0 for t, k in zip(row.tolist(), keeps, strict=True)]
        share = shares[i] if dim else shares[:, i]
        assert share.tolist() == pytest.approx([t / sum(e) if sum(e) else 0.0 for t in e])
        log = math.log(sum(e)) if sum(e) else float("-inf")
        assert logs[i].item() == pytest.approx(log)


def test_log_sum_exp_of_nothing_has_a_gradient_of_zero():
    """Not of nothing by nothing, if what follows does not use it."""
    x = torch.randn(3, 3, requires_grad=True)
    top = masked_logsumexp(x, MASK, 1)
    torch.where(MASK.any(1), top, 0.0).sum().backward()
    assert x.grad.isfinite().all()
    assert not x.grad[~MASK].any()
