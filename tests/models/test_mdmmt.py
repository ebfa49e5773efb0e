"""Dzabraev et al. 2021, token by token, against sums written out longhand."""

import pytest
import torch

from models.mdmmt import EXPERTS, Config, Model
from models.official._loading import official_names
from models.official.mdmmt import Released, ReleasedConfig, config_of, load, prefixes
from models.parts.contract import DataSizes
from models.parts.transformer import split_qkv
from tests.models import longhand, toy

RATES = {"audio": 8, "frames": 4, "motion": 1}


def unit(x):
    """A vector cut to length 1."""
    return x / sum(x**2) ** 0.5


def affine(layer, x):
    """Rows of the weight, one after the other."""
    return torch.stack([sum(w * x) for w in layer.weight]) + layer.bias


@torch.no_grad()
def test_one_sequence_holds_every_expert_its_kind_and_its_seconds():
    """Eqs. (1), (2), (3) and (4): the tokens of one clip, built one by one, through the transformer."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    video = net.encode_video(clips).unflatten(1, (len(net.names), -1))
    assert net.names == ["motion", "frames", "audio"]
    for row in range(4):
        kinds, places = net.video.segments.weight, net.video.positions.weight
        tokens, gathers = [kinds[0] + places[0]], {}
        for name in net.names:
            steps = clips.features[name][row][clips.mask[name][row]][:16]
            if not len(steps):
                continue  # no token attends to that of a missing expert
            gathers[name] = len(tokens)
            kind = kinds[EXPERTS.index(name) + 1]
            tokens.append(unit(affine(net.project[name], steps.amax(0))) + kind + places[0])
            for k, x in enumerate(steps):
                second = int(2 + (k + 0.5) / RATES[name])
                tokens.append(unit(affine(net.project[name], x)) + kind + places[second])
        states = net.video.blocks(net.video.norm(torch.stack(tokens))[None])[0]
        for name, at in gathers.items():
            expected = unit(states[at])
            got = video[row, net.names.index(name)]
            torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_only_the_first_steps_are_read_and_pooled():
    """The rest changes neither the tokens nor where A_m starts."""
    net = toy.built(Model, max_steps=3)
    clips = toy.batch(net).clips
    before = net.encode_video(clips)
    clips.features["frames"][:, 3:] = 1e3
    torch.testing.assert_close(net.encode_video(clips), before)
    assert net.tokens("frames", clips)[0].shape[1] == 4


@torch.no_grad()
def test_a_sentence_has_an_embedding_and_a_weight_for_each_expert():
    """Eqs. (5), (6) and (7): gated units and a softmax of the first state, weighted inner products."""
    net = toy.built(Model)
    batch = toy.batch(net)
    captions, video = batch.captions, net.encode_video(batch.clips)
    video, scores = video.unflatten(1, (len(net.names), -1)), net(batch)
    for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
        alone = words[mask][None]
        h = net.text(alone, torch.ones_like(alone, dtype=torch.bool))[0, 0]
        logits = [affine(net.text_weight[m], h).exp().item() for m in net.names]
        total = torch.zeros(4)
        for i, (m, logit) in enumerate(zip(net.names, logits, strict=True)):
            head = net.text_head[m]
            x = affine(head.embed, h)
            opening = head.gate.norm(affine(head.gate.affine, x)[None])[0]
            t = unit(x / (1 + torch.exp(-opening)))
            for j in range(4):
                total[j] += logit / sum(logits) * sum(t * video[j, i])
        torch.testing.assert_close(scores[row], total, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_missing_expert_keeps_its_weight():
    """Its vector is what the transformer makes of the others: of unit length."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    clips.mask["motion"][1] = False
    video = net.encode_video(clips).unflatten(1, (len(net.names), -1))
    assert video[1].norm(dim=1).tolist() == pytest.approx([1.0] * len(net.names), abs=1e-5)
    clips.features["motion"][1] = 1e3
    again = net.encode_video(clips).unflatten(1, (len(net.names), -1))
    torch.testing.assert_close(again[1], video[1])


@torch.no_grad()
def test_one_expert_has_no_weight():
    """It counts whole."""
    net = toy.built(Model, left_out=("audio", "motion"))
    t, w = net.text_parts(toy.batch(net).captions)
    assert w.tolist() == [[1.0]] * 4
    assert t.shape[1] == 1
    assert not hasattr(net, "text_weight")


@pytest.mark.parametrize("kind", [Model, Released])
def test_the_loss_longhand(kind):
    """Eq. (8) and Q1: the hinge over the wrong pairs, over the batch; as released, its mean."""
    net = toy.built(kind)
    batch = toy.batch(net)
    rows, columns = longhand.hinges(net(batch).tolist(), 0.05)
    terms = [term for line in rows + columns for term in line]
    over = len(terms) if kind is Released else 4
    assert net.loss(batch).item() == pytest.approx(sum(terms) / over, rel=1e-4)


def test_steps_without_a_rate_have_no_time():
    """D2: their position is 1; seconds beyond the table share its last row."""
    net = toy.built(Model, rates=(("frames", 0.01),))
    clips = toy.batch(net).clips
    assert net.tokens("motion", clips)[3][0, :3].tolist() == [0, 1, 1]
    assert net.tokens("frames", clips)[3][0, :3].tolist() == [0, 31, 31]


def released_weights(net):
    """A checkpoint's weights, queries, keys and values apart."""
    own = net.state_dict()
    return split_qkv({key: own[name] for key, name in official_names(net, prefixes(net)).items()})


@torch.no_grad()
def test_a_checkpoint_is_two_parts_with_layers_that_nothing_calls():
    """`vid_state_dict` and `txt_state_dict`; the poolers are not loaded."""
    torch.manual_seed(0)
    config = ReleasedConfig(**vars(toy.config_of(Model)))
    net = Released(config, toy.sizes(Model, config)).eval()
    weights = released_weights(net)
    rooms = {
        "vid_state_dict": {"vid_bert.pooler.dense.weight": torch.ones(1)},
        "txt_state_dict": {},
    }
    for key, weight in weights.items():
        side, _, name = key.partition(".")
        rooms["vid_state_dict" if side == "video" else "txt_state_dict"][name] = weight
    again = load(rooms, config).eval()
    batch = toy.batch(net)
    torch.testing.assert_close(again(batch), net(batch))


def test_options_that_are_not_the_paper_s_are_refused():
    """Experts of other numbers, another activation."""
    config = ReleasedConfig(**vars(toy.config_of(Model)))
    weights = load(released_weights(Released(config, toy.sizes(Model, config)))).state_dict()
    assert weights
    state = released_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="expert CLIP is not number 3"):
        config_of(state, {"expert_dims": {"CLIP": {"idx": 3, "max_tok": 5}}})
    with pytest.raises(ValueError, match="activation of txt_bert"):
        config_of(state, {"txt_bert": {"hidden_act": "relu"}})


def test_defaults_are_the_published_sizes():
    """Nine blocks of eight heads over tokens of 512 numbers, three experts."""
    dims = {"audio": 128, "frames": 512, "motion": 2048}
    with torch.device("meta"):
        net = Model(Config(), DataSizes(28_996, dims=dims))
    assert len(net.video.blocks.layers) == 9
    assert net.video.blocks.layers[0].self_attn.num_heads == 8
    assert net.project["motion"].weight.shape == (512, 2048)
    assert net.text_head["audio"].embed.weight.shape == (512, 768)
