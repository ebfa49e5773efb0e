"""NetVLAD as the released codes of Miech et al. and of Liu et al. run it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.parts.netvlad import NetVLAD


class PaddingNetVLAD(NetVLAD):
    """Padded steps are pooled, and normalised with the others, as steps of zeros."""

    def forward(
        self, x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
    ) -> Float[Tensor, "b dim_clusters"]:
        """Unit length; a row without a step is all zeros, and they are pooled."""
        return super().forward(x.masked_fill(~mask[..., None], 0.0), torch.ones_like(mask))
