"""Zhu, Yang 2020, equation by equation, against sums written out longhand."""

import math

import pytest
import torch

from models.actbert import Config, Model
from models.official.actbert import Released, config_of
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.releases import official_weights


def streams(net, rows=4):
    """States of words, regions and actions of pairs as the first tangled layer reads them."""
    batch = toy.batch(net, rows)
    flat = (*net.encode_text(batch.captions), *net.encode_video(batch.clips))
    return list(zip(flat[::2], flat[1::2], strict=True))


def heads_read(q, k, v, heads):
    """Attention of one step, head by head, over all keys."""
    parts = []
    for one, keys, values in zip(q.chunk(heads), k.chunk(heads, 1), v.chunk(heads, 1), strict=True):
        weight = torch.softmax(keys @ one / math.sqrt(len(one)), 0)
        parts.append(weight @ values)
    return torch.cat(parts)


def test_the_whole_frame_is_the_first_region():
    """Eq. (1?): the mean of the features, corners 0 and 1, area 1; zeros where there is no region."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    x, place, mask = net.read_regions(clips)
    for row in range(4):
        true = clips.regions.mask[row]
        features = clips.regions.features[row][true]
        mean = features.mean(0) if len(features) else torch.zeros(4)
        torch.testing.assert_close(x[row, 0], mean)
        assert place[row, 0].tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
        assert mask[row].sum() == 1 + len(features)
        torch.testing.assert_close(x[row, 1 : 1 + len(features)], features)
        for n, (x0, y0, x1, y1) in enumerate(clips.regions.place[row][true].tolist()):
            expected = [x0, y0, x1, y1, (x1 - x0) * (y1 - y0)]
            assert place[row, 1 + n].tolist() == pytest.approx(expected, abs=1e-6)


def test_regions_are_evenly_spread():
    """D2: where there are more than are read."""
    few, all_of = toy.built(Model, max_regions=5), toy.built(Model)
    clips = toy.batch(all_of).clips
    x, mask = few.read_regions(clips)[0], all_of.read_regions(clips)[2]
    every = all_of.read_regions(clips)[0]
    count = int(mask[0].sum()) - 1
    assert count > 5
    torch.testing.assert_close(x[0, 1:], every[0, 1:][[n * count // 5 for n in range(5)]])


def test_the_whole_frame_alone():
    """`global`: the mean of the regions that are read is the only one."""
    net = toy.built(Model, local=False)
    x, place, mask = net.read_regions(toy.batch(net).clips)
    assert x.shape[1] == place.shape[1] == 1
    assert mask.all()


def test_regions_and_actions_are_embedded_longhand():
    """Eq. (2?), D5: affine maps, normalised; a video without actions has one of zeros."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    clips.mask["motion"][1] = False
    regions, _, actions, actions_mask = net.encode_video(clips)
    x, place, mask = net.read_regions(clips)
    y = net.region.weight @ x[0, 1] + net.place.weight @ place[0, 1]
    y = (y - y.mean()) / y.var(unbiased=False) ** 0.5
    torch.testing.assert_close(regions[0, 1], y, rtol=1e-4, atol=1e-4)
    assert mask[0, 1]
    y = net.action.weight @ clips.features["motion"][0, 0]
    y = (y - y.mean()) / y.var(unbiased=False) ** 0.5
    torch.testing.assert_close(actions[0, 0], y, rtol=1e-4, atol=1e-4)
    assert actions_mask[1].tolist() == [True] + [False] * (actions_mask.shape[1] - 1)
    assert not actions[1, 0].any()


def test_a_step_takes_the_action_at_its_share():
    """Eq. (5?), D5: floor(n A / N) of true steps and true actions."""
    net = toy.built(Model)
    mask = torch.arange(7) < torch.tensor([[7], [4], [1]])
    actions = torch.arange(3) < torch.tensor([[3], [2], [1]])
    places = net.tangles[0].places(mask, actions)
    assert places[0].tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert places[1, :4].tolist() == [0, 0, 1, 1]
    assert places[2].tolist() == [0] * 7


