"""Doughty et al. 2020, step by step, against sums written out longhand."""

import pytest
import torch

from models.action_modifiers import Config, Model
from models.official.action_modifiers import Released, SlicedAttention, config_of
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.releases import official_weights


def modified(net, action, adverb):
    """O of one action: relu(W e); without an adverb relu(e); without an action of zeros."""
    e = net.actions[action] if action >= 0 else torch.zeros(net.config.dim)
    if adverb < 0:
        return e.clamp(min=0)
    w = net.modifiers[adverb]
    return (w @ e if w.ndim > 1 else e + w).clamp(min=0)


def attended(net, action, seconds):
    """F of one action and one video, head by head."""
    video, e = net.video, net.actions[action]
    q, d = video.query.weight @ e + video.query.bias, net.config.dim // net.config.heads
    heads = []
    for h in range(net.config.heads):
        part = slice(h * d, (h + 1) * d)
        s = [sum(q[part] * (video.key.weight @ x)[part]) / d**0.5 for x in seconds]
        total = sum(torch.exp(one) for one in s)
        values = [(video.value.weight @ x + video.value.bias)[part] for x in seconds]
        heads.append(sum(torch.exp(a) / total * v for a, v in zip(s, values, strict=True)))
    return video.out.weight @ torch.cat(heads) + video.out.bias


