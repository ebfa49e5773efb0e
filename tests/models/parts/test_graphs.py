"""Nodes laid out in as few columns as they need. Slots of role graphs: tests/models/test_hgr.py."""

import torch

from models.parts.graphs import true_first


def test_columns_that_are_true_come_first_in_their_order():
    """As many as the fullest row has; rows with fewer go on with others."""
    mask = torch.tensor([[0, 1, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]) > 0
    assert true_first(mask).tolist() == [[1, 3], [4, 0], [0, 1]]


def test_one_column_stays_where_there_is_nothing():
    """A batch without a node still has a shape."""
    assert true_first(torch.zeros(2, 3, dtype=torch.bool)).tolist() == [[0], [0]]
