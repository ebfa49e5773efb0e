"""NetVLAD: steps of a sequence, pooled as their distances from learnt centres.

Arandjelović, Gronat, Torii, Pajdla, Sivic. "NetVLAD: CNN Architecture for Weakly Supervised Place
Recognition." CVPR 2016, arXiv:1511.07247, whose equation number this is. As Miech, Laptev, Sivic
2018 have it: the assignment is batch-normalised, and its weights are not tied to the centres. Ghost
clusters: Zhong, Arandjelović, Zisserman. "GhostVLAD for Set-Based Face Recognition." ACCV 2018.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn


class NetVLAD(nn.Module):
    """a = softmax(norm(x W)); v_k = sum over steps of a_k (x - c_k), each v_k and all of unit length.

    `ghosts`: clusters that take their share of a step and are dropped. The result is laid out
    feature by feature, the clusters of one feature side by side: `dim * clusters` wide.
    """

    def __init__(self, dim: int, clusters: int, ghosts: int = 0) -> None:
        super().__init__()
        self.clusters = nn.Parameter(torch.randn(dim, clusters + ghosts) / dim**0.5)
        self.centres = nn.Parameter(torch.randn(1, dim, clusters) / dim**0.5)
        self.norm = nn.BatchNorm1d(clusters + ghosts)

    def forward(
        self, x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
    ) -> Float[Tensor, "b dim_clusters"]:
        """Unit length; zeros for a row without a step. Padding has no share in the statistics."""
        if mask.all():
            a = self.assign(x.flatten(0, 1)).view(*mask.shape, -1)
        else:
            x = x.masked_fill(~mask[..., None], 0.0)
            assigned = self.assign(x[mask])
            a = assigned.new_zeros(*mask.shape, assigned.shape[1])
            a[mask] = assigned
        a = a[..., : self.centres.shape[2]].to(x.dtype)  # without the ghosts
        v = a.mT.matmul(x).mT - a.sum(1)[:, None] * self.centres  # Eq. (4)
        return F.normalize(F.normalize(v, dim=1).flatten(1), dim=1)

    def assign(self, steps: Float[Tensor, "n dim"]) -> Float[Tensor, "n all_clusters"]:
        """Shares a of every step, ghosts last; a step alone is normalised by the running statistics."""
        norm, several = self.norm, self.training and len(steps) > 1
        fixed = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return F.batch_norm(steps @ self.clusters, *fixed, several).softmax(1)


def netvlad_names(official: str, ours: str) -> dict[str, str]:
    """Beginnings of names, for `load_renamed`: the released codes of its users agree on them."""
    return {
        f"{official}clusters2": f"{ours}centres",
        f"{official}clusters": f"{ours}clusters",
        f"{official}batch_norm.": f"{ours}norm.",
    }
