"""Sequences of frames or words: cut to what is needed, read by a recurrent network."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


def trim_padding(
    x: Shaped[Tensor, "b steps ..."], mask: Bool[Tensor, "b steps"], limit: int | None = None
) -> tuple[Shaped[Tensor, "b kept ..."], Bool[Tensor, "b kept"]]:
    """The first `limit` steps, without the columns that are padding in every row.

    At least one column stays, so that a batch in which everything is missing still has a shape.
    """
    longest = int(mask[:, :limit].sum(1).max())
    return x[:, : max(longest, 1)], mask[:, : max(longest, 1)]


def cut_before_end(
    ids: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"], limit: int
) -> tuple[Int[Tensor, "t kept"], Bool[Tensor, "t kept"]]:
    """At most `limit` ids of each row: of a longer one the first, then its own last, the end token.

    The mask is True first, then False.
    """
    end = ids.gather(1, mask.sum(1, keepdim=True).clamp(min=1) - 1)
    longer = mask.sum(1, keepdim=True) > limit
    ids, mask = trim_padding(ids, mask, limit)
    return torch.cat([ids[:, :-1], torch.where(longer, end, ids[:, -1:])], 1), mask


def sample_uniform(mask: Bool[Tensor, "b steps"], limit: int) -> Int[Tensor, "b kept"]:
    """Numbers of the steps to keep: all of a row's where they fit, else `limit`, evenly spread.

    Columns that would be padding in every row are left out, as in `trim_padding`; the mask is True
    first, then False.
    """
    count = mask.sum(1, keepdim=True)
    kept = torch.arange(max(1, min(int(count.max()), limit)), device=mask.device)
    return torch.where(count > limit, kept * count // limit, kept)


def take_uniform(
    x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"], limit: int
) -> tuple[Float[Tensor, "b kept dim"], Bool[Tensor, "b kept"]]:
    """The steps that `sample_uniform` keeps, and their mask."""
    at = sample_uniform(mask, limit)
    return x.gather(1, at[..., None].expand(-1, -1, x.shape[2])), mask.gather(1, at)


def sample_linspace(
    x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"], limit: int
) -> tuple[Float[Tensor, "b kept dim"], Bool[Tensor, "b kept"]]:
    """At most `limit` steps of each row, from its first to its last; halves round to even."""
    last = mask.sum(1, keepdim=True).double() - 1
    step = torch.arange(min(limit, x.shape[1]), device=x.device)
    apart = (step * last / max(limit - 1, 1)).round().long()
    at = torch.where(last < limit, step, apart)
    return x.gather(1, at[..., None].expand(-1, -1, x.shape[2])), mask.gather(1, at)


def last_states(
    states: Float[Tensor, "b steps d"], mask: Bool[Tensor, "b steps"]
) -> Float[Tensor, "b d"]:
    """The state at each row's last true step; a row without one gives its first."""
    last = mask.sum(1).clamp(min=1) - 1
    return states[torch.arange(len(states)), last]


def conv_windows(
    convs: nn.ModuleList, x: Float[Tensor, "b n dim"], mask: Bool[Tensor, "b n"]
) -> Iterator[Float[Tensor, "b windows filters"]]:
    """What filters give at every window that holds a true step of its row; zeros past the last one.

    A filter of length k pads with k - 1 zeros: window p ends at step p, n + k - 1 of them. The mask
    is True first, then False. On a CPU the rows are laid end to end, zeros between them, so that no
    time goes into padding; the sums are the same.
    """
    length = mask.sum(1, keepdim=True)
    gap = max(int(conv.padding[0]) for conv in convs)
    packed = x.device.type == "cpu"
    begin = (length + gap).cumsum(0) - length  # of each row among all
    if packed:
        place = (begin + torch.arange(x.shape[1]))[mask]
        line = x.new_zeros(int(begin[-1] + length[-1]) + gap, x.shape[2])
        line = line.index_copy(0, place, x[mask])
    for conv in convs:
        width = int(conv.padding[0])
        p = torch.arange(x.shape[1] + width, device=x.device)
        counts = (p < length + width) & (length > 0)
        if packed:
            at = torch.where(counts, begin + p, 0).flatten()
            windows = conv(line.mT[None])[0].mT.index_select(0, at).view(*counts.shape, -1)
        else:
            windows = conv(x.mT).mT
        yield windows * counts[..., None]


def gru_states(
    gru: nn.GRU,
    x: Float[Tensor, "b steps in"],
    mask: Bool[Tensor, "b steps"],
    begin: Float[Tensor, "directions b hidden"] | None = None,
) -> Float[Tensor, "b steps out"]:
    """States of a batch-first GRU that reads true steps only; zeros at the padding.

    `begin`: the state before the first step, zero if None. The backward direction begins at each
    row's own last step. The mask is True first, then False.
    """
    if torch.is_grad_enabled() and x.device.type == "cpu" and gru.num_layers == 1:
        x = x.masked_fill(~mask[..., None], 0.0)
        return _bidirectional_gru(gru, x, mask, begin) * mask[..., None]
    return _packed_states(gru, x, mask, begin)


