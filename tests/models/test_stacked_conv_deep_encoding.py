"""Stacked convolutional deep encoding, step by step with loops."""

import math

import pytest
import torch
from torch import nn

from models.parts.contract import DataSizes
from models.stacked_conv_deep_encoding import Config, Model, Stack
from tests.models import longhand, toy

SHORT = ((3, 1), (1, 1), (3, 2), (5, 2))


def spread(**change):
    """A small model whose weights are large enough to tell a wrong term from a right one."""
    small = {"width": 8, "common": 6, "text": (8, 2, 12, 1), "branches": SHORT, "blocks": 2}
    net = toy.built(Model, **small | change)
    torch.manual_seed(3)
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.4)
    return net


def branch_by_hand(conv, x, t):
    """One step of a dilated convolution, zeros outside the sequence, and ReLU."""
    (k,), (d,) = conv.kernel_size, conv.dilation
    y = conv.bias.clone()
    for place in range(k):
        at = t + (place - k // 2) * d
        if 0 <= at < len(x):
            y += conv.weight[:, :, place] @ x[at]
    return y.clamp(min=0)


def norm_by_hand(norm, x):
    """Layer normalisation."""
    mean = x.mean()
    deviation = ((x - mean) ** 2).mean().add(norm.eps).sqrt()
    return (x - mean) / deviation * norm.weight + norm.bias


def block_by_hand(block, x):
    """All steps of a block."""
    states = []
    for t in range(len(x)):
        y = torch.cat([branch_by_hand(conv, x, t) for conv in block.branches])
        z = x[t] + block.out.weight @ y + block.out.bias
        states.append(norm_by_hand(block.norm, z))
    return states


def largest(states):
    """Elementwise maximum."""
    return torch.stack([max(column) for column in zip(*states, strict=True)])


def levels_by_hand(stack, steps):
    """All levels of one side."""
    x = [stack.embed(step) for step in steps]
    levels = [sum(x) / len(x), largest(x)]
    for block in stack.blocks:
        x = block_by_hand(block, x)
        levels.append(largest(x))
    return torch.cat(levels)


@torch.no_grad()
def test_a_video_longhand():
    """Eqs. (1) to (4): dilated convolutions, blocks on blocks, maxima of each level and a mean."""
    net = spread()
    clips = toy.batch(net).clips
    u = net.video(clips.features["frames"], clips.mask["frames"])
    for row in range(4):
        frames = clips.features["frames"][row][clips.mask["frames"][row]]
        torch.testing.assert_close(u[row], levels_by_hand(net.video, frames), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_scores_longhand():
    """Eqs. (4) and (5): words from the transformer, the stack, batch norm as it runs, cosines."""
    net = spread()
    batch = toy.batch(net)
    sides = []
    for (affine, norm), stack in ((net.text_space, net.text), (net.video_space, net.video)):
        rows = []
        for i in range(4):
            words = batch.captions.words[i][batch.captions.mask[i]][None]
            steps = net.words(words, torch.ones_like(words, dtype=torch.bool))[0]
            if stack is net.video:
                steps = batch.clips.features["frames"][i][batch.clips.mask["frames"][i]]
            z = affine.weight @ levels_by_hand(stack, steps) + affine.bias
            z = (z - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
            rows.append(z * norm.weight + norm.bias)
        sides.append(rows)
    s = [[longhand.cosine(t, v) for v in sides[1]] for t in sides[0]]
    torch.testing.assert_close(net(batch), torch.tensor(s), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_masked_words_longhand():
    """Eq. (6): with every word masked, each is guessed from unknown words and positions alone."""
    net = spread(masked=1.0)
    captions = toy.batch(net).captions
    costs = []
    for words, mask in zip(captions.words, captions.mask, strict=True):
        row = words[mask]
        lost = [int(word) >= 4 for word in row]
        blank = torch.where(torch.tensor(lost), 3, row)[None]
        states = net.words(blank, torch.ones_like(blank, dtype=torch.bool))[0]
        for state, word, gone in zip(states, row, lost, strict=True):
            e = [math.exp(float(vector @ state)) for vector in net.words.words.weight]
            costs += [-math.log(e[int(word)] / sum(e))] if gone else []
    by_hand = sum(costs) / len(costs)
    assert net.masked_words(captions).item() == pytest.approx(by_hand, rel=1e-4)


def test_the_loss_longhand():
    """Eq. (7): the hardest negatives of both directions, summed."""
    net = spread()
    batch = toy.batch(net)
    by_hand = longhand.triplet(net(batch).tolist(), 0.2)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize(
    ("variant", "phases"), [("full", [1, 1, 2]), ("no-pretraining", [2, 2, 2])]
)
def test_two_epochs_are_of_the_first_phase(variant, phases):
    """In them the loss trains words alone, after them everything."""
    net = toy.built(Model, **Model.variants[variant])
    batch = toy.batch(net)
    for epoch, phase in enumerate(phases):
        net.zero_grad()
        net.on_epoch(epoch)
        net.loss(batch).backward()
        trained = {
            name.partition(".")[0] for name, p in net.named_parameters() if p.grad is not None
        }
        assert (trained == {"words"}) is (phase == 1)


def reach(stack, steps=41):
    """How many steps before the middle change what the last block gives there."""
    x = torch.randn(1, steps, 6, requires_grad=True)
    y = stack.embed(x)
    for block in stack.blocks:
        y = block(y, torch.ones(1, steps, dtype=torch.bool))
    (y[0, steps // 2] @ torch.randn(y.shape[2])).backward()  # a sum is the same for every norm
    seen = x.grad[0].abs().sum(1).nonzero()[:, 0]
    return steps // 2 - int(seen.min())


@pytest.mark.parametrize(
    ("variant", "steps"), [("full", 12), ("one-block", 4), ("no-dilation", 6), ("one-scale", 3)]
)
def test_how_far_a_stack_sees(variant, steps):
    """Three blocks with dilations see 12 steps to either side, one block 4."""
    torch.manual_seed(0)
    assert reach(Stack(6, toy.config_of(Model, **Model.variants[variant]))) == steps


@pytest.mark.parametrize("variant", ["one-block", "no-dilation", "one-scale", "gru"])
@pytest.mark.parametrize("config", [Config(), Config.small()], ids=["published", "small"])
def test_variants_have_as_many_weights(variant, config):
    """Of an encoder with its space, within 2 %."""
    counts = []
    for change in ({}, Model.variants[variant]):
        c = type(config)(**{**vars(config), **change})
        with torch.device("meta"):
            stack = Stack(c.width, c)
        counts.append(sum(p.numel() for p in stack.parameters()) + stack.out * c.common)
    assert counts[1] == pytest.approx(counts[0], rel=0.02)


def test_defaults_are_the_sizes_of_the_config():
    """Three blocks of 512, five levels into a space of 2,048."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 2048}))
    assert len(net.video.blocks) == 3
    assert net.video_space[0].weight.shape == (2048, 5 * 512)
    assert [conv.weight.shape for conv in net.text.blocks[0].branches] == [
        *((128, 512, 3), (128, 512, 3), (128, 512, 5), (128, 512, 5))
    ]
