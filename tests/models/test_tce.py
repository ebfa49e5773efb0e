"""TCE, a tree built node by node with loops."""

import itertools
import math

import pytest
import torch
from torch import nn

from models.parts.contract import DataSizes
from models.tce import Config, Model, choose, merge
from tests.models import longhand, toy


def spread(**change):
    """A model whose weights are large enough that trees differ."""
    net = toy.built(Model, **{"hidden": 5, "word_dim": 4, "slots": 3, "common": 6} | change)
    torch.manual_seed(3)
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.7)
    return net


def leaves_by_hand(net, words):
    """States and cells of an LSTM, one gate at a time."""
    cell, nodes = net.leaf, []
    h = c = torch.zeros(cell.hidden_size)
    for word in words:
        gates = cell.weight_ih @ net.words.weight[word] + cell.bias_ih
        i, f, g, o = (gates + cell.weight_hh @ h + cell.bias_hh).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        nodes.append((h, c))
    return nodes


def parent_by_hand(net, left, right):
    """State and cell of one parent."""
    affine = net.cell.affine
    gates = affine.weight @ torch.cat([left[0], right[0]]) + affine.bias
    i, f_l, f_r, o, g = gates.chunk(5)
    c = f_l.sigmoid() * left[1] + f_r.sigmoid() * right[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def score_by_hand(net, h):
    """How good a node is."""
    score = net.score
    if not net.config.slots:
        return float(score.out.weight[0] @ h)
    e = [math.exp(float(slot @ h)) for slot in score.memory]
    g = sum(weight / sum(e) * slot for weight, slot in zip(e, score.memory, strict=True))
    hidden = (score.hidden.weight @ torch.cat([h, g]) + score.hidden.bias).tanh()
    return float(score.out.weight[0] @ hidden)


def tree_by_hand(net, words):
    """All nodes, leaves first, and the root."""
    layer = leaves_by_hand(net, words)
    nodes = list(layer)
    while len(layer) > 1 and net.config.tree != "none":
        parents = [parent_by_hand(net, *pair) for pair in itertools.pairwise(layer)]
        best = len(parents) - 1
        if net.config.tree == "latent":
            scores = [score_by_hand(net, h) for h, _ in parents]
            best = scores.index(max(scores))
        layer = [*layer[:best], parents[best], *layer[best + 2 :]]
        nodes.append(parents[best])
    return [h for h, _ in nodes], layer[0][0]


def pooled_by_hand(pool, states):
    """A mean weighted by attention."""
    e = [
        math.exp(float(pool.out.weight[0] @ (pool.hidden.weight @ h + pool.hidden.bias).tanh()))
        for h in states
    ]
    return sum(weight / sum(e) * h for weight, h in zip(e, states, strict=True))


@torch.no_grad()
@pytest.mark.parametrize("variant", ["full", "lstm", "right", "root", "no-memory"])
def test_the_query_longhand(variant):
    """Eqs. (1) to (8): leaves, parents, memory, the pair of each layer, attention to all nodes."""
    net = spread(**Model.variants[variant])
    captions = toy.batch(net).captions
    queries = net.query(captions)
    for words, mask, query in zip(captions.words, captions.mask, queries, strict=True):
        nodes, root = tree_by_hand(net, words[mask].tolist())
        count = int(mask.sum())
        assert len(nodes) == (count if variant == "lstm" else 2 * count - 1)
        by_hand = root if variant == "root" else pooled_by_hand(net.text_pool, nodes)
        torch.testing.assert_close(query, by_hand, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_trees_of_the_toy_batch_are_no_chains():
    """Eq. (5): the pairs chosen are neither always the first nor always the last."""
    net = spread()
    nodes, mask = net.leaves(toy.batch(net).captions)
    first = net.pick(net.cell.parents(nodes), mask[:, 1:]).argmax(1)
    assert len(set(first.tolist())) > 1


@torch.no_grad()
def test_a_video_longhand():
    """Eqs. (7) and (9): each frame attends to all, a biGRU, attention over its states."""
    net = spread(frame_hidden=4, heads=2)
    clips = toy.batch(net).clips
    videos = net.frames(clips)
    layer = net.attention
    for row in range(4):
        x = net.embed(clips.features["frames"][row][clips.mask["frames"][row]])
        q, k, v = (part(x) for part in (layer.query, layer.key, layer.value))
        read = []
        for n in range(len(x)):
            heads = []
            for part in (slice(0, 2), slice(2, 4)):
                e = [math.exp(float(q[n, part] @ one[part]) / math.sqrt(2)) for one in k]
                heads.append(sum(w / sum(e) * one[part] for w, one in zip(e, v, strict=True)))
            read.append(layer.norm(x[n] + layer.out(torch.cat(heads))))
        states = longhand.bigru(net.gru, torch.stack(read))
        by_hand = pooled_by_hand(net.video_pool, states)
        torch.testing.assert_close(videos[row], by_hand, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_scores_are_cosines_in_the_joint_space():
    """Eq. (10): affine map, batch norm with its running statistics, cosines."""
    net = spread()
    batch = toy.batch(net)
    q, x = net.query(batch.captions), net.frames(batch.clips)
    sides = []
    for (affine, norm), rows in ((net.text_space, q), (net.video_space, x)):
        z = rows @ affine.weight.T + affine.bias
        z = (z - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        sides.append(z * norm.weight + norm.bias)
    s = [[longhand.cosine(t, v) for v in sides[1]] for t in sides[0]]
    torch.testing.assert_close(net(batch), torch.tensor(s))


def test_the_loss_longhand():
    """Eq. (11): the hardest negatives of both directions, summed."""
    net = spread()
    batch = toy.batch(net)
    by_hand = longhand.triplet(net(batch).tolist(), 0.2)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-4)


def test_a_choice_has_the_gradient_of_its_softmax():
    """Eq. (5) and D1: values of a one-hot row, slopes of softmax(scores / temperature)."""
    scores = torch.tensor([[0.2, 1.0, -0.5, 9.0]], requires_grad=True)
    may = torch.tensor([[True, True, True, False]])
    picked = choose(scores, may, 0.5, noisy=False)
    assert picked.tolist() == [[0.0, 1.0, 0.0, 0.0]]
    picked[0, 1].backward()
    e = [math.exp(x / 0.5) for x in (0.2, 1.0, -0.5)]
    p = [x / sum(e) for x in e]
    slopes = [p[1] * ((k == 1) - p[k]) / 0.5 for k in range(3)]
    assert scores.grad[0].tolist() == pytest.approx([*slopes, 0.0], abs=1e-6)


def test_choices_are_drawn_by_the_softmax():
    """Eq. (5) in training: shares of 4,000 draws, within four deviations."""
    torch.manual_seed(0)
    scores = torch.tensor([1.0, 0.0, -1.0]).expand(4000, 3)
    may = torch.ones_like(scores, dtype=torch.bool)
    shares = choose(scores, may, 1.0, noisy=True).mean(0)
    e = [math.exp(x) for x in (1.0, 0.0, -1.0)]
    for share, one in zip(shares.tolist(), e, strict=True):
        p = one / sum(e)
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / 4000)


def test_a_layer_after_a_merge():
    """Eq. (6): a b c d with the pair (b, c) merged; a row without a choice keeps its nodes."""
    old = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])[..., None]
    new = torch.tensor([[10.0, 20.0, 30.0], [0.0, 0.0, 0.0]])[..., None]
    picked = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    h, c = merge((old, -old), (new, -new), picked)
    assert h[..., 0].tolist() == [[1.0, 20.0, 4.0], [5.0, 6.0, 7.0]]
    assert c.equal(-h)


def test_defaults_are_the_sizes_of_the_config():
    """64 slots of 512 numbers, a space of 1,024."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 2048}))
    assert net.score.memory.shape == (64, 512)
    assert net.text_space[0].weight.shape == (1024, 512)
    assert net.gru.hidden_size == 256
