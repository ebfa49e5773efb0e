"""Feng et al. 2020, region by region, against sums written out longhand."""

import pytest
import torch

from models.parts.contract import DataSizes
from models.visern import Config, Model, Reasoning
from tests.models import longhand, toy


def transition(layer, v):
    """P of one frame: a softmax for each region over all of them."""
    rows = []
    for a in v:
        e = [(layer.source.weight @ a) @ (layer.target.weight @ b) / len(a) ** 0.5 for b in v]
        total = sum(torch.exp(x) for x in e)
        rows.append([torch.exp(x) / total for x in e])
    return rows


def walked(v, chances, steps, q):
    """Every region after so many steps, of which each may start again."""
    x = list(v)
    for _ in range(steps):
        moved = [sum(p * y for p, y in zip(row, x, strict=True)) for row in chances]
        x = [(1 - q) * m + q * own for m, own in zip(moved, v, strict=True)]
    return x


def reasoned(layer, v):
    """One layer over the regions of one frame."""
    c = layer.config
    x = walked(v, transition(layer, v), c.steps, c.restart)
    return [
        own + layer.out.weight @ (layer.gather.weight @ y) + layer.out.bias
        for own, y in zip(v, x, strict=True)
    ]


def frames_of(net, regions, row):
    """The frames of one video in which there is a region."""
    frames = []
    for features, mask in zip(regions.features[row], regions.mask[row], strict=True):
        v = [net.project.weight @ r + net.project.bias for r in features[mask]]
        for layer in net.reasoning:
            v = reasoned(layer, v)
        if v:
            frames.append(sum(v) / len(v))
    return frames


@pytest.mark.parametrize("variant", ["full", "gcn", "no-reasoning"])
@torch.no_grad()
def test_frames_are_means_of_regions_that_reasoned(variant):
    """Eqs. (1) to (6): a walk within each frame; frames without a region are left out."""
    net = toy.built(Model, **Model.variants[variant])
    clips = toy.batch(net).clips
    frames, mask = net.frames(clips)
    for row in range(4):
        by_hand = frames_of(net, clips.regions, row)
        assert mask[row].sum() == len(by_hand)
        for got, f in zip(frames[row][mask[row]], by_hand, strict=True):
            torch.testing.assert_close(got, f)


@torch.no_grad()
def test_uniform_edges_bring_every_region_the_mean_of_its_frame():
    """Nothing is learnt about who is related to whom."""
    net = toy.built(Model, edges="uniform", steps=1, restart=0.0)
    v, mask = torch.randn(2, 3, 128), torch.tensor([[True, True, False], [True, True, True]])
    layer = net.reasoning[0]
    x = layer.walk(v, layer.transition(v, mask))
    torch.testing.assert_close(x[0, 0], v[0, :2].mean(0))
    torch.testing.assert_close(x[1], v[1].mean(0).expand(3, -1))


@torch.no_grad()
def test_a_long_walk_is_the_closed_form():
    """D1: after many steps x is q (I - (1 - q) P)^-1 v, where a walk with restart comes to rest."""
    torch.manual_seed(0)
    layer = Reasoning(Config(region_dim=6, steps=60, restart=0.4))
    v, mask = torch.randn(1, 5, 6), torch.ones(1, 5, dtype=torch.bool)
    p = layer.transition(v, mask)
    torch.testing.assert_close(p.sum(2), torch.ones(1, 5))
    at_rest = 0.4 * torch.linalg.inv(torch.eye(5) - 0.6 * p[0]) @ v[0]
    torch.testing.assert_close(layer.walk(v, p)[0], at_rest)


@torch.no_grad()
def test_regions_of_other_frames_are_not_reached():
    """A graph is of one frame: another region elsewhere changes no other frame."""
    net = toy.built(Model)
    clips = toy.batch(net, 1).clips
    clips.regions.mask[:] = True
    before, _ = net.frames(clips)
    clips.regions.features[0, 3, 1] += 1.0
    after, _ = net.frames(clips)
    same = [before[0, t].equal(after[0, t]) for t in range(before.shape[1])]
    assert same == [t != 3 for t in range(before.shape[1])]


def test_the_mean_alone_cannot_tell_which_region_has_what():
    """Two frames with the same sum of regions differ by reasoning alone."""
    full, none = toy.built(Model), toy.built(Model, layers=0)
    a, b, c, d = torch.randn(4, 4)
    for net, differs in ((full, True), (none, False)):
        clips = toy.batch(net, 1).clips
        clips.regions.mask[:] = False
        clips.regions.mask[0, 0, :2] = True
        scenes = []
        for first, second in ((a + b, c + d), (a + d, c + b)):
            clips.regions.features[0, 0, :2] = torch.stack([first, second])
            scenes.append(net.encode_video(clips).detach())
        assert scenes[0].allclose(scenes[1], atol=1e-5) is not differs


@torch.no_grad()
def test_both_sides_are_three_levels_in_a_common_space():
    """Eqs. (7) and (8): level 1 of a video is the mean of its frames, of a sentence its bag."""
    net = toy.built(Model)
    batch = toy.batch(net)
    for space in (net.text_space, net.video_space):
        space[1].running_mean.uniform_(-1, 1)
        space[1].running_var.uniform_(0.5, 2)
    captions, regions = batch.captions, batch.clips.regions
    words = net.text.words.weight
    rows = {"text": [], "video": []}
    for row in (0, 2, 3):
        x = words[captions.words[row][captions.mask[row]]]
        f = torch.stack(frames_of(net, regions, row))
        sides = {
            "text": (net.text_space, longhand.multi_levels(net.text, captions.bow[row], x)),
            "video": (net.video_space, longhand.multi_levels(net.video, sum(f) / len(f), f)),
        }
        for name, (space, u) in sides.items():
            affine, norm, _ = space
            y = affine.weight @ u + affine.bias
            y = (y - norm.running_mean) / (norm.running_var + 1e-5) ** 0.5 * norm.weight
            y = y + norm.bias
            rows[name].append(y / sum(y**2) ** 0.5)
    text, video = net.encode_text(captions), net.encode_video(batch.clips)
    torch.testing.assert_close(text[[0, 2, 3]], torch.stack(rows["text"]))
    torch.testing.assert_close(video[[0, 2, 3]], torch.stack(rows["video"]))


def test_the_loss_longhand():
    """Eq. (9): the hardest wrong pair of every row and column."""
    net = toy.built(Model)
    batch = toy.batch(net)
    by_hand = longhand.triplet(net(batch).tolist(), 0.2)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_a_region_is_read_without_its_place():
    """D6: the data's rows end with five numbers of place and time."""
    net = Model(Config(), DataSizes(100, bow=90, dims={"regions": 2053}))
    assert net.project.weight.shape == (1024, 2048)
