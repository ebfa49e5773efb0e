"""Sequences of frames or words: cut to what is needed, read by a recurrent network."""

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def trimmed(
    x: Shaped[Tensor, "b steps ..."], mask: Bool[Tensor, "b steps"], limit: int | None = None
) -> tuple[Shaped[Tensor, "b kept ..."], Bool[Tensor, "b kept"]]:
    """The first `limit` steps, without the columns that are padding in every row.

    At least one column stays, so that a batch in which everything is missing still has a shape.
    """
    longest = int(mask[:, :limit].sum(1).max())
    return x[:, : max(longest, 1)], mask[:, : max(longest, 1)]


def evenly(mask: Bool[Tensor, "b steps"], limit: int) -> Int[Tensor, "b kept"]:
    """Numbers of the steps to keep: all of a row's where they fit, else `limit`, evenly spread.

    Columns that would be padding in every row are left out, as in `trimmed`; the mask is True
    first, then False.
    """
    count = mask.sum(1, keepdim=True)
    kept = torch.arange(max(1, min(int(count.max()), limit)), device=mask.device)
    return torch.where(count > limit, kept * count // limit, kept)


def first_to_last(
    x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"], limit: int
) -> tuple[Float[Tensor, "b kept dim"], Bool[Tensor, "b kept"]]:
    """At most `limit` steps of each row, from its first to its last; halves round to even."""
    last = mask.sum(1, keepdim=True).double() - 1
    step = torch.arange(min(limit, x.shape[1]), device=x.device)
    apart = (step * last / max(limit - 1, 1)).round().long()
    at = torch.where(last < limit, step, apart)
    return x.gather(1, at[..., None].expand(-1, -1, x.shape[2])), mask.gather(1, at)


def gru_states(
    gru: nn.GRU, x: Float[Tensor, "b steps in"], mask: Bool[Tensor, "b steps"]
) -> Float[Tensor, "b steps out"]:
    """States of a batch-first GRU that reads true steps only; zeros at the padding.

    The backward direction begins at each row's own last step. The mask is True first, then False.
    """
    lengths = mask.sum(1).clamp(min=1).cpu()  # packing refuses an empty row; it is zeroed below
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    states, _ = pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=x.shape[1])
    return states * mask[..., None]
