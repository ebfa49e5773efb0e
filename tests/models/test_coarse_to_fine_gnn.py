"""Coarse-to-fine graphs, node by node, against loops written out longhand."""

import pytest
import torch

from models.coarse_to_fine_gnn import Config, GraphLayer, Model, stretches
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.parts.longhand import normalised


def layer_by_hand(layer, x):
    """One round of messages among the nodes x."""
    after = []
    for own in x:
        read = own
        if layer.joined:
            e = [
                torch.exp((layer.source.weight @ own) @ (layer.target.weight @ y) / len(own) ** 0.5)
                for y in x
            ]
            read = sum(w / sum(e) * y for w, y in zip(e, x, strict=True))
        message = (layer.message.weight @ read).clamp(min=0)
        after.append(normalised(layer.norm, own + message))
    return after


def run_by_hand(layers, x):
    """All layers of a graph."""
    for layer in layers:
        x = layer_by_hand(layer, x)
    return x


def stretches_by_hand(x, count):
    """Means of the steps that fall into each of so many equal stretches."""
    parts = [[] for _ in range(count)]
    for step, one in enumerate(x):
        parts[step * count // len(x)].append(one)
    return [sum(part) / len(part) for part in parts if part]


def side_by_hand(graphs, x, more=()):
    """The whole and the fine nodes of one caption or video."""
    c = run_by_hand(graphs.level["coarse"], stretches_by_hand(x, graphs.stretches))
    whole = sum(c) / len(c)
    return whole, run_by_hand(graphs.level["fine"], [one + whole for one in [*x, *more]])


def words_by_hand(net, captions, row):
    """States of one caption's words."""
    words = net.words.weight[captions.words[row][captions.mask[row]]]
    return longhand.bigru(net.gru, words)


def mapped_by_hand(net, clips, name, row):
    """Frames or regions of one video, which has fewer than may be read."""
    layer = net.maps[name][0]
    return [layer.weight @ x + layer.bias for x in clips.features[name][row][clips.mask[name][row]]]


@torch.no_grad()
def test_stretches_are_equal_shares_of_the_true_steps():
    """Eq. (2): nine steps, two, one, none; what is padding is in no mean."""
    x, count = torch.randn(4, 9, 3), (9, 2, 1, 0)
    mask = torch.arange(9) < torch.tensor(count)[:, None]
    c, there = stretches(x.masked_fill(~mask[..., None], 1e3), mask, 4)
    for row, n in enumerate(count):
        by_hand = stretches_by_hand(x[row, :n], 4) if n else []
        got = c[row][there[row]]
        assert len(got) == len(by_hand)
        for one, expected in zip(got, by_hand, strict=True):
            torch.testing.assert_close(one, expected)


@pytest.mark.parametrize("edges", [True, False])
@torch.no_grad()
def test_a_layer_longhand(edges):
    """Eqs. (3) and (4): from every true node to every other; without edges from itself alone."""
    torch.manual_seed(0)
    layer, x = GraphLayer(Config(common=6, edges=edges)), torch.randn(2, 4, 6)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    y = layer(x, mask)
    for row, n in enumerate((4, 2)):
        torch.testing.assert_close(y[row, :n], torch.stack(layer_by_hand(layer, x[row, :n])))


@torch.no_grad()
def test_both_sides_longhand():
    """Eqs. (1), (5) and (6): the whole enters every fine node; regions are fine nodes alone."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    for row in range(4):
        regions = mapped_by_hand(net, batch.clips, "regions", row)
        frames = mapped_by_hand(net, batch.clips, "frames", row)
        for side, graphs, x, more in (
            (text, net.graphs["text"], words_by_hand(net, batch.captions, row), []),
            (video, net.graphs["video"], frames, regions),
        ):
            whole, nodes = side_by_hand(graphs, x, more)
            torch.testing.assert_close(side.whole[row], whole)
            torch.testing.assert_close(side.nodes[row][side.mask[row]], torch.stack(nodes))


@torch.no_grad()
def test_scores_longhand():
    """Eqs. (7) and (8): every word looks for its nearest frame or region."""
    net = toy.built(Model, local_weight=0.6)
    batch = toy.batch(net)
    text, video, scores = net.encode_text(batch.captions), net.encode_video(batch.clips), net(batch)
    for t in range(4):
        words = text.nodes[t][text.mask[t]]
        for v in range(4):
            nodes = video.nodes[v][video.mask[v]]
            nearest = [max(longhand.cosine(w, y) for y in nodes) for w in words]
            whole = longhand.cosine(text.whole[t], video.whole[v])
            by_hand = whole + 0.6 * sum(nearest) / len(nearest)
            assert scores[t, v].item() == pytest.approx(by_hand, abs=1e-5)


@torch.no_grad()
def test_one_level_scores_by_itself():
    """Coarse: cosines of the wholes; fine: the local score of nodes that no whole has entered."""
    for level in ("coarse", "fine"):
        net = toy.built(Model, levels=(level,))
        batch = toy.batch(net)
        text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
        score = net(batch)[2, 1].item()
        if level == "coarse":
            assert score == pytest.approx(longhand.cosine(text.whole[2], video.whole[1]), abs=1e-5)
            continue
        assert text.whole is None
        x = run_by_hand(net.graphs["text"].level["fine"], words_by_hand(net, batch.captions, 2))
        y = video.nodes[1][video.mask[1]]
        by_hand = [max(longhand.cosine(w, node) for node in y) for w in x]
        assert score == pytest.approx(sum(by_hand) / len(by_hand), abs=1e-5)


def test_the_loss_longhand():
    """Eq. (9): the hardest wrong pair of every row and column."""
    net = toy.built(Model)
    batch = toy.batch(net)
    by_hand = longhand.triplet(net(batch).tolist(), 0.2)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_the_first_epochs_count_all_negatives():
    """D5: the mean over the wrong videos of a caption and over the wrong captions of a video."""
    net = toy.built(Model, all_negatives_epochs=2)
    batch = toy.batch(net)
    all_pairs = longhand.triplet(net(batch).tolist(), 0.2, hardest=False) / 3
    for epoch, by_hand in ((1, all_pairs), (2, longhand.triplet(net(batch).tolist(), 0.2))):
        net.on_epoch(epoch)
        assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_without_regions_frames_are_the_fine_nodes():
    """What the data lack is no node."""
    net = toy.built(Model, DataSizes(30, dims={"frames": 6}))
    batch = toy.batch(net)
    assert net.encode_video(batch.clips).mask.equal(batch.clips.mask["frames"])
