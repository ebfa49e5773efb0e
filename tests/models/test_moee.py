"""Miech et al. 2018, expert by expert, against sums written out longhand."""

import pytest
import torch

from models.moee import AUDIO, Config, Model
from models.official._loading import official_names
from models.official.moee import Released, config_of, prefixes
from models.parts.contract import DataSizes
from tests.models import longhand, toy


def vlad(pool, x):
    """NetVLAD of one sequence, step by step and cluster by cluster."""
    bn, (dim, clusters) = pool.norm, pool.clusters.shape
    v = torch.zeros(dim, clusters)
    for step in x:
        logits = []
        for k in range(clusters):
            z = (step @ pool.clusters[:, k] - bn.running_mean[k]) / (
                bn.running_var[k] + 1e-5
            ) ** 0.5
            logits.append(z * bn.weight[k] + bn.bias[k])
        total = sum(torch.exp(z) for z in logits)
        for k in range(clusters):
            v[:, k] += torch.exp(logits[k]) / total * (step - pool.centres[0, :, k])
    columns = [v[:, k] / sum(v[:, k] ** 2) ** 0.5 for k in range(clusters)]
    flat = torch.stack([columns[k][d] for d in range(dim) for k in range(clusters)])
    return flat / sum(flat**2) ** 0.5


def unit(layer, x):
    """A gated unit of one row; its normalisation is fresh: a mean of 0, a variance of 1."""
    z = layer.embed.weight @ x + layer.embed.bias
    g = (layer.gate.affine.weight @ z + layer.gate.affine.bias) / (1 + 1e-5) ** 0.5
    z = z / (1 + torch.exp(-g))
    return z / sum(z**2) ** 0.5


def test_each_expert_has_a_space_of_its_own_on_both_sides():
    """Eqs. (1), (2), (3) and (8): words and audio by NetVLAD, other experts by their mean step."""
    net = toy.built(Model)
    batch = toy.batch(net)
    captions, clips = batch.captions, batch.clips
    text, video = net.encode_text(captions), net.encode_video(clips)
    for i, name in enumerate(net.data.dims):
        for row in range(4):
            h = vlad(net.text_pooling, net.words(captions.words[row][captions.mask[row]]))
            torch.testing.assert_close(text.embedding[i][row], unit(net.text_unit[i], h))
            steps = clips.features[name][row][clips.mask[name][row]]
            if len(steps):
                x = vlad(net.audio_pooling, steps) if name == AUDIO else sum(steps) / len(steps)
                torch.testing.assert_close(video.embedding[i][row], unit(net.video_unit[i], x))


@pytest.mark.parametrize("mixture", ["learned", "uniform"])
@pytest.mark.parametrize("missing", ["left out", "counted"])
def test_scores_longhand(mixture, missing):
    """Eqs. (4), (5) and (6): the sentence's weights over the experts that this video has."""
    net = toy.built(Model, mixture=mixture, missing=missing)
    batch = toy.batch(net)
    captions, clips = batch.captions, batch.clips
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores, names = net.similarity(text, video), list(net.data.dims)
    for i in range(4):
        w = [0.2] * 5
        if mixture == "learned":
            h = vlad(net.text_pooling, net.words(captions.words[i][captions.mask[i]]))
            e = torch.exp(net.mixture.weight @ h + net.mixture.bias)
            w = (e / sum(e)).tolist()
        for j in range(4):
            there = [m for m, name in enumerate(names) if clips.mask[name][j].any()]
            there = range(5) if missing == "counted" else there
            dots = [sum(text.embedding[m][i] * video.embedding[m][j]).item() for m in there]
            wanted = sum(w[m] * dot for m, dot in zip(there, dots, strict=True))
            assert scores[i, j].item() == pytest.approx(wanted / sum(w[m] for m in there), abs=1e-5)


@pytest.mark.parametrize("kind", [Model, Released])
def test_the_loss_longhand(kind):
    """Eq. (7): both directions over all pairs of the batch; Q2: as released each pair itself too."""
    net = toy.built(kind)
    batch = toy.batch(net)
    rows, columns = longhand.hinges(net(batch).tolist(), 0.2)
    total = sum(map(sum, rows + columns)) + (2 * 4 * 0.2 if kind is Released else 0)
    assert net.loss(batch).item() == pytest.approx(total / (2 * 4**2), rel=1e-5)


