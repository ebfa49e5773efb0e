"""What sits below the papers: hinge terms, pooling, recurrent states, official weights."""

import pytest
import torch
from models.parts.official import as_official, as_ours, load_renamed, official_names

from models.parts.gating import GatedUnit, official_unit
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_max, masked_mean
from models.parts.temporal import (
    conv_windows,
    gru_states,
    last_states,
    sample_uniform,
    trim_padding,
)

MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])


@pytest.mark.parametrize(("norm", "gate"), [(True, True), (False, True), (False, False)])
def test_a_gated_unit_longhand(norm, gate):
    """What is mapped is multiplied by its own gate, normalised inside or not, to unit length."""
    torch.manual_seed(0)
    unit, x = GatedUnit(3, 4, norm=norm, gate=gate).eval(), torch.randn(2, 3)
    if norm:
        unit.gate.norm.running_mean[:] = torch.tensor([0.5, -0.5, 0.0, 1.0])
        unit.gate.norm.running_var[:] = torch.tensor([4.0, 0.25, 1.0, 9.0])
    for row, found in zip(x, unit(x), strict=True):
        z = unit.embed.weight @ row + unit.embed.bias
        if gate:
            g = unit.gate.affine.weight @ z + unit.gate.affine.bias
            if norm:
                bn = unit.gate.norm
                g = (g - bn.running_mean) / (bn.running_var + 1e-5).sqrt() * bn.weight + bn.bias
            z = z / (1 + torch.exp(-g))
        torch.testing.assert_close(found, z / sum(z**2) ** 0.5)


def test_a_gated_unit_reads_the_released_names():
    """Both weights, both biases and the normalisation in the gate are found by their names."""
    unit = GatedUnit(3, 4)
    assert set(official_names(unit, official_unit("GU.0.", ""))) == {
        *(f"GU.0.{layer}.{what}" for layer in ("fc", "cg.fc") for what in ("weight", "bias")),
        *(f"GU.0.cg.batch_norm.{what}" for what in unit.gate.norm.state_dict()),
    }


def test_violations_longhand():
    """Row i holds caption i against wrong videos, column j video j against wrong captions."""
    scores = torch.tensor([[0.9, 0.8, 0.1], [0.5, 0.6, 0.7], [0.0, 0.2, 0.3]])
    by_caption, by_video = hinge_terms(scores, 0.2)
    for i in range(3):
        for j in range(3):
            caption = max(0, 0.2 + scores[i, j] - scores[i, i]) if i != j else 0
            video = max(0, 0.2 + scores[i, j] - scores[j, j]) if i != j else 0
            assert by_caption[i, j].item() == pytest.approx(float(caption))
            assert by_video[i, j].item() == pytest.approx(float(video))


def test_the_field_s_reductions_are_one_line_each():
    """Sums and means that published codes hide come out of one pair of matrices."""
    scores = torch.tensor([[1.0, 0.9], [0.7, 0.6]])
    by_caption, by_video = hinge_terms(scores, 0.2)
    total, n = by_caption.sum() + by_video.sum(), 2
    torch.testing.assert_close(by_caption, torch.tensor([[0, 0.1], [0.3, 0]]))
    torch.testing.assert_close(by_video, torch.tensor([[0, 0.5], [0, 0]]))
    assert total.item() == pytest.approx(0.9)
    assert (by_caption.mean() + by_video.mean()).item() == pytest.approx(0.9 / n**2)
    assert (by_caption.amax(1).sum() + by_video.amax(0).sum()).item() == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (masked_mean, [[2.0, -3.0], [4.0, -1.0], [0.0, 0.0]]),
        (masked_max, [[3.0, -2.0], [4.0, -1.0], [0.0, 0.0]]),
    ],
)
def test_pooling_reads_what_the_mask_keeps(pool, expected):
    """Padding has no say whatever stands in it, and an empty row is zero."""
    x = torch.full((3, 3, 2), float("nan"))
    x[0, :2] = torch.tensor([[1.0, -4.0], [3.0, -2.0]])
    x[1, 0] = torch.tensor([4.0, -1.0])
    assert pool(x, MASK).tolist() == expected


def test_an_empty_row_sends_no_gradient_astray():
    """Pooling nothing has a gradient of zero, not of nothing-by-nothing."""
    for pool in (masked_mean, masked_max):
        x = torch.ones(3, 3, 2, requires_grad=True)
        pool(x, MASK).sum().backward()
        assert x.grad.isfinite().all()
        assert not x.grad[~MASK].any()


def test_states_end_at_a_row_s_own_last_step():
    """Both directions of a padded row are those of the row alone; padding and empty rows are 0."""
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
    found = torch.autograd.grad((states * wanted).sum(), leaves)
    lengths = mask.sum(1).tolist()
    alone = [gru(x[i : i + 1, :n])[0][0] for i, n in enumerate(lengths) if n]
    held = [w[:n] for w, n in zip(wanted, lengths, strict=True) if n]
    total = torch.stack([(a * w).sum() for a, w in zip(alone, held, strict=True)]).sum()
    torch.testing.assert_close(states[mask], torch.cat(alone))
    assert not states[~mask].any()
    for one, other in zip(found, torch.autograd.grad(total, leaves), strict=True):
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


def test_a_window_over_rows_is_a_one_dimensional_convolution():
    """The official Conv2d weight, brought under ours, gives the same numbers, and comes back."""
    two = torch.nn.Conv2d(1, 4, (3, 5), padding=(2, 0))
    one = torch.nn.Conv1d(5, 4, 3, padding=2)
    one.load_state_dict({"weight": as_ours(two.weight, one.weight), "bias": two.bias})
    x = torch.randn(2, 6, 5)
    torch.testing.assert_close(one(x.mT), two(x[:, None]).squeeze(3))
    assert as_official(one.weight, two.weight).equal(two.weight)


@pytest.mark.parametrize("kept", ["some", "all"])
def test_filters_over_rows_end_to_end_are_those_over_the_padded_batch(kept):
    """The same numbers and gradients; zeros past a row's last window and where it has no step."""
    mask = torch.arange(7) < torch.tensor([[7], [0], [3], [1]])
    mask = mask if kept == "some" else torch.ones_like(mask)
    rows = torch.randn(4, 7, 8) * mask[..., None]
    convs = torch.nn.ModuleList([torch.nn.Conv1d(8, 16, k, padding=k - 1) for k in (2, 4)])

    def found(way):
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

    ours, theirs = found(lambda x: list(conv_windows(convs, x, mask))), found(padded)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert [one.shape[1] for one in ours[:2]] == [8, 10]
    assert kept == "all" or not ours[0][1].any()


def test_a_model_is_not_half_loaded():
    """One fault, and every weight stays what it was; many faults are counted."""
    net = torch.nn.Linear(2, 2)
    before = net.weight.clone()
    good = {"fc.weight": torch.zeros(2, 2), "fc.bias": torch.zeros(2)}
    with pytest.raises(ValueError, match="other is unknown"):
        load_renamed(net, good | {"other": torch.ones(1)}, {"fc.": ""})
    assert net.weight.equal(before)
    with pytest.raises(ValueError, match="and 6 more"):
        load_renamed(net, good | {f"x{i}": torch.ones(1) for i in range(10)}, {"fc.": ""})
    assert not load_renamed(net, good, {"fc.": ""}).weight.any()


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
