"""Frames as grids of cells, from the regions that were found in them."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.parts.batch import Regions


def max_in_cells(
    regions: Regions, side: int
) -> tuple[Float[Tensor, "v steps dim side side"], Bool[Tensor, "v steps"]]:
    """The largest features of the regions whose middle is in a cell, rows from the top.

    Zeros of an empty cell. The mask: which frames have a region. Regions that are the cells of a
    convolutional network's last layer give back that layer.
    """
    x, place, mask = regions.features, regions.place, regions.mask
    middle = (place[..., :2] + place[..., 2:]) / 2
    column, row = (middle * side).long().clamp(0, side - 1).unbind(-1)
    cell = torch.where(mask, row * side + column, side**2)[..., None].expand_as(x)
    grid = x.new_zeros(*x.shape[:2], side**2 + 1, x.shape[3])
    grid = grid.scatter_reduce(2, cell, x, "amax", include_self=False)[:, :, :-1]
    return grid.movedim(3, 2).unflatten(3, (side, side)), mask.any(2)
