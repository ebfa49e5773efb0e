"""Cycles between two sequences, one step at a time."""

import math

import pytest
import torch

from models.parts.cycles import cycle_errors, neighbour_weights

A = torch.tensor([[[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]]])
B = torch.tensor([[[0.5, 1.0], [2.0, 1.0], [9.0, 9.0]]])
B_MASK = torch.tensor([[True, True, False]])


def weights(x, others):
    """Softmax of minus mean squared distances."""
    terms = [math.exp(-sum((a - b) ** 2 for a, b in zip(x, o, strict=True)) / 2) for o in others]
    return [term / sum(terms) for term in terms]


def test_neighbours_are_near():
    """A softmax over the steps there are; padding has no weight."""
    y = neighbour_weights(A, B, B_MASK)[0]
    for i, row in enumerate(A[0].tolist()):
        assert y[i, :2].tolist() == pytest.approx(weights(row, B[0, :2].tolist()))
    assert not y[:, 2].any()


def test_a_cycle_longhand():
    """Eq. (1): to a mixture of the other side and back to a mean place; its squared distance."""
    a, b = A[0].tolist(), B[0, :2].tolist()
    errors = cycle_errors(A, torch.ones(1, 3, dtype=torch.bool), B, B_MASK)[0]
    for i, start in enumerate(a):
        w = weights(start, b)
        z = [sum(w[j] * b[j][k] for j in range(2)) for k in range(2)]
        back = weights(z, a)
        assert errors[i].item() == pytest.approx((i - sum(k * back[k] for k in range(3))) ** 2)


def test_padding_starts_no_cycle_and_ends_none():
    """Its error is 0, and no mean place leans towards it."""
    far = torch.cat([A, torch.full((1, 2, 2), 7.0)], 1)
    mask = torch.arange(5)[None] < 3
    errors = cycle_errors(far, mask, B, B_MASK)
    torch.testing.assert_close(
        errors[:, :3], cycle_errors(A, torch.ones(1, 3, dtype=torch.bool), B, B_MASK)
    )
    assert not errors[:, 3:].any()
