"""Blocks of S3D-G, one place at a time."""

import itertools

import pytest
import torch
from torch import nn

from models.official._loading import official_names
from models.parts.s3d import (
    S3DG,
    ConvUnit,
    InceptionBlock,
    SamePool,
    SelfGate,
    SeparableConv,
    Widths,
    inception_names,
    s3d_names,
    space_to_depth,
)
from models.parts.s3d import (
    WIDTHS as PUBLISHED,
)


def randomised(net):
    """Statistics and scales that are not the fresh ones, so that a wrong term shows."""
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            for values in (module.running_mean, module.running_var, module.weight, module.bias):
                values.data.uniform_(0.2, 1.5)
    return net.eval()


def unit_by_hand(unit, x):
    """One clip (channels, frames, rows, columns), zero around it: weights, norm, nothing below 0."""
    conv, norm = unit[0], unit[1]
    padded = torch.nn.functional.pad(x, [p for p in reversed(conv.padding) for _ in range(2)])
    out = [
        (n + 2 * p - k) // s + 1
        for n, p, k, s in zip(x.shape[1:], conv.padding, conv.kernel_size, conv.stride, strict=True)
    ]
    y = torch.zeros(conv.out_channels, *out)
    for place in itertools.product(*map(range, out)):
        begin = [a * s for a, s in zip(place, conv.stride, strict=True)]
        t, h, w = (slice(b, b + k) for b, k in zip(begin, conv.kernel_size, strict=True))
        for channel, kernel in enumerate(conv.weight):
            z = (kernel * padded[:, t, h, w]).sum() - norm.running_mean[channel]
            z = z / (norm.running_var[channel] + norm.eps).sqrt()
            y[(channel, *place)] = max(z * norm.weight[channel] + norm.bias[channel], 0)
    return y


