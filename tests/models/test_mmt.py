"""Gabeur et al. 2020, token by token, against sums written out longhand."""

import pytest
import torch

from models.mmt import Config, Model
from models.official._loading import official_names
from models.official.mmt import KINDS, THEIRS, UNUSED, Released, config_of, prefixes
from models.parts.batch import Captions
from models.parts.contract import DataSizes
from models.parts.transformer import split_qkv
from tests.models import longhand, toy


def unit(x):
    """A vector cut to length 1."""
    return x / sum(x**2) ** 0.5


def affine(layer, x):
    """Rows of the weight, one after the other."""
    return torch.stack([sum(w * x) for w in layer.weight]) + layer.bias


def features(net, clips, row, name):
    """(first features of A_m, features of the steps) of one expert and one clip."""
    steps = clips.features[name][row][clips.mask[name][row]]
    r = [unit(affine(net.project[name], x)) for x in steps]
    most = steps.amax(0) if len(steps) else torch.zeros(clips.features[name].shape[2])
    return unit(affine(net.project[name], most)), r


def test_one_sequence_holds_every_expert_its_kind_and_its_seconds():
    """Eqs. (1), (2), (3) and (4): the tokens of one clip, built one by one, through the transformer alone."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    video, _ = net.encode_video(clips)
    rates = {"audio": 8, "frames": 4, "motion": 1}
    for row in range(4):
        tokens = [net.video.segments.weight[0] + net.video.positions.weight[0]]
        gathers = {}
        for name in net.names:
            start, steps = features(net, clips, row, name)
            if not steps:
                continue  # no token attends to that of a missing expert
            gathers[name] = len(tokens)
            for k, r in enumerate([start, *steps]):
                second = 1 if name not in rates else int(2 + (k - 0.5) / rates[name])
                place = net.video.positions.weight[second if k else 0]
                tokens.append(r + net.video.segments.weight[1 + net.names.index(name)] + place)
        states = net.video.blocks(net.video.norm(torch.stack(tokens))[None])[0]
        for name, at in gathers.items():
            embedding = video[row, net.names.index(name)]
            torch.testing.assert_close(embedding, unit(states[at]), atol=1e-5, rtol=1e-4)


def test_a_sentence_has_an_embedding_and_a_weight_for_each_expert():
    """Eqs. (5) and (6): from the state at its first word, its padding unread."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    text, weights = net.encode_text(captions)
    for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
        alone = words[mask][None]
        h = net.text(alone, torch.ones_like(alone, dtype=torch.bool))[0, 0]
        logits = [affine(net.text_weight[m], h).exp() for m in net.names]
        for i, (m, logit) in enumerate(zip(net.names, logits, strict=True)):
            unit_m = net.text_head[m]
            x = affine(unit_m.embed, h)
            opening = unit_m.gate.norm(affine(unit_m.gate.affine, x)[None])[0]
            gate = 1 / (1 + torch.exp(-opening))
            torch.testing.assert_close(text[row, i], unit(x * gate))
            assert weights[row, i].item() == pytest.approx((logit / sum(logits)).item(), rel=1e-5)


@pytest.mark.parametrize("kind", [Model, Released])
def test_scores_are_a_mixture_over_the_experts_of_the_video(kind):
    """Eq. (7), pair by pair; as released (Q1) an expert that the video lacks counts too."""
    net = toy.built(kind)
    batch = toy.batch(net)
    (t, a), (v, b) = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.similarity((t, a), (v, b))
    mask, lacking = batch.clips.mask, 0
    for i in range(4):
        for j in range(4):
            counts = [k for k, m in enumerate(net.names) if kind is Released or mask[m][j].any()]
            lacking += len(net.names) - len(counts)
            parts = [a[i, k].item() * longhand.cosine(t[i, k], v[j, k]) for k in counts]
            score = sum(parts) / sum(a[i, k].item() for k in counts)
            assert scores[i, j].item() == pytest.approx(score, abs=1e-5)
    assert (lacking > 0) is (kind is Model)


