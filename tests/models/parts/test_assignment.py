"""Assignments, against every possible one."""

from itertools import permutations

import pytest
import torch

from models.parts.assignment import assign


def best(weights, mask):
    """The greatest sum over all one-to-one assignments of some rows to some columns."""
    rows, columns = weights.shape
    choices = [*range(columns), *[None] * rows]
    sums = [
        sum(
            weights[r, c].item()
            for r, c in enumerate(columns_)
            if c is not None and mask[r, c] and weights[r, c] > 0
        )
        for columns_ in set(permutations(choices, rows))
    ]
    return max(sums)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 4), (3, 3), (4, 2), (3, 1)])
def test_no_assignment_weighs_more(rows, columns):
    """One column a row, one row a column, positive weights alone, whatever the shape."""
    g = torch.Generator().manual_seed(rows + 9 * columns)
    weights = torch.randn(4, 5, rows, columns, generator=g)
    mask = torch.rand(4, 5, rows, columns, generator=g) < 0.8
    chosen = assign(weights, mask)
    assert chosen.sum(-1).max() <= 1
    assert chosen.sum(-2).max() <= 1
    assert not (chosen & ~(mask & (weights > 0))).any()
    for i in range(4):
        for j in range(5):
            total = weights[i, j][chosen[i, j]].sum().item()
            assert total == pytest.approx(best(weights[i, j], mask[i, j]), abs=1e-5)


def test_a_table_is_assigned_as_if_it_were_alone():
    """Tables need paths of different lengths; none waits for another, none is changed by it."""
    weights = torch.randn(50, 7, 9, generator=torch.Generator().manual_seed(3))
    mask = torch.ones(1, 7, 9, dtype=torch.bool)
    together = assign(weights, mask)
    for one, chosen in zip(weights, together, strict=True):
        assert assign(one[None], mask)[0].equal(chosen)


def test_a_row_gives_way_where_another_gains_more():
    """Greedy choice would take 5 and leave 1; the best is 4 + 4."""
    weights = torch.tensor([[[5.0, 4], [4, 1]]])
    chosen = assign(weights, torch.ones(1, 1, 1, dtype=torch.bool))
    assert chosen.tolist() == [[[False, True], [True, False]]]


def test_nothing_positive_is_nothing_chosen():
    """Zeros and negative weights stay without a partner."""
    weights = torch.tensor([[[0.0, -1], [-2, 0]]])
    assert not assign(weights, torch.ones(1, 2, 2, dtype=torch.bool)).any()
