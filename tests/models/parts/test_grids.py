"""Regions in cells of a grid."""

import torch

from models.parts.batch import Regions
from models.parts.grids import max_in_cells


def test_a_cell_has_the_largest_features_of_its_regions():
    """By their middle, rows from the top; padding and empty cells give zeros."""
    features = torch.tensor([[[[1.0, -5.0], [0.0, -2.0], [7.0, 7.0], [9.0, 9.0]]]])
    place = torch.tensor(
        [[[[0.0, 0.6, 0.4, 1.0], [0.1, 0.5, 0.2, 0.9], [0.5, 0.0, 1.0, 0.5], [0, 0, 0.1, 0.1]]]]
    )
    mask = torch.tensor([[[True, True, True, False]]])
    grid, present = max_in_cells(Regions(features, place, mask), 2)
    assert grid[0, 0, 0].tolist() == [[0.0, 7.0], [1.0, 0.0]]
    assert grid[0, 0, 1].tolist() == [[0.0, 7.0], [-2.0, 0.0]]
    assert present.tolist() == [[True]]


def test_cells_of_a_layer_come_back():
    """Also its last row and column; a frame without a region is not there."""
    layer = torch.arange(2 * 3 * 9.0).view(1, 2, 3, 3, 3)
    edge = torch.arange(3) / 3
    corner = torch.stack(torch.meshgrid(edge, edge, indexing="ij")[::-1], 2).flatten(0, 1)
    place = torch.cat([corner, corner + 1 / 3], 1).expand(1, 2, -1, -1)
    mask = torch.tensor([True, False]).view(1, 2, 1).expand(1, 2, 9)
    grid, present = max_in_cells(Regions(layer.flatten(3).mT, place, mask), 3)
    assert grid[0, 0].equal(layer[0, 0])
    assert not grid[0, 1].any()
    assert present.tolist() == [[True, False]]
