"""Yu et al. 2017, tracer by tracer, against sums written out longhand."""

import math

import pytest
import torch
from torch import nn

from models.ct_san import Config, Model
from models.official.ct_san import LSTMS, Released, config_of
from models.parts.contract import DataSizes
from models.parts.grids import max_in_cells
from tests.models import toy
from tests.models.longhand import hinges
from tests.models.releases import official_weights


def spread(net, std=0.4):
    """Weights large enough to tell a wrong term from a right one."""
    torch.manual_seed(3)
    for weight in net.parameters():
        nn.init.normal_(weight, std=std)
    return net.eval()


def small(**change):
    """Six numbers in every state, a grid of five cells by five, nine tracers."""
    return spread(toy.built(Model, hidden=6, word_dim=6, grid=5, attributes=3, **change))


def step(lstm, x, h, c):
    """One step of an LSTM."""
    i, f, g, o = (
        lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
    ).chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def read(lstm, xs, h=None, c=None):
    """State and cell after a list of steps."""
    zero = torch.zeros(lstm.hidden_size)
    h, c = (zero if x is None else x for x in (h, c))
    for x in xs:
        h, c = step(lstm, x, h, c)
    return h, c


def convolved(conv, grid, a, b):
    """One place of a 3 x 3 convolution over (dim, p, p), zeros outside."""
    y = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias.clone()
    size = grid.shape[1]
    for i in range(3):
        for j in range(3):
            r, s = a + i - 1, b + j - 1
            if 0 <= r < size and 0 <= s < size:
                y += conv.weight[:, :, i, j] @ grid[:, r, s]
    return y


def everywhere(conv, grid):
    """All places of one."""
    p = range(grid.shape[1])
    return torch.stack([torch.stack([convolved(conv, grid, a, b) for b in p], 1) for a in p], 1)


def pooled(frame):
    """Largest of two by two cells, fewer at the far edges."""
    p = range(0, frame.shape[1], 2)
    return torch.stack(
        [torch.stack([frame[:, a : a + 2, b : b + 2].amax((1, 2)) for b in p], 1) for a in p], 1
    )


def map_by_hand(tracers, grid, h):
    """Where one tracer looks: softmax over the places."""
    r = grid.tanh() * h[:, None, None]
    length = torch.stack([(channel**2).sum().clamp(min=1e-12).sqrt() for channel in r])
    r = r / length[:, None, None]
    scores = everywhere(tracers.conv2, everywhere(tracers.conv1, r).clamp(min=0)).flatten()
    return scores.exp() / scores.exp().sum()


@torch.no_grad()
@pytest.mark.parametrize("traced", [True, False])
def test_the_concepts_of_a_video_longhand(traced):
    """Eqs. (2) to (4): each tracer starts at its place and follows its map; a linear layer of all."""
    net = small(traced=traced)
    clips = toy.batch(net).clips
    grids, mask = max_in_cells(clips.regions, 5)
    logits, row = net.concept_logits(clips), 2
    frames = [everywhere(net.tracers.embed, pooled(x)) for x in grids[row][mask[row]]]
    states = []
    for tracer in range(9):
        h = c = torch.zeros(6)
        for t, frame in enumerate(frames):
            places = frame.flatten(1)
            seen = places[:, tracer]
            if t and traced:
                seen = places @ map_by_hand(net.tracers, frame, h)
            h, c = step(net.tracers.lstm, seen, h, c)
        states.append(h)
    torch.testing.assert_close(logits[row], net.detector.weight @ torch.cat(states))
    assert not logits[1].any()  # which has no region


