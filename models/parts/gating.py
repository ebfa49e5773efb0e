"""The gated embedding unit: an affine map, a gate computed from its result, unit length.

Miech, Laptev, Sivic. "Learning a Text-Video Embedding from Incomplete and Heterogeneous Data."
arXiv:1804.02516, whose equation numbers these are. Later papers use it unchanged, with batch
normalisation inside the gate or without.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class ContextGate(nn.Module):
    """y = z * sigmoid(norm(W z + b)), elementwise; `norm` False leaves the normalisation out."""

    def __init__(self, dim: int, *, norm: bool = True) -> None:
        super().__init__()
        self.affine = nn.Linear(dim, dim)
        self.norm = nn.BatchNorm1d(dim) if norm else nn.Identity()

    def forward(self, z: Float[Tensor, "b dim"]) -> Float[Tensor, "b dim"]:
        """y, of the size of z."""
        return z * self.norm(self.affine(z)).sigmoid()  # Eq. (2)


class GatedUnit(nn.Module):
    """x -> z = W1 x + b1 -> z * sigmoid(norm(W2 z + b2)) -> unit length.

    `norm`: whether there is batch normalisation in the gate. `gate` False leaves the gate out.
    """

    def __init__(self, in_dim: int, dim: int, *, norm: bool = True, gate: bool = True) -> None:
        super().__init__()
        self.embed = nn.Linear(in_dim, dim)
        self.gate = ContextGate(dim, norm=norm) if gate else nn.Identity()

    def forward(self, x: Float[Tensor, "b in"]) -> Float[Tensor, "b dim"]:
        """Rows of unit length."""
        z = self.embed(x)  # Eq. (1)
        return F.normalize(self.gate(z), dim=1)  # Eq. (3)


def official_unit(official: str, ours: str) -> dict[str, str]:
    """Beginnings of names, for `load_renamed`: the released codes of its users agree on them."""
    return {
        f"{official}fc.": f"{ours}embed.",
        f"{official}cg.fc.": f"{ours}gate.affine.",
        f"{official}cg.batch_norm.": f"{ours}gate.norm.",
    }