def seconds_of(clips, row):
    """Frames of a clip, each beside the motion that covers it."""
    x = clips.features["frames"][row][clips.mask["frames"][row]]
    motion = clips.features["motion"][row][clips.mask["motion"][row]]
    covering = [
        motion[k * len(motion) // len(x)] if len(motion) else torch.zeros(motion.shape[1])
        for k in range(len(x))
    ]
    return [torch.cat(pair) for pair in zip(x, covering, strict=True)]


def length(x):
    """Of a difference, 1e-6 added to each component."""
    return (sum((x + 1e-6) ** 2) ** 0.5).item()


def shaken(**change):
    """A toy model whose adverbs have left their start."""
    net = toy.built(Model, **change)
    generator = torch.Generator().manual_seed(3)
    for w in net.modifiers:
        w.data += 0.2 * torch.randn(w.shape, generator=generator)
    return net


@pytest.mark.parametrize("modifier", ["matrix", "vector"])
def test_an_adverb_changes_its_action(modifier):
    """Eq. (1) and D5: a matrix, or a vector added; nothing for no adverb."""
    net = shaken(modifier=modifier)
    captions = toy.batch(net).captions
    captions.classes["verb"] = torch.tensor([1, 1, 2, -1])
    captions.classes["adverb"] = torch.tensor([0, 3, -1, 1])
    text = net.encode_text(captions)
    for row in range(4):
        a, m = (int(captions.classes[name][row]) for name in ("verb", "adverb"))
        torch.testing.assert_close(text.modified[row], modified(net, a, m))


def test_adverbs_start_as_no_change():
    """Matrices as the identity, vectors as zero."""
    for modifier in ("matrix", "vector"):
        net = toy.built(Model, modifier=modifier)
        e = net.vectors(torch.tensor([0, 2]))
        for o in net.modified(e):
            torch.testing.assert_close(o, e.relu())


def test_scores_longhand():
    """Eqs. (2) and (3): the caption's action attends, distances to the caption's own O."""
    net = shaken()
    batch = toy.batch(net)
    scores, classes = net(batch), batch.captions.classes
    for i in range(4):
        a, m = int(classes["verb"][i]), int(classes["adverb"][i])
        for j in range(4):
            f = attended(net, a, seconds_of(batch.clips, j))
            by_hand = -length(f - modified(net, a, m))
            assert scores[i, j].item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("temporal", ["average", "single"])
def test_without_attention_a_video_is_one_vector(temporal):
    """The mean of the seconds, or the one in the middle; a layer and ReLU."""
    net = toy.built(Model, temporal=temporal)
    batch = toy.batch(net)
    f = net.video(net.vectors(torch.tensor([0, 1])), *net.encode_video(batch.clips))
    layer = net.video.layers[0]
    for row in range(4):
        seconds = seconds_of(batch.clips, row)
        x = seconds[len(seconds) // 2] if temporal == "single" else sum(seconds) / len(seconds)
        by_hand = (layer.weight @ x + layer.bias).clamp(min=0)
        for action in range(2):
            torch.testing.assert_close(f[action, row], by_hand)


def test_the_loss_longhand():
    """Eqs. (4) and (5): other actions of the batch, the antonym; who has neither counts in none."""
    net = shaken(margin=2.0)
    batch = toy.batch(net, 5)
    classes = batch.captions.classes
    classes["verb"] = torch.tensor([1, 1, 2, 0, -1])
    classes["adverb"] = torch.tensor([0, 3, -1, 2, 1])
    classes["antonym"] = torch.tensor([1, 2, -1, -1, 0])
    by_action, by_adverb = [], []
    for i in range(4):
        a, m, o = (int(classes[name][i]) for name in ("verb", "adverb", "antonym"))
        f = attended(net, a, seconds_of(batch.clips, i))
        right = length(f - modified(net, a, m))
        wrong = [length(f - modified(net, other, m)) for other in (0, 1, 2) if other != a]
        by_action.append(sum(max(0.0, right - d + 2.0) for d in wrong) / len(wrong))
        if o >= 0:
            by_adverb.append(max(0.0, right - length(f - modified(net, a, o)) + 2.0))
    by_hand = sum(by_action) / 4 + sum(by_adverb) / 2
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_actions_are_learnt_first():
    """Eq. (6): no gradient reaches the adverbs before their epoch; the loss is the same."""
    net = shaken(action_epochs=2)
    batch = toy.batch(net)
    whole = net.loss(batch).item()
    for epoch, learns in ((0, False), (1, False), (2, True), (5, True)):
        net.on_epoch(epoch)
        net.zero_grad()
        loss = net.loss(batch)
        loss.backward()
        assert loss.item() == pytest.approx(whole)
        assert any(w.grad is not None for w in net.modifiers) is learns
        assert net.video.query.weight.grad.any()


def test_action_vectors_are_fixed():
    """D1: they are no parameters, and are stored with the weights."""
    net = toy.built(Model)
    assert "actions" in net.state_dict()
    assert "actions" not in dict(net.named_parameters())


def test_a_batch_without_a_verb_has_no_loss():
    """D5: zero, not a number that is none."""
    net = toy.built(Model)
    batch = toy.batch(net)
    for name in ("verb", "adverb", "antonym"):
        batch.captions.classes[name] = torch.full((4,), -1)
    assert net.loss(batch).item() == 0.0


def test_heads_of_the_release_share_their_maps():
    """Q1 and Q2: each reads its slice by the same map; their channels are interleaved."""
    torch.manual_seed(0)
    layer = SlicedAttention(6, 8, 2, 0.0)
    e, x = torch.randn(1, 6), torch.randn(1, 3, 8)
    f = layer(e, x, torch.ones(1, 3, dtype=torch.bool))[0, 0]
    y = torch.zeros(6)
    for h in range(2):
        q = layer.query(e[0, 3 * h : 3 * h + 3])
        k, v = (m(x[0, :, 4 * h : 4 * h + 4]) for m in (layer.key, layer.value))
        y[h::2] = (k @ q / 3**0.5).softmax(0) @ v
    torch.testing.assert_close(f, layer.out(y))


def test_an_odd_number_of_adverbs_is_refused():
    """The release has pairs: one that is missing is noticed."""
    config = toy.config_of(Model)
    weights = official_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="temporal_agg 'max' is none of"):
        config_of(weights, {"temporal_agg": "max"})
    del weights["action_modifiers.3"]
    with pytest.raises(ValueError, match="3 action_modifiers are no pairs"):
        Model.from_official(weights)


def test_a_checkpoint_has_its_weights_under_net():
    """Beside the epoch."""
    config = toy.config_of(Model)
    net = Released(config, toy.sizes(Model, config)).eval()
    weights, batch = official_weights(net), toy.batch(net)
    again = Model.from_official({"net": weights, "epoch": 1000}, config).eval()
    assert again(batch).equal(net(batch))


def test_defaults_are_the_published_sizes():
    """Vectors of 300, four heads over 2,048 features."""
    data = DataSizes(9_000, dims={"frames": 2048}, classes={"verb": 72, "adverb": 6})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert net.actions.shape == (72, 300)
    assert [tuple(w.shape) for w in net.modifiers] == [(300, 300)] * 6
    assert net.video.key.weight.shape == (300, 2048)
    assert (net.video.heads, net.video.dropout.p) == (4, 0.1)
