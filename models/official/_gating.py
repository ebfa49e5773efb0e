"""The gated unit as the released codes of Wray et al. run it."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.parts.gating import ContextGate, GatedUnit


class IdleNormGate(ContextGate):
    """A gate whose batch norm takes part in nothing."""

    def forward(self, z: Float[Tensor, "b dim"]) -> Float[Tensor, "b dim"]:
        """y, of the size of z."""
        return z * self.affine(z).sigmoid()


class IdleNormUnit(GatedUnit):
    """A gated unit over an input of unit length."""

    def __init__(self, in_dim: int, dim: int) -> None:
        super().__init__(in_dim, dim)
        self.gate = IdleNormGate(dim)
        self.gate.norm.requires_grad_(requires_grad=False)

    def forward(self, x: Float[Tensor, "b in"]) -> Float[Tensor, "b dim"]:
        """Rows of unit length."""
        return super().forward(F.normalize(x, dim=1))
