"""Semantic roles laid out in slots: so many predicates, then so many of what is none."""

import torch
from jaxtyping import Bool
from torch import Tensor

from models.parts.batch import PREDICATE, RoleGraph


def to_slots(
    graph: RoleGraph, mask: Bool[Tensor, "t words"], predicates: int, others: int
) -> RoleGraph:
    """The first of both kinds in each sentence, as many as there are slots; empty ones wordless.

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