@pytest.mark.parametrize(
    ("kernel", "stride", "pad"),
    [
        ((1, 3, 3), (1, 1, 1), None),
        ((3, 5, 5), (2, 2, 2), (1, 2, 2)),
        ((2, 4, 4), (1, 1, 1), (1, 2, 2)),
    ],
)
@torch.no_grad()
def test_a_unit_longhand(kernel, stride, pad):
    """A convolution without bias, normalised by running statistics, cut at zero."""
    unit, x = randomised(ConvUnit(2, 3, kernel, stride, pad)), torch.randn(1, 2, 3, 5, 4)
    assert unit[0].bias is None
    torch.testing.assert_close(unit(x)[0], unit_by_hand(unit, x[0]), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_separable_convolution_reads_space_then_time():
    """Each half is a unit of its own, and the size stays."""
    net, x = randomised(SeparableConv(2, 3)), torch.randn(1, 2, 3, 4, 5)
    space, time = net
    assert space[0].kernel_size == (1, 3, 3)
    assert time[0].kernel_size == (3, 1, 1)
    by_hand = unit_by_hand(time, unit_by_hand(space, x[0]))
    torch.testing.assert_close(net(x)[0], by_hand, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_gate_longhand():
    """A channel is scaled by what the means of all channels say."""
    torch.manual_seed(0)
    gate, x = SelfGate(3), torch.randn(2, 3, 2, 2, 2)
    for clip, y in zip(x, gate(x), strict=True):
        mean = [float(channel.sum()) / 8 for channel in clip]
        for c in range(3):
            z = sum(gate.affine.weight[c, d] * mean[d] for d in range(3)) + gate.affine.bias[c]
            torch.testing.assert_close(y[c], clip[c] / (1 + torch.exp(-z)))


@pytest.mark.parametrize("kernel", [(1, 3, 3), (2, 2, 2), (3, 3, 3)])
@pytest.mark.parametrize("stride", [(1, 1, 1), (1, 2, 2), (2, 2, 2)])
@pytest.mark.parametrize("size", [(4, 6, 5), (3, 7, 2)])
def test_pooling_longhand(kernel, stride, size):
    """Zeros before and behind, one more behind where they are odd; a last part window counts."""
    torch.manual_seed(0)
    x = torch.rand(1, 1, *size)
    y = SamePool(kernel, stride)(x)[0, 0]
    before = [max(k - s, 0) // 2 for k, s in zip(kernel, stride, strict=True)]
    total = [n + max(k - s, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
    ends = [-(-(n - k) // s) + 1 for n, k, s in zip(total, kernel, stride, strict=True)]
    ends = [e - ((e - 1) * s >= n) for e, s, n in zip(ends, stride, total, strict=True)]
    assert list(y.shape) == ends
    for place in itertools.product(*map(range, ends)):
        inside = [0.0]
        for offset in itertools.product(*map(range, kernel)):
            at = [p * s + o - b for p, s, o, b in zip(place, stride, offset, before, strict=True)]
            if all(0 <= a < n for a, n in zip(at, size, strict=True)):
                inside.append(float(x[(0, 0, *at)]))
        assert y[place].item() == pytest.approx(max(inside))


WIDTHS = Widths(4, (3, 6), (2, 3), 5)


@torch.no_grad()
def test_an_inception_block_is_its_branches_side_by_side():
    """A point, two separable convolutions after a point, a point after pooling; each gated."""
    torch.manual_seed(0)
    block, x = randomised(InceptionBlock(2, WIDTHS)), torch.rand(1, 2, 3, 4, 4)
    point, small, large, pooled = block.branches
    by_hand = [
        unit_by_hand(point, x[0]),
        *(
            unit_by_hand(pair[1], unit_by_hand(pair[0], unit_by_hand(first, x[0])))
            for first, pair in (small, large)
        ),
        unit_by_hand(pooled[1], pooled[0](x)[0]),
    ]
    gated = [gate(y[None])[0] for gate, y in zip(block.gates, by_hand, strict=True)]
    assert WIDTHS.out == 18
    torch.testing.assert_close(block(x)[0], torch.cat(gated), atol=1e-5, rtol=1e-4)


def test_cubes_become_channels():
    """Frame, row and column inside a cube change in this order, the channel fastest."""
    x = torch.arange(2 * 4 * 2 * 6.0).view(1, 2, 4, 2, 6)
    y = space_to_depth(x)
    assert y.shape == (1, 16, 2, 1, 3)
    for dt, dh, dw, c in itertools.product(range(2), range(2), range(2), range(2)):
        channel = ((dt * 2 + dh) * 2 + dw) * 2 + c
        for t, w in itertools.product(range(2), range(3)):
            assert y[0, channel, t, 0, w] == x[0, c, 2 * t + dt, dh, 2 * w + dw]


def test_released_names_cover_a_block():
    """Each weight and each statistic has one."""
    block = InceptionBlock(2, WIDTHS)
    names = official_names(block, inception_names("mixed_3b.", ""))
    assert set(names.values()) == set(block.state_dict())
    assert names["mixed_3b.conv_b2_b.bn2.running_var"] == "branches.2.1.1.1.running_var"
    assert names["mixed_3b.gating_b3.fc.bias"] == "gates.3.affine.bias"


@pytest.mark.parametrize("cubes", [False, True])
@torch.no_grad()
def test_a_tower_is_its_stem_and_nine_blocks(cubes):
    """Pools before 2nd and 3rd convolution, 4b and 5b; maps averaged over frames, rows, columns."""
    net, x = randomised(S3DG(16, cubes=cubes)), torch.rand(1, 3, 8, 32, 32)
    flat = SamePool((1, 3, 3), (1, 2, 2))
    y = net.stem(space_to_depth(x))[:, :, 1:, 1:, 1:] if cubes else net.stem(x)
    assert y.shape == (1, 4, 4, 16, 16)
    y = flat(net.gate(net.separable(net.point(flat(y)))))
    for name in ("3b", "3c"):
        y = net.blocks[name](y)
    y = SamePool((3, 3, 3), (2, 2, 2))(y)
    for name in ("4b", "4c", "4d", "4e", "4f"):
        y = net.blocks[name](y)
    y = SamePool((2, 2, 2), (2, 2, 2))(y)
    y = net.blocks["5c"](net.blocks["5b"](y))
    expected = [float(channel.sum() / channel.numel()) for channel in y[0]]
    torch.testing.assert_close(net(x)[0], torch.tensor(expected))


def test_widths_are_the_published_ones():
    """Channels of every block, and of a tower sixteen times as narrow."""
    out = [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert [widths.out for widths in PUBLISHED.values()] == out
    assert S3DG(16).out == PUBLISHED["5c"].narrowed(16).out == 64


def test_released_names_cover_a_tower():
    """Each weight and each statistic has one."""
    net = S3DG(16)
    names = official_names(net, s3d_names("", ""))
    assert set(names.values()) == set(net.state_dict())
    assert names["conv_2c.conv2.weight"] == "separable.1.0.weight"
    assert names["gating.fc.bias"] == "gate.affine.bias"
