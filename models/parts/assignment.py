"""One-to-one assignments of greatest weight, for many tables at once.

Kuhn, "The Hungarian method for the assignment problem", 1955, in the form of shortest augmenting
paths (Jonker, Volgenant, 1987): rows come in one after another, and each moves others along the
cheapest path to a free column.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@torch.no_grad()
def assign(
    weights: Float[Tensor, "*tables rows columns"], mask: Bool[Tensor, "*#tables #rows #columns"]
) -> Bool[Tensor, "*tables rows columns"]:
    """Which pairs are chosen: a row has one column at most, a column one row.

    Only pairs with a positive weight that the mask keeps can be chosen; the others stay without.
    """
    rows, columns = weights.shape[-2:]
    usable = mask & (weights > 0)
    cost = torch.where(usable, -weights, 1.0)
    alone = cost.new_zeros(*cost.shape[:-1], rows)  # a column for each row to be without
    cost = torch.cat([cost, alone], -1).flatten(0, -3)
    owner = _shortest_paths(cost)[:, 1 : 1 + columns].view(*weights.shape[:-2], columns)
    chosen = owner[..., None, :] == torch.arange(1, rows + 1, device=owner.device)[:, None]
    return chosen & usable  # Eq. (1)


def _shortest_paths(cost: Float[Tensor, "b rows columns"]) -> Tensor:
    """(b, 1 + columns) the row, counted from 1, of each column; 0: none. Column 0 is a start."""
    b, rows, columns = cost.shape
    table = torch.arange(b, device=cost.device)
    cost = torch.nn.functional.pad(cost, (1, 0), value=torch.inf)
    of_row, of_column = cost.new_zeros(b, rows + 1), cost.new_zeros(b, columns + 1)  # potentials
    owner = torch.zeros(b, columns + 1, dtype=torch.long, device=cost.device)
    for row in range(1, rows + 1):
        owner[:, 0] = row
        at = torch.zeros_like(table)
        least = torch.full_like(of_column, torch.inf)  # cheapest step to each column so far
        before = torch.zeros_like(owner)  # the column that it is made from
        used = torch.zeros_like(owner, dtype=torch.bool)
        while (open_ := owner[table, at] > 0).any():
            used[table[open_], at[open_]] = True
            mover = owner[table, at].clamp(min=1)
            step = cost[table, mover - 1] - of_row[table, mover][:, None] - of_column
            closer = open_[:, None] & ~used & (step < least)
            least = torch.where(closer, step, least)
            before = torch.where(closer, at[:, None], before)
            delta, nearest = least.masked_fill(used, torch.inf).min(1)
            delta = torch.where(open_, delta, 0.0)
            moved = torch.where(used, delta[:, None], 0.0)
            of_row.scatter_add_(1, owner, moved * (owner > 0))
            of_column -= moved
            least = torch.where(used, least, least - delta[:, None])
            at = torch.where(open_, nearest, at)
        while (open_ := at > 0).any():
            previous = before[table, at]
            owner[table[open_], at[open_]] = owner[table, previous][open_]
            at = torch.where(open_, previous, at)
    return owner
