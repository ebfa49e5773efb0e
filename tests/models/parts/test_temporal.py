"""Sequences: cut, sampled, read by a recurrent network."""

import pytest
import torch

from models.parts.temporal import (
    conv_windows,
    cut_before_end,
    end_states,
    glorot_lstm,
    gru_states,
    last_states,
    lstm_end,
    lstm_states,
    sample_uniform,
    take_uniform,
    trim_padding,
)

MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])


def test_states_end_at_a_row_s_own_last_step():
    """Both directions of a padded row are those of the row alone; padding and empty rows are zero."""
    torch.manual_seed(0)
    gru, x = torch.nn.GRU(2, 3, batch_first=True, bidirectional=True), torch.randn(3, 3, 2)
    states = gru_states(gru, x, MASK)
    torch.testing.assert_close(states[0, :2], gru(x[0, :2])[0])
    torch.testing.assert_close(states[1, :1], gru(x[1, :1])[0])
    assert not states[~MASK].any()


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_a_training_s_states_are_those_of_a_packed_batch(bidirectional, bias):
    """States and every gradient are those of each row alone, whatever stands in the padding."""
    torch.manual_seed(0)
    kind = {"batch_first": True, "bidirectional": bidirectional, "bias": bias}
    gru = torch.nn.GRU(4, 3, **kind).double()
    mask = torch.arange(6) < torch.tensor([[4], [0], [6], [1], [5]])
    x = torch.randn(5, 6, 4).double().masked_fill(~mask[..., None], float("nan")).requires_grad_()
    wanted = torch.randn(5, 6, 3 * (1 + bidirectional)).double()
    states = gru_states(gru, x, mask)
    leaves = [x, *gru.parameters()]
    gradients = torch.autograd.grad((states * wanted).sum(), leaves)
    lengths = mask.sum(1).tolist()
    alone = [gru(x[i : i + 1, :n])[0][0] for i, n in enumerate(lengths) if n]
    own = [w[:n] for w, n in zip(wanted, lengths, strict=True) if n]
    total = torch.stack([(a * w).sum() for a, w in zip(alone, own, strict=True)]).sum()
    torch.testing.assert_close(states[mask], torch.cat(alone))
    assert not states[~mask].any()
    for one, other in zip(gradients, torch.autograd.grad(total, leaves), strict=True):
        torch.testing.assert_close(one, other)


@torch.no_grad()
def test_states_are_the_same_where_no_gradient_is_wanted():
    """The packed pass of an evaluation and the turned one of a training agree."""
    torch.manual_seed(0)
    gru, x = torch.nn.GRU(2, 3, batch_first=True, bidirectional=True), torch.randn(3, 3, 2)
    packed = gru_states(gru, x, MASK)
    with torch.enable_grad():
        torch.testing.assert_close(packed, gru_states(gru, x, MASK).detach())


@pytest.mark.parametrize(("limit", "steps"), [(None, 2), (1, 1), (9, 2)])
def test_trimming_keeps_what_some_row_has(limit, steps):
    """Columns that are padding everywhere go, and so does what lies beyond the limit."""
    x = torch.arange(9).reshape(3, 3)
    kept, mask = trim_padding(x, MASK, limit)
    assert kept.equal(x[:, :steps])
    assert mask.equal(MASK[:, :steps])
    assert trim_padding(x, torch.zeros_like(MASK))[0].shape == (3, 1)


@pytest.mark.parametrize("kept", ["some", "all"])
def test_filters_over_rows_end_to_end_are_those_over_the_padded_batch(kept):
    """The same numbers and gradients; zeros past a row's last window and where it has no step."""
    mask = torch.arange(7) < torch.tensor([[7], [0], [3], [1]])
    mask = mask if kept == "some" else torch.ones_like(mask)
    torch.manual_seed(0)
    rows = torch.randn(4, 7, 8).double() * mask[..., None]
    convs = torch.nn.ModuleList([torch.nn.Conv1d(8, 16, k, padding=k - 1) for k in (2, 4)])
    convs.double()

    def results(way):
        x = rows.clone().requires_grad_()
        windows = way(x)
        convs.zero_grad()
        torch.cat([w.relu().amax(1) for w in windows], 1).square().sum().backward()
        return [*windows, x.grad * mask[..., None], *(w.grad.clone() for w in convs.parameters())]

    def padded(x):
        length = mask.sum(1, keepdim=True)
        ends = [torch.arange(7 + conv.padding[0]) for conv in convs]
        last = [(length + conv.padding[0]) * (length > 0) for conv in convs]
        return [
            conv(x.mT).mT * (p < end)[..., None]
            for conv, p, end in zip(convs, ends, last, strict=True)
        ]

    ours, theirs = results(lambda x: list(conv_windows(convs, x, mask))), results(padded)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
    assert [one.shape[1] for one in ours[:2]] == [8, 10]
    assert kept == "all" or not ours[0][1].any()


def test_steps_are_kept_evenly_where_they_do_not_fit():
    """Four of nine, all of three; columns beyond what a row may keep are gone."""
    mask = torch.arange(9) < torch.tensor([[9], [3]])
    assert sample_uniform(mask, 4).tolist() == [[0, 2, 4, 6], [0, 1, 2, 3]]
    assert sample_uniform(mask, 12).tolist() == [list(range(9))] * 2
    assert sample_uniform(torch.zeros_like(mask), 4).tolist() == [[0], [0]]