def test_an_expert_that_a_video_lacks_does_not_count():
    """Whatever stands in its place, whatever the sentence: unlike the variant that counts it."""
    scores = {}
    for missing in ("left out", "counted"):
        net = toy.built(Model, missing=missing)
        batch = toy.batch(net)
        scores[missing] = net(batch)
        for name, mask in batch.clips.mask.items():
            batch.clips.features[name][~mask.any(1)] = 7.0
        torch.testing.assert_close(net(batch), scores[missing])
    lacking = torch.stack([~mask.any(1) for mask in batch.clips.mask.values()], 1).any(1)
    assert lacking.any()
    same = (scores["left out"] - scores["counted"]).abs().amax(0) < 1e-6
    assert same.tolist() == (~lacking).tolist()


def test_one_space_reads_the_features_side_by_side():
    """The baseline: each of unit length, audio by its largest values; the score is a cosine."""
    net = toy.built(Model, fusion="single")
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.similarity(text, video)
    for j in range(4):
        parts = []
        for name, dim in net.data.dims.items():
            steps = batch.clips.features[name][j][batch.clips.mask[name][j]]
            pooled = torch.zeros(dim)
            if len(steps):
                pooled = steps.amax(0) if name == AUDIO else steps.mean(0)
                pooled = pooled / sum(pooled**2) ** 0.5
            parts.append(pooled)
        torch.testing.assert_close(video.embedding[0][j], unit(net.video_unit[0], torch.cat(parts)))
        for i in range(4):
            cosine = longhand.cosine(text.embedding[0][i], video.embedding[0][j])
            assert scores[i, j].item() == pytest.approx(cosine, abs=1e-6)


def test_as_released_the_padding_is_pooled():
    """Q1: more steps of zeros give other scores, and whatever stands in them is a zero."""
    net = toy.built(Released)
    batch = toy.batch(net)
    captions, clips = batch.captions, batch.clips
    one, two = net(toy.padded(batch, 1)), net(toy.padded(batch, 5))
    assert (one - two).abs().max() > 1e-4
    h = vlad(net.text_pooling, net.words(captions.words[2]) * captions.mask[2][:, None])
    torch.testing.assert_close(net.encode_text(captions).embedding[0][2], unit(net.text_unit[0], h))
    released, plain = (toy.built(kind, fusion="single") for kind in (Released, Model))
    wide = toy.padded(batch, 1).clips
    torch.testing.assert_close(released.pooled(AUDIO, wide), plain.pooled(AUDIO, clips).relu())


def official(net):
    """A model's weights under the released code's names."""
    own = net.state_dict()
    return {key: own[name] for key, name in official_names(net, prefixes(net.config)).items()}


def test_experts_are_read_from_official_weights():
    """Units are numbered face, audio, visual, motion; the mixture has audio, face, motion, visual."""
    dims = {AUDIO: 4, "face": 5, "motion": 6, "frames": 7}
    change = {"shared": None, "single": 2048, "widths": (3, 5, 7, 9)}
    net = toy.built(Released, DataSizes(30, dims=dims), **change)
    weights = official(net)
    assert weights["mee.video_GU.0.fc.weight"].shape == (5, 5)
    assert weights["mee.video_GU.2.fc.weight"].shape == (9, 7)
    again = Model.from_official(weights)
    assert again.config == net.config
    assert list(again.data.dims.items()) == list(dims.items())
    for name, weight in again.named_parameters():
        assert name == "words.weight" or weight.equal(net.get_parameter(name))


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named, and so are experts in another order."""
    with pytest.raises(ValueError, match=r"text_pooling\.clusters is missing"):
        config_of({})
    with pytest.raises(ValueError, match="the experts are face, audio, not face, audio, visual"):
        config_of({}, {"video_modality_order": ["face", "audio"]})


def test_defaults_are_the_published_sizes():
    """9600 numbers of a sentence, 2048 of the audio, spaces as wide as the features."""
    dims = {AUDIO: 128, "face": 128, "motion": 1024, "frames": 2048}
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims=dims))
    assert {u.embed.in_features for u in net.text_unit} == {9600}
    assert [u.embed.in_features for u in net.video_unit] == [2048, 128, 1024, 2048]
    assert [u.embed.out_features for u in net.video_unit] == [128, 128, 1024, 2048]