@torch.no_grad()
def test_a_score_longhand():
    """Eqs. (1), (6) and (7): words read concepts, then an LSTM from the video's state, then again."""
    net = small(steps=8)  # of the longest toy clip
    batch = toy.batch(net)
    clips, captions, scores = batch.clips, batch.captions, net(batch)
    logits = net.concept_logits(clips)
    for i, j in ((0, 0), (2, 3), (3, 0)):
        frames = clips.features["frames"][j][clips.mask["frames"][j]]
        h, c = read(net.video_lstm, frames)
        found = [net.concepts.weight[k] for k in logits[j].argsort(descending=True)[:3]]

        def attended(layer, x, keys, values):
            w = [math.exp(x @ key) for key in keys]
            mixed = sum(w_i * v for w_i, v in zip(w, values, strict=True)) / sum(w)
            return x + layer.scale * mixed

        keys = [net.input.weight @ a for a in found]
        words = net.words(captions.words[i][captions.mask[i]])
        o, _ = read(net.sentence, [attended(net.input, x, keys, found) for x in words], h, c)
        values = [net.output.weight @ a.tanh() for a in found]
        o = attended(net.output, o, values, values)
        torch.testing.assert_close(scores[i, j], net.out.weight[0] @ o, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_loss_longhand():
    """Eqs. (5) and (8): hinge of both directions and cross entropy of each concept, means."""
    net = small(margin=0.5, concept_weight=0.7)
    batch = toy.batch(net)
    tables = hinges(net(batch).tolist(), 0.5)
    ranking = sum(sum(map(sum, table)) for table in tables) / 16
    named = batch.captions.vectors["concepts"] > 0
    p = net.concept_logits(batch.clips).double().sigmoid()
    entropy = -torch.where(named, p, 1 - p).log().mean().item()
    assert net.loss(batch).item() == pytest.approx(ranking + 0.7 * entropy, rel=1e-4)


def test_without_concepts_no_region_is_read():
    """Neither views nor weights are left of them."""
    net = toy.built(Model, concepts=False)
    assert Model.needs(net.config) == {"words", "frames"}
    assert not [name for name, _ in net.named_parameters() if "concept" in name or "trac" in name]


@torch.no_grad()
def test_tracers_rest_where_there_is_no_frame():
    """D4: a video's concepts are the same in a batch with longer ones; Q1: those released are not."""
    for model, free in ((Model, True), (Released, False)):
        torch.manual_seed(0)
        config = toy.config_of(Model)
        net = spread(model(config, toy.sizes(Model, config)))
        batch = toy.batch(net)
        short = int(batch.clips.regions.mask.any(2).sum(1)[2:].argmin()) + 2
        alone = net.concept_logits(toy.picked(batch, [short]).clips)
        together = net.concept_logits(batch.clips)[short : short + 1]
        assert torch.allclose(alone, together, rtol=1e-3, atol=1e-4) is free


def released():
    """A small released model."""
    torch.manual_seed(0)
    config = toy.config_of(Model)
    return Released(config, toy.sizes(Model, config)).eval()


@torch.no_grad()
def test_a_blank_is_filled_from_both_sides():
    """Q3: the state at the blank reads what stands after it, padding too."""
    net = spread(released())
    batch = toy.batch(net)
    words, video = batch.captions.words, net.encode_video(batch.clips)
    blank = torch.zeros_like(words, dtype=torch.bool)
    blank[:, 1] = True
    scores = net.fill(words, blank, video)["scores"]
    assert scores.shape == (4, net.data.vocabulary)
    changed = words.clone()
    changed[:, -1] = 5
    assert not torch.allclose(net.fill(changed, blank, video)["scores"], scores)


def test_sizes_come_from_the_weights():
    """And what they do not have from the recorded options."""
    net = released()
    config, data = config_of(official_weights(net), {"steps": 6, "attr_length": 4, "grid": 3})
    assert (config.word_dim, config.hidden) == (net.config.word_dim, net.config.hidden)
    assert (config.steps, config.attributes, config.grid) == (6, 4, 3)
    assert data.dims == net.data.dims
    assert len(LSTMS) == 4


def test_defaults_are_the_published_sizes():
    """Sixteen tracers of 500 numbers."""
    sizes = DataSizes(100, dims={"frames": 2048, "regions": 2053}, vectors={"concepts": 2000})
    with torch.device("meta"):
        net = Model(Config(), sizes)
    assert net.detector.weight.shape == (2000, 16 * 500)
    assert net.tracers.embed.weight.shape == (500, 2048, 3, 3)
    assert net.video_lstm.hidden_size == 500
