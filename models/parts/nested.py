"""The parts of wholes, end to end as `Nested` has them, and the wholes they belong to.

`owner` is the row of the whole each part belongs to, rising; `wholes` is how many there are.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def pad_parts(
    x: Float[Tensor, "n dim"], owner: Int[Tensor, " n"], wholes: int
) -> tuple[Float[Tensor, "wholes parts dim"], Bool[Tensor, "wholes parts"]]:
    """The parts of each whole side by side, and their mask: False in all columns without a part."""
    count = torch.bincount(owner, minlength=wholes)
    mask = torch.arange(max(int(count.max()), 1), device=x.device) < count[:, None]
    return x.new_zeros(*mask.shape, x.shape[1]).masked_scatter(mask[..., None], x), mask


def mean_scores(
    scores: Float[Tensor, "n m"], rows: Int[Tensor, " n"], columns: Int[Tensor, " m"], wholes: int
) -> Float[Tensor, "wholes wholes"]:
    """Means over the blocks of scores between the parts of two wholes; 0 without a part.

    `rows` and `columns` are the owners of the parts on either side.
    """
    r, c = (F.one_hot(owner, wholes).to(scores.dtype) for owner in (rows, columns))
    return r.mT @ scores @ c / (r.sum(0)[:, None] * c.sum(0)).clamp(min=1)