def test_the_loss_longhand():
    """Eq. (8): the mean hinge over the wrong pairs, both ways."""
    net = toy.built(Model)
    batch = toy.batch(net)
    rows, columns = longhand.hinges(net(batch).tolist(), 0.05)
    terms = [term for line in rows + columns for term in line]
    assert net.loss(batch).item() == pytest.approx(sum(terms) / len(terms), rel=1e-4)


def test_gated_experts_receive_the_mean_message_of_the_others():
    """Eq. (9): pair by pair; a missing expert sends no message."""
    net = toy.built(Model, between="gating")
    clips = toy.batch(net).clips
    g, (video, _) = net.gating, net.encode_video(clips)
    for row in range(4):
        present = [m for m in net.names if clips.mask[m][row].any()]
        r = {m: features(net, clips, row, m)[0] for m in present}
        for m in present:
            messages = [
                affine(g.g2, affine(g.g1, torch.cat([r[m], r[o]])).clamp(min=0))
                for o in present
                if o != m
            ]
            mean = affine(g.f2, affine(g.f1, sum(messages) / len(messages)).clamp(min=0))
            own = g.own_norm[m](affine(g.own[m], r[m])[None])[0]
            gate = 1 / (1 + torch.exp(-g.message_norm[m](mean[None])[0] - own))
            torch.testing.assert_close(video[row, net.names.index(m)], unit(r[m] * gate))


