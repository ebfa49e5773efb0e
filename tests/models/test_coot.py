"""Ging et al. 2020, level by level, against sums written out longhand."""

import math

import pytest
import torch
from torch import nn

from models.coot import Config, Model, Side
from models.official.coot import NETWORKS, Released, config_of
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.longhand import cosine, hinges
from tests.models.parts.longhand import exact_gelu, normalised
from tests.models.releases import official_weights


def spread(net, std=0.3):
    """Weights large enough to tell a wrong term from a right one."""
    torch.manual_seed(3)
    for weight in net.parameters():
        nn.init.normal_(weight, std=std)
    return net


def affine(layer, x):
    """W x + b."""
    return layer.weight @ x + layer.bias


def gelu(x):
    """The exact one of each number."""
    return torch.tensor([exact_gelu(t) for t in x.tolist()])


def layer_by_hand(layer, q, context, heads):
    """One query through both halves."""
    a = layer.attention
    query, keys = affine(a.query, q), [affine(a.key, x) for x in context]
    values, size, read = [affine(a.value, x) for x in context], len(query) // heads, []
    for h in range(heads):
        one = slice(h * size, (h + 1) * size)
        w = torch.stack([(query[one] * key[one]).sum() / size**0.5 for key in keys]).exp()
        read.append(sum(x * v[one] for x, v in zip(w / w.sum(), values, strict=True)))
    x = normalised(a.norm, q + affine(a.out, torch.cat(read)))
    inner = affine(layer.inner.linear2, gelu(affine(layer.inner.linear1, x)))
    return normalised(layer.inner.norm, x + inner)


