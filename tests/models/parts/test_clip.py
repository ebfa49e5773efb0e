"""CLIP's towers, patch by patch and word by word."""

import math

import pytest
import torch

from models.official._loading import official_names
from models.parts.clip import (
    DEVIATION,
    MEAN,
    LogitScale,
    PatchTower,
    TextTower,
    clip_layers,
    clip_pixels,
    inflate,
    patch_tower_names,
    text_tower_names,
)
from tests.models.parts.longhand import HEADS, WIDTH, normalised, pre_norm_block


def text_tower():
    """Nine words, five positions, two blocks, three numbers out."""
    torch.manual_seed(0)
    return TextTower(9, 5, clip_layers(WIDTH, HEADS, 2), 3).eval()


def patch_tower(depth=1):
    """Frames of 4 x 4 pixels in patches of 2 x 2."""
    torch.manual_seed(0)
    return PatchTower(4, 2, clip_layers(WIDTH, HEADS, 2), 3, depth=depth).eval()


@torch.no_grad()
def test_a_sentence_is_its_last_state_longhand():
    """Causal blocks, then the end token's state normalised and mapped; what follows is unread."""
    net, words = text_tower(), torch.tensor([[1, 5, 7, 2, 0], [1, 6, 2, 8, 8]])
    mask = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]]) > 0
    for row, length, y in zip(words, (4, 3), net(words, mask), strict=True):
        x = [net.words.weight[w] + net.positions[i] for i, w in enumerate(row[:length])]
        for layer in net.blocks.layers:
            x = pre_norm_block(layer, x, causal=True)
        expected = normalised(net.norm, x[-1]) @ net.projection
        torch.testing.assert_close(y, expected, atol=1e-5, rtol=1e-4)