def test_a_tangled_layer_longhand():
    """Eqs. (3?), (4?) and (6?), D8: actions read, keys and values move, each stream reads itself."""
    net = toy.built(Model)
    layer, before = net.tangles[0], streams(net)
    after = layer(before)
    for row in range(4):
        own = [x[row][mask[row]] for x, mask in before]
        qkv = [(p.weight @ x.mT).mT.chunk(3, 1) for p, x in zip(layer.qkv, own, strict=True)]
        action = qkv[2][0]
        for n, other in ((0, 1), (1, 0), (2, None)):
            q, k, v = (one.clone() for one in qkv[n])
            if other is not None:
                seen = [heads_read(one, *qkv[other][1:], 4) for one in action]
                for step in range(len(k)):
                    move = layer.shift[n].weight @ seen[step * len(seen) // len(k)]
                    k[step] += move[:64]
                    v[step] += move[64:]
            for step in range(len(k)):
                x = own[n][step] + layer.out[n].weight @ heads_read(q[step], k, v, 4)
                expected = layer.inner[n](layer.norm[n](x)[None, None])[0, 0]
                torch.testing.assert_close(after[n][0][row][step], expected, rtol=1e-3, atol=1e-4)


def test_layers_stand_before_between_and_after_tangled_ones():
    """Eq. (7?): each stream runs up to the numbers that are set, then the rest."""
    net = toy.built(Model, text=(64, 4, 128, 3), actions=(64, 4, 128, 2))
    batch = toy.batch(net)
    text, clips = net.encode_text(batch.captions), net.encode_video(batch.clips)
    words, mask = net.read_words(batch.captions)

    def run(blocks, n, stream):
        return blocks.layers[n](stream[0], src_key_padding_mask=~stream[1]), stream[1]

    now = [run(net.text.blocks, 0, (net.text.embed(words), mask)), clips[:2], clips[2:]]
    torch.testing.assert_close(text[0], now[0][0])
    now = net.tangles[0](now)
    blocks = (net.text.blocks, *net.layers)
    now = [run(blocks[0], 1, now[0]), run(blocks[1], 0, now[1]), run(blocks[2], 0, now[2])]
    now = net.tangles[1](now)
    now = [run(blocks[0], 2, now[0]), now[1], run(blocks[2], 1, now[2])]
    for (ours, own), (expected, _) in zip(net.states(text, clips), now, strict=True):
        torch.testing.assert_close(ours[own], expected[own])


@pytest.mark.parametrize("fusion", ["mul", "sum"])
def test_logits_and_scores_longhand(fusion):
    """Eqs. (8?) and (9?), D6: first steps, ReLU, t r + a or t + r + a; scores are log odds."""
    net = toy.built(Model, fusion=fusion)
    batch = toy.batch(net)
    scores = net(batch)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    for i in range(4):
        for j in range(4):
            pair = net.states(tuple(x[i : i + 1] for x in text), tuple(x[j : j + 1] for x in video))
            t, r, a = (
                torch.clamp(pooler.weight @ x[0, 0] + pooler.bias, min=0)
                for pooler, (x, _) in zip(net.poolers, pair, strict=True)
            )
            z = net.match.weight @ (t * r + a if fusion == "mul" else t + r + a) + net.match.bias
            torch.testing.assert_close(scores[i, j], z[0] - z[1], rtol=1e-3, atol=1e-5)


def test_without_actions_words_and_regions_meet_in_the_product_alone():
    """`no-actions`: nothing moves, and a is no summand."""
    net = toy.built(Model, see_actions=False)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    states = net.states(text, video)
    others = net.states(text, tuple(x[[1, 2, 3, 0]] for x in video))
    torch.testing.assert_close(states[0][0], others[0][0])
    t, r = (
        torch.clamp(pooler(x[:, 0]), min=0)
        for pooler, (x, _) in zip(net.poolers, states, strict=True)
    )
    torch.testing.assert_close(net.logits(states), net.match(t * r))


def test_the_loss_longhand():
    """Eq. (10?), D4: every caption of the batch is read with every video in evaluation."""
    net = toy.built(Model)
    batch = toy.batch(net)
    s, total = net(batch).tolist(), 0.0
    for i in range(4):
        for j in range(4):
            odds = s[i][j] if i == j else -s[i][j]
            total += math.log(1 + math.exp(-odds)) / 16
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-5)