def place(step, dim):
    """Position of Vaswani et al."""
    angle = [step / 10_000 ** (2 * (i // 2) / dim) for i in range(dim)]
    return torch.tensor([math.cos(x) if i % 2 else math.sin(x) for i, x in enumerate(angle)])


def local_states(net, steps, heads):
    """Steps after normalisation, projection, positions and one layer."""
    x = [gelu(affine(net.project, normalised(net.norm, step))) for step in steps]
    x = [one + place(t, len(one)) for t, one in enumerate(x)]
    return [layer_by_hand(net.layer, q, x, heads) for q in x]


def attention_pooled(pool, states):
    """A softmax over the steps for every channel by itself."""
    scores = []
    for x in states:
        heads = [
            gelu(x @ w1 + b1) @ w2 + b2
            for w1, b1, w2, b2 in zip(pool.w1, pool.b1, pool.w2, pool.b2, strict=True)
        ]
        scores.append(torch.cat(heads))
    total = sum(s.exp() for s in scores)
    return sum(s.exp() / total * x for s, x in zip(scores, states, strict=True))


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["attention", "mean", "max"])
def test_the_local_network_longhand(pooling):
    """Eqs. (1) and (2): one vector of a clip, and with the same weights of the whole video."""
    net = spread(toy.built(Model, hidden=8, inner=8, pool_hidden=4, heads=2, pooling=pooling))
    batch, local = toy.batch(net), net.local["video"]
    video = net.read("video", batch.clips, batch.clips.segments)
    items = batch.clips.segments.items
    for clips, vectors in ((batch.clips, video.context), (items, video.parts)):
        for row, vector in enumerate(vectors[:3]):
            steps = clips.features["frames"][row][clips.mask["frames"][row]]
            states = local_states(local, steps, 2)
            by_hand = {
                "attention": lambda s: attention_pooled(local.pool, s),
                "mean": lambda s: sum(s) / len(s),
                "max": lambda s: torch.stack(s).amax(0),
            }[pooling](states)
            torch.testing.assert_close(vector, by_hand, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("context", [True, False])
def test_the_global_network_longhand(context):
    """Eq. (3): mean of the parts that attend to each other, and what the context reads of them."""
    net = spread(toy.built(Model, hidden=8, inner=8, pool_hidden=4, heads=2, context=context))
    batch, whole = toy.batch(net), net.whole["text"]
    text = net.read("text", batch.captions, batch.captions.sentences)
    for row in range(4):
        parts = [normalised(whole.norm, x) for x in text.parts[text.owner == row]]
        parts = [x + place(t, len(x)) for t, x in enumerate(parts)]
        states = [layer_by_hand(whole.layer, x, parts, 2) for x in parts]
        by_hand = sum(states) / len(states)
        if context:
            read = layer_by_hand(whole.reader, text.context[row], states, 2)
            by_hand = torch.cat([by_hand, read])
        torch.testing.assert_close(text.whole[row], by_hand, rtol=1e-4, atol=1e-5)


def ranking(a, b, margin):
    """L from cosines of rows."""
    rows, columns = hinges([[cosine(x, y) for y in b] for x in a], margin)
    return sum(sum(map(sum, table)) for table in (rows, columns)) / len(a) ** 2


def cycle(a, b):
    """Mean error of one row's cycles from each a."""

    def weights(x, others):
        near = [math.exp(-float(((x - o) ** 2).mean())) for o in others]
        return [one / sum(near) for one in near]

    errors = []
    for i, x in enumerate(a):
        z = sum(w * y for w, y in zip(weights(x, b), b, strict=True))
        errors.append((i - sum(k * w for k, w in enumerate(weights(z, a)))) ** 2)
    return sum(errors) / len(errors)


@torch.no_grad()
def test_the_loss_longhand():
    """Eqs. (4) to (9): three alignments, two clusterings, cycles from clips and from sentences."""
    net = spread(toy.built(Model, margin=0.5, cycle_weight=0.7))
    batch = toy.batch(net, 5)
    text = net.read("text", batch.captions, batch.captions.sentences)
    video = net.read("video", batch.clips, batch.clips.segments)
    total = ranking(text.context, video.context, 0.5)
    for t, v in ((text.whole, video.whole), (text.parts, video.parts)):
        total += ranking(t, v, 0.5) + (ranking(t, t, 0.5) + ranking(v, v, 0.5)) / 2
    for row in range(5):
        s, c = text.parts[text.owner == row], video.parts[video.owner == row]
        total += 0.7 * (cycle(c, s) + cycle(s, c)) / 5
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-4)


def test_long_clips_are_read_at_intervals():
    """D3: at most `max_frames` frames of each."""
    net = toy.built(Model, max_frames=3)
    clips = toy.batch(net).clips
    x, mask = net.steps(clips)
    assert x.shape[1] == 3
    count = int(clips.mask["frames"][0].sum())
    assert x[0].equal(clips.features["frames"][0, [k * count // 3 for k in range(3)]])
    assert mask[0].all()


def test_weights_start_small():
    """Every one but word vectors and normalisations within two hundredths of zero."""
    net = toy.built(Model)
    for name, weight in net.named_parameters():
        if "norm." in name or name.startswith("words"):
            continue
        assert 0 < weight.abs().max() <= 0.02


def test_a_release_depends_on_the_longest_video_of_its_batch():
    """Q3: slots without a part add to the sum; the paper's mean is free of them."""
    for model, free in ((Released, False), (Model, True)):
        torch.manual_seed(0)
        config = toy.config_of(Model)
        net = spread(model(config, toy.sizes(Model, config)).eval())
        batch = toy.batch(net)
        together = net.encode_video(batch.clips)
        alone = net.encode_video(toy.picked(batch, [0]).clips)
        assert torch.allclose(together[:1], alone, rtol=1e-3, atol=1e-5) is free


def test_a_release_draws_a_part_of_each_video():
    """Q4: never the padding, and another one the next time."""
    config = toy.config_of(Model)
    net = Released(config, toy.sizes(Model, config))
    mask = torch.arange(9) < torch.tensor([[1], [4], [9]])
    torch.manual_seed(0)
    drawn = torch.stack([net.draw("clip", mask) for _ in range(200)])
    assert [set(column.tolist()) for column in drawn.T] == [{0}, set(range(4)), set(range(9))]
    side = Side(torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1).long())
    assert net.cycle(side, side) == 0


def test_a_checkpoint_is_a_mapping_of_networks():
    """With an unused number and the table of positions among its weights."""
    config = toy.config_of(Model)
    net = Released(config, toy.sizes(Model, config)).eval()
    weights = official_weights(net)
    state = {
        network.rstrip("."): {
            k.removeprefix(network): w for k, w in weights.items() if k.startswith(network)
        }
        for network in NETWORKS
    }
    for part in state.values():
        part["embedding.pe"] = torch.zeros(5, 4)
        part["pooler.pools.0.genpool_one"] = torch.ones(1)
    again = Model.from_official(state).eval()
    again.words = net.words
    batch = toy.batch(net)
    assert again(batch).equal(net(batch))


@pytest.mark.parametrize("variant", ["full", "mean-pooling", "no-context"])
def test_a_checkpoint_has_its_layers(variant):
    """Pooling and context from the weights."""
    config = toy.config_of(Model, **Model.variants[variant])
    again, _ = config_of(official_weights(Released(config, toy.sizes(Model, config))))
    assert (again.pooling, again.context) == (config.pooling, config.context)


def test_a_pooling_that_is_none_is_refused():
    """Of the recorded options."""
    config = toy.config_of(Model)
    weights = official_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="local_pooler 'cls' is none of"):
        config_of(weights, {"local_pooler": "cls"})


def test_defaults_are_the_published_sizes():
    """384 numbers at the local level, twice as many of the whole."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims={"frames": 2048}))
    assert net.local["video"].project.weight.shape == (384, 2048)
    assert net.local["text"].project.weight.shape == (384, 1536)
    assert net.local["text"].pool.w1.shape == (2, 384, 384)
    assert net.local["text"].pool.w2.shape == (2, 384, 192)
    assert net.whole["text"].reader.inner.linear1.out_features == 384