def test_the_last_state_is_each_rows_own():
    """Not the padding's; a row without a step gives its first."""
    states = torch.arange(24.0).view(3, 4, 2)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
    assert last_states(states, mask).tolist() == [[6.0, 7.0], [10.0, 11.0], [16.0, 17.0]]


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_gru_may_begin_from_a_given_state(grad, bidirectional):
    """Each direction from its own, each row from its own, in training and in evaluation."""
    torch.manual_seed(0)
    gru = torch.nn.GRU(2, 3, batch_first=True, bidirectional=bidirectional)
    x, begin = torch.randn(3, 3, 2), torch.randn(1 + bidirectional, 3, 3)
    with torch.set_grad_enabled(grad):
        states = gru_states(gru, x, MASK, begin)
    for i, length in enumerate((2, 1)):
        alone = gru(x[i : i + 1, :length], begin[:, i : i + 1])[0][0]
        torch.testing.assert_close(states[i, :length], alone)
    assert not states[~MASK].any()


def test_an_lstm_reads_true_steps_only():
    """Each row's states are those of the row alone, gate by gate; padding and empty rows are zero."""
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(2, 3, batch_first=True)
    x = torch.randn(3, 3, 2).masked_fill(~MASK[..., None], float("nan"))
    states = lstm_states(lstm, x, MASK)
    for i, length in enumerate((2, 1)):
        h = c = torch.zeros(3)
        for n in range(length):
            gates = lstm.weight_ih_l0 @ x[i, n] + lstm.bias_ih_l0
            gates = gates + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
            opened, forget, new, out = gates.chunk(4)
            c = forget.sigmoid() * c + opened.sigmoid() * new.tanh()
            h = out.sigmoid() * c.tanh()
            torch.testing.assert_close(states[i, n], h)
    assert not states[~MASK].any()


def test_both_directions_end_where_torch_says_they_do():
    """The pair of states of a row read alone, in torch's order; zeros for an empty row."""
    torch.manual_seed(0)
    gru, x = torch.nn.GRU(2, 3, batch_first=True, bidirectional=True), torch.randn(3, 3, 2)
    ends = end_states(gru_states(gru, x, MASK), MASK)
    for i, length in enumerate((2, 1)):
        _, last = gru(x[i : i + 1, :length])
        torch.testing.assert_close(ends[i], last[:, 0].flatten())
    assert not ends[2].any()


def test_a_longer_caption_keeps_its_end_token():
    """Its first ids, then its own last; a shorter one as it is."""
    ids = torch.tensor([[1, 5, 6, 7, 2], [1, 8, 2, 0, 0]])
    kept, mask = cut_before_end(ids, ids > 0, 4)
    assert kept.tolist() == [[1, 5, 6, 2], [1, 8, 2, 0]]
    assert mask.tolist() == [[True] * 4, [True, True, True, False]]
    assert cut_before_end(ids, ids > 0, 9)[0].equal(ids)
    assert cut_before_end(ids, ids < 0, 4)[1].any().item() is False


def test_steps_taken_are_those_sampled():
    """The steps at the sampled places, and their mask."""
    x, mask = torch.arange(10.0).view(1, 10, 1), torch.ones(1, 10, dtype=torch.bool)
    taken, present = take_uniform(x, mask, 4)
    assert taken.flatten().tolist() == [0, 2, 5, 7]
    assert present.all()


def test_an_lstm_starts_as_tensorflow_s():
    """Both matrices within Glorot's bound of one; biases 0, of the forget gate 1."""
    lstm = glorot_lstm(3, 5)
    bound = (6 / (3 + 5 * 5)) ** 0.5
    for weight in (lstm.weight_ih_l0, lstm.weight_hh_l0):
        assert bound * 0.8 < weight.abs().max() <= bound
    assert (lstm.bias_ih_l0 + lstm.bias_hh_l0).tolist() == [0] * 5 + [1] * 5 + [0] * 10


def test_an_lstm_ends_at_a_row_s_last_step():
    """State and cell as of the row alone; zeros of a row without a step."""
    torch.manual_seed(0)
    lstm, x = glorot_lstm(3, 4), torch.randn(3, 3, 3)
    h, c = lstm_end(lstm, x, MASK)
    for row, steps in enumerate((2, 1)):
        _, (state, cell) = lstm(x[row : row + 1, :steps])
        torch.testing.assert_close((h[row], c[row]), (state[0, 0], cell[0, 0]))
    assert not h[2].any()
    assert not c[2].any()


def test_an_lstm_may_start_from_a_state():
    """As torch's own of the row alone."""
    torch.manual_seed(0)
    lstm, x = glorot_lstm(3, 4), torch.randn(3, 3, 3)
    begin = torch.randn(2, 1, 3, 4).unbind(0)
    states = lstm_states(lstm, x, MASK, begin)
    alone, _ = lstm(x[:1, :2], tuple(one[:, :1] for one in begin))
    torch.testing.assert_close(states[:1, :2], alone)
    assert not states[~MASK].any()