def test_wrong_captions_are_drawn_in_training():
    """D4: as many as are set, never a video's own, each other one equally often."""
    net = toy.built(Model, negatives=3000).train()
    rows, right = net.pairs(4)
    assert rows[:, 0].tolist() == [0, 1, 2, 3]
    assert right.sum(1).tolist() == [1] * 4
    for row in range(4):
        count = torch.bincount(rows[row, 1:], minlength=4)
        assert count[row] == 0
        assert all(abs(n - 1000) < 150 for place, n in enumerate(count.tolist()) if place != row)


def test_as_released_values_of_words_move_by_the_map_of_the_regions():
    """Q1: the map of their own has no gradient; keys have theirs."""
    released = toy.built(Released)
    layer = released.tangles[0]
    c_r, c_t = torch.randn(2, 1, 3, 64).unbind(0)
    (key, value), (other_key, other_value) = layer.shifts(c_r, c_t)
    torch.testing.assert_close(key, c_r @ layer.shift[0].weight[:64].mT)
    torch.testing.assert_close(value, c_r @ layer.shift[1].weight[64:].mT)
    torch.testing.assert_close(other_key, c_t @ layer.shift[1].weight[:64].mT)
    torch.testing.assert_close(other_value, c_t @ layer.shift[1].weight[64:].mT)
    released.loss(toy.batch(released)).backward()
    assert not layer.shift[0].weight.grad[64:].any()
    assert layer.shift[0].weight.grad[:64].any()


def test_as_released_padding_counts_in_the_share():
    """Q2: of steps and of actions."""
    layer = toy.built(Released).tangles[0]
    mask, actions = torch.arange(6)[None] < 2, torch.arange(3)[None] < 1
    assert layer.places(mask, actions).tolist() == [[0, 0, 1, 1, 2, 2]]


def test_as_released_scores_are_probabilities():
    """Q3: the first of the two, of a softmax over the logits."""
    net = toy.built(Released)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    z = net.logits(net.states(text, video))
    torch.testing.assert_close(net(batch).diagonal(), z.softmax(1)[:, 0])


def test_as_released_masked_tokens_longhand():
    """Q4: divergence over masked regions, cross-entropy over masked words or actions."""
    net = toy.built(Released)
    logits, masked = torch.randn(2, 3, 5), torch.tensor([[True, False, True], [False] * 3])
    target = torch.randn(2, 3, 5).softmax(2)
    p = logits.softmax(2)
    total = sum(
        target[0, n, k] * torch.log(target[0, n, k] / p[0, n, k]) for n in (0, 2) for k in range(5)
    )
    loss = net.region_loss(logits, masked, target)
    assert loss.item() == pytest.approx(total.item() / 2, rel=1e-4)
    assert net.region_loss(logits, masked & False, target).item() == 0.0
    right = torch.tensor([[1, -1, 4], [-1, -1, -1]])
    total = -(torch.log(p[0, 0, 1]) + torch.log(p[0, 2, 4])) / 2
    assert net.token_loss(logits, right).item() == pytest.approx(total.item(), rel=1e-4)


def test_sizes_are_read_from_official_weights():
    """Streams, tangled layers and classes; the options tell what no weight does."""
    net = toy.built(Released)
    weights = official_weights(net)
    assert weights["bert.encoder.c_layer.0.ent_attention.value_av.weight"].shape == (64, 64)
    assert weights["bert.v_embeddings.image_embeddings.weight"].shape == (4, 64)
    config, data = config_of(weights)
    assert data == DataSizes(30, dims={"regions": 9, "motion": 4})
    assert config.text == (64, 1, 128, 2)
    assert config.regions == (64, 1, 64, 1)
    assert config.tangles == ((0, 0, 0), (1, 1, 1))
    assert (config.region_classes, config.action_classes) == (1601, 700)
    options = {"num_attention_heads": 4, "t_ent_attention_id": [1, 2], "fusion_method": "sum"}
    config, _ = config_of(weights, options)
    assert config.text == (64, 4, 128, 2)
    assert config.tangles == ((1, 0, 0), (2, 1, 1))
    assert config.fusion == "sum"


def test_defaults_are_the_published_sizes():
    """BERT-base beside two layers over regions and three over actions, tangled twice."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims={"regions": 2053, "motion": 2048}))
    stacks = (net.text.blocks, *net.layers)
    assert [len(stack.layers) for stack in stacks] == [12, 2, 3]
    assert len(net.tangles) == 2
    assert net.region.in_features == 2048
    assert net.poolers[0].out_features == 1024