@pytest.mark.parametrize(
    ("kind", "change", "codes"),
    [
        (Model, {}, [2, 2, 2, 2, 3, 3]),
        (Model, {"time": "none"}, [1] * 6),
        (Released, {"numbered": True}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_positions_of_steps_are_seconds_or_all_the_same(kind, change, codes):
    """Four frames a second; 0 is A_m's, 1 a step's without a time. A released option: numbers."""
    net = toy.built(kind, **change)
    clips = toy.batch(net).clips
    *_, position = net.tokens("frames", net.gather_steps("frames", clips))
    assert position[0, :7].tolist() == [0, *codes]
    *_, position = net.tokens("speech", net.gather_steps("speech", clips))
    assert position[0, :3].tolist() == [0, *([1, 2] if kind is Released else [1, 1])]


@pytest.mark.parametrize("gather", ["max", "mean", "zero"])
def test_an_aggregation_token_starts_from_all_steps_even_those_left_out(gather):
    """Eq. (2) and D3: three steps are kept, all eight are pooled."""
    net = toy.built(Model, gather=gather, max_steps=3)
    clips = toy.batch(net).clips
    x, mask, *_ = net.tokens("frames", net.gather_steps("frames", clips))
    steps = clips.features["frames"][0]
    pooled = {"max": steps.amax(0), "mean": steps.mean(0)}.get(gather)
    wanted = torch.zeros(64) if pooled is None else unit(affine(net.project["frames"], pooled))
    torch.testing.assert_close(x[0, 0], wanted)
    for at, step in enumerate((0, 2, 5), start=1):
        torch.testing.assert_close(x[0, at], unit(affine(net.project["frames"], steps[step])))
    assert mask[0].tolist() == [True] * 4


def test_aggregation_tokens_alone_read_no_step():
    """The variant that the steps are held against: one token an expert."""
    net = toy.built(Model, tokens="gathering")
    clips = toy.batch(net).clips
    assert net.tokens("audio", net.gather_steps("audio", clips))[0].shape[1] == 1


def test_a_long_caption_is_cut_and_still_ends():
    """Of five words that are read, the last is <end>; a caption that fits keeps its own."""
    net = toy.built(Model, max_words=5)
    words = torch.tensor([[1, 7, 8, 9, 10, 11, 2], [1, 7, 8, 9, 10, 0, 0]])
    cut = torch.tensor([[1, 7, 8, 9, 2], [1, 7, 8, 9, 10]])
    long, short = (net.encode_text(Captions(w, w != 0)) for w in (words, cut))
    torch.testing.assert_close(long, short)


def test_length_before_it_is_one_can_weigh_a_video():
    """A released option, in place of uniform weights."""
    net = toy.built(Released, weigh_by_length=True)
    clips = toy.batch(net).clips
    experts = {m: net.gather_steps(m, clips) for m in net.names}
    lengths = net.contextual(experts)[0].norm(dim=1)
    torch.testing.assert_close(net.encode_video(clips)[1][0], lengths / lengths.sum())


def test_as_released_experts_have_the_numbers_of_its_table():
    """A table of ten rows, of which the released code numbers seven."""
    net = toy.built(Released)
    clips = toy.batch(net).clips
    assert len(net.video.segments.weight) == 10
    for name in net.names:
        *_, kind, _ = net.tokens(name, net.gather_steps(name, clips))
        assert set(kind.flatten().tolist()) == {KINDS[name]}


def official(net):
    """A model's weights under the released code's names, and some that are not used."""
    own = net.state_dict()
    names = official_names(net, prefixes(net))
    return split_qkv({key: own[name] for key, name in names.items()}) | {
        "vid_bert.pooler.dense.weight": torch.ones(2, 2),
        "f_reason_3.weight": torch.ones(2, 2),
    }


@pytest.mark.parametrize(
    "change", [{"linear_head": True}, {"between": "gating"}, {"between": "nothing"}]
)
def test_official_weights_give_the_same_scores(change):
    """A checkpoint of the released code, its experts under their own names."""
    order = sorted(toy.dims(Released, Released.Config.small()).items(), key=lambda d: THEIRS[d[0]])
    net = toy.built(Released, DataSizes(30, dims=dict(order)), **change)
    batch, weights = toy.batch(net), official(net)
    assert "moe_fc_txt.rgb.weight" in weights
    again = Model.from_official({"state_dict": weights, "epoch": 3}, net.config).eval()
    assert isinstance(again, Released)
    assert again.names == net.names == ["ocr", "frames", "motion", "speech", "audio"]
    assert again(batch).equal(net(batch))


def test_experts_and_tables_are_read_from_official_weights():
    """Without a config all else is as published, Q1 included."""
    weights = {
        "txt_bert.embeddings.word_embeddings.weight": torch.ones(40, 4),
        "vid_bert.embeddings.position_embeddings.weight": torch.ones(102, 4),
        "vid_bert.embeddings.token_type_embeddings.weight": torch.ones(19, 4),
        "video_dim_reduce.vggish.fc.weight": torch.ones(4, 128),
        "video_dim_reduce.s3d.fc.weight": torch.ones(4, 1024),
    }
    config, data = config_of(weights)
    assert config == Released.Config(positions=102, kinds=19)
    assert config.keep_missing
    assert data.vocabulary == 40
    assert list(data.dims.items()) == [("motion", 1024), ("audio", 128)]


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A table that is missing is named, and so is a query without its key."""
    for empty in ({}, {"state_dict": {}}):
        with pytest.raises(ValueError, match=r"position_embeddings\.weight is missing"):
            Model.from_official(empty)
    net = toy.built(Released)
    weights = official(net)
    del weights["vid_bert.encoder.layer.0.attention.self.key.bias"]
    with pytest.raises(ValueError, match=r"query\.bias has no equal key and value"):
        Model.from_official(weights, net.config)


def test_unused_layers_are_no_weights_of_ours():
    """Poolers and reasoning layers that the released code never calls are left out, no other."""
    keys = official(toy.built(Released, between="gating"))
    assert [key for key in keys if UNUSED.match(key)] == [
        "vid_bert.pooler.dense.weight",
        "f_reason_3.weight",
    ]


def test_defaults_are_the_published_sizes():
    """BERT-base, four blocks of 512, seven experts."""
    dims = dict(zip(KINDS, (128, 512, 2048, 1024, 300, 2208, 300), strict=True))
    with torch.device("meta"):
        net = Model(Config(), DataSizes(28_996, dims=dims))
    assert (len(net.text.blocks.layers), len(net.video.blocks.layers)) == (12, 4)
    assert {m: p.in_features for m, p in net.project.items()} == dims
    assert len(net.video.segments.weight) == 8