def frame_by_hand(net, window):
    """A frame from the three (or one) frames under its kernel: patches, class token, blocks."""
    kernel = net.patches.weight  # (width, 3, depth, 2, 2)
    x = [net.token + net.positions[0]]
    for place in range(4):
        row, column = 2 * (place // 2), 2 * (place % 2)
        pixels = window[:, :, row : row + 2, column : column + 2]  # (depth, 3, 2, 2)
        patch = [(one.transpose(0, 1) * pixels).sum() for one in kernel]
        x.append(torch.stack(patch) + net.positions[place + 1])
    x = [normalised(net.norm_in, one) for one in x]
    for layer in net.blocks.layers:
        x = pre_norm_block(layer, x, causal=False)
    return normalised(net.norm_out, x[0]) @ net.projection


@pytest.mark.parametrize("depth", [1, 3])
@torch.no_grad()
def test_a_frame_is_its_class_token_longhand(depth):
    """With depth 3 a frame sees its neighbours, black beyond the ends; padding counts as black."""
    net, pixels = patch_tower(depth), torch.randn(2, 3, 3, 4, 4)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    pixels[~mask] = float("nan")
    y, around = net(pixels, mask), depth // 2
    for i, length in enumerate((3, 2)):
        black = torch.zeros(1, 3, 4, 4)
        frames = torch.cat([black, pixels[i, :length], black, black])
        for n in range(length):
            expected = frame_by_hand(net, frames[n + 1 - around : n + 2 + around])
            torch.testing.assert_close(y[i, n], expected, atol=1e-5, rtol=1e-4)
    assert not y[1, 2].any()


@torch.no_grad()
def test_an_inflated_kernel_starts_as_the_flat_one():
    """The middle frame alone counts at first."""
    flat, deep = patch_tower(1), patch_tower(3)
    weights = flat.state_dict()
    deep.load_state_dict(weights | {"patches.weight": inflate(weights["patches.weight"][:, :, 0])})
    pixels, mask = torch.randn(2, 3, 3, 4, 4), torch.ones(2, 3, dtype=torch.bool)
    torch.testing.assert_close(deep(pixels, mask), flat(pixels, mask))
    assert inflate(torch.ones(1, 3, 2, 2), 1).shape == (1, 3, 1, 2, 2)


def test_every_weight_learns_and_empty_rows_do_no_harm():
    """A caption without a word and a video without a frame give finite numbers and gradients."""
    text, frames = text_tower().train(), patch_tower(3).train()
    mask = torch.tensor([[True, True, False], [False, False, False]])
    t = text(torch.tensor([[1, 2, 0], [0, 0, 0]]), mask)
    v = frames(torch.randn(2, 3, 3, 4, 4), mask)
    assert t.isfinite().all()
    assert not v[1].any()
    (t.square().sum() + v.square().sum()).backward()
    for net in (text, frames):
        for name, weight in net.named_parameters():
            assert weight.grad is not None, name
            assert weight.grad.isfinite().all()
            assert weight.grad.any(), name


def test_fresh_blocks_shrink_with_depth():
    """What a block adds starts smaller in a deeper stack; what it reads does not."""
    torch.manual_seed(0)
    for layers in (1, 4):
        block = clip_layers(64, 2, layers).layers[0]
        assert (block.norm1.eps, block.norm_first) == (1e-5, True)
        assert block.self_attn.in_proj_weight.std().item() == pytest.approx(64**-0.5, rel=0.05)
        assert block.linear1.weight.std().item() == pytest.approx(128**-0.5, rel=0.05)
        for last in (block.self_attn.out_proj, block.linear2):
            assert last.weight.std().item() == pytest.approx((128 * layers) ** -0.5, rel=0.05)


def test_scores_are_scaled_by_a_learnt_factor_of_at_most_100():
    """It starts at 1 / 0.07 and is clamped when asked."""
    scale, scores = LogitScale(), torch.tensor([[0.5]])
    assert scale(scores).item() == pytest.approx(0.5 / 0.07)
    scale.log.data.fill_(math.log(250))
    assert scale(scores).item() == pytest.approx(125)
    scale.clamp()
    assert scale(scores).item() == pytest.approx(50)
    scale(scores).sum().backward()
    assert scale.log.grad.item() == pytest.approx(50)


@pytest.mark.parametrize(
    ("net", "names", "some"),
    [
        (text_tower, text_tower_names, "c.transformer.resblocks.1.attn.in_proj_weight"),
        (patch_tower, patch_tower_names, "c.transformer.resblocks.0.mlp.c_proj.bias"),
    ],
)
def test_official_names_cover_a_tower(net, names, some):
    """Each weight has one, the projection's too."""
    own = net().state_dict()
    named = official_names(net(), names("c.", "", 2))
    assert set(named.values()) == set(own)
    assert some in named
    assert {"c.text_projection", "c.proj"} & set(named)


def test_pixels_are_shares_of_the_brightest_normalised_by_colour():
    """A frame of the tower's size is not resampled: value, row and column stay."""
    pixels = torch.randint(0, 256, (2, 3, 3, 4, 4)).to(torch.uint8)
    y = clip_pixels(pixels, 4)
    for colour in range(3):
        expected = (pixels[:, :, colour].double() / 255 - MEAN[colour]) / DEVIATION[colour]
        torch.testing.assert_close(y[:, :, colour], expected.float())


@pytest.mark.parametrize(("height", "width"), [(8, 16), (16, 8), (2, 4)])
def test_the_middle_of_an_oblong_frame_is_kept(height, width):
    """Its shorter side becomes the tower's; what lies beyond the square is cut on both sides."""
    pixels = torch.zeros(1, 1, 3, height, width, dtype=torch.uint8)
    long = 4 if width > height else 3  # axis
    n = pixels.shape[long]
    pixels.narrow(long, n // 4, n // 2).fill_(255)
    y = clip_pixels(pixels, min(width, height))
    assert y.shape[3:] == (min(height, width),) * 2
    white = (1 - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
    torch.testing.assert_close(y, white[:, None, None].expand_as(y[0, 0])[None, None])
    assert clip_pixels(pixels, 4).shape == (1, 1, 3, 4, 4)
