"""Nodes of graphs, laid out in as few columns as they need."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from models.parts.batch import PREDICATE, RoleGraph


def to_slots(
    graph: RoleGraph, mask: Bool[Tensor, "t words"], predicates: int, others: int
) -> RoleGraph:
    """Semantic roles in slots: so many predicates, then so many of what is none.

    The first of both kinds in each sentence, as many as there are slots; empty ones wordless.

    Words that the mask leaves out are in no node, and a node without words has no slot.
    """
    members = graph.members[:, :, : mask.shape[1]] & mask[:, None]
    predicate, spoken = graph.role == PREDICATE, members.any(2)
    chosen = []
    for kind, slots in ((predicate & spoken, predicates), (~predicate & spoken, others)):
        slot = torch.where(kind, kind.cumsum(1) - 1, -1)
        chosen.append(slot[:, None] == torch.arange(slots, device=slot.device)[:, None])
    at = torch.cat(chosen, 1).float()  # (t, slots, nodes)
    role = (at @ graph.role.float()[..., None])[..., 0].long()
    argument = at @ graph.argument.float() @ at.mT
    return RoleGraph(at @ members.float() > 0, role, argument > 0)


def true_first(mask: Bool[Tensor, "b n"]) -> Int[Tensor, "b kept"]:
    """Columns that are True, in order, then others, as many as the fullest row needs; 1 at least."""
    kept = max(1, int(mask.sum(1).max()))
    return (~mask).long().argsort(dim=1, stable=True)[:, :kept]