def xavier_gru(in_dim: int, dim: int) -> nn.GRU:
    """A GRU whose matrices start Xavier uniform, gate by gate, and whose biases start at zero."""
    gru = nn.GRU(in_dim, dim, batch_first=True)
    for weight in gru.parameters():
        for gate in weight.data.chunk(3):
            nn.init.xavier_uniform_(gate) if gate.ndim > 1 else nn.init.zeros_(gate)
    return gru


def glorot_lstm(in_dim: int, dim: int, *, bidirectional: bool = False) -> nn.LSTM:
    """An LSTM that starts as TensorFlow's: the two matrices of a direction Glorot uniform as one.

    Biases start at zero, that of the forget gate at one.
    """
    lstm = nn.LSTM(in_dim, dim, batch_first=True, bidirectional=bidirectional)
    bound = (6 / (in_dim + 5 * dim)) ** 0.5
    for name, weight in lstm.named_parameters():
        nn.init.uniform_(weight, -bound, bound) if weight.ndim > 1 else nn.init.zeros_(weight)
        if name.startswith("bias_ih"):
            nn.init.ones_(weight.data[dim : 2 * dim])  # gates in torch's order: i, f, g, o
    return lstm


def lstm_states(
    lstm: nn.LSTM,
    x: Float[Tensor, "b steps in"],
    mask: Bool[Tensor, "b steps"],
    begin: tuple[Float[Tensor, "directions b d"], Float[Tensor, "directions b d"]] | None = None,
) -> Float[Tensor, "b steps out"]:
    """The same of a batch-first LSTM; `begin`: state and cell before the first step, else zeros."""
    return _packed_states(lstm, x, mask, begin)


def lstm_end(
    lstm: nn.LSTM, x: Float[Tensor, "b steps in"], mask: Bool[Tensor, "b steps"]
) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]]:
    """State and cell of an LSTM of one direction after each row's last step; zeros without any."""
    _, (h, c) = lstm(_pack(x, mask))
    some = mask.any(1, keepdim=True)
    return h[0] * some, c[0] * some


def _pack(x: Float[Tensor, "b steps in"], mask: Bool[Tensor, "b steps"]) -> PackedSequence:
    """Rows without padding. Packing refuses an empty row, of which the first step is taken."""
    lengths = mask.sum(1).clamp(min=1).cpu()
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


def end_states(
    states: Float[Tensor, "b steps d2"], mask: Bool[Tensor, "b steps"]
) -> Float[Tensor, "b d2"]:
    """Where both directions end: the forward half at a row's last true step, the other at step 0."""
    forward, backward = last_states(states, mask).chunk(2, 1)[0], states[:, 0].chunk(2, 1)[1]
    return torch.cat([forward, backward], 1)


def _packed_states(
    rnn: nn.GRU | nn.LSTM,
    x: Float[Tensor, "b steps in"],
    mask: Bool[Tensor, "b steps"],
    begin: Tensor | tuple[Tensor, Tensor] | None,
) -> Float[Tensor, "b steps out"]:
    """The states, zero at the padding, in one pass of torch's own."""
    states = rnn(_pack(x, mask), begin)[0]
    states, _ = pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])
    return states.masked_fill(~mask[..., None], 0.0)


def _bidirectional_gru(
    gru: nn.GRU,
    x: Float[Tensor, "b steps in"],
    mask: Bool[Tensor, "b steps"],
    begin: Float[Tensor, "directions b hidden"] | None,
) -> Float[Tensor, "b steps out"]:
    """The states, a pass for each direction; the second reads each row from its own last step.

    Where a CPU wants gradients this is faster than packing, which cuts every step out of the whole
    batch and sends back, for each cut, a gradient as large as the whole.
    """
    b, steps = mask.shape
    turn = (mask.sum(1, keepdim=True) - 1 - torch.arange(steps)).clamp(min=0)
    row = (turn + steps * torch.arange(b)[:, None]).flatten()
    ends, states = ("", "_reverse")[: 1 + gru.bidirectional], []
    first = x.new_zeros(len(ends), b, gru.hidden_size) if begin is None else begin
    for n, end in enumerate(ends):
        parts = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")[: 2 + 2 * gru.bias]
        weights = [gru.get_parameter(part + end) for part in parts]
        read = x.flatten(0, 1).index_select(0, row).view_as(x) if end else x
        one, _ = torch.gru(
            read, first[n : n + 1], weights, gru.bias, 1, 0.0, gru.training, False, True
        )
        states.append(one.flatten(0, 1).index_select(0, row).view_as(one) if end else one)
    return torch.cat(states, 2)
