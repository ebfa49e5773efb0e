"""Miech et al. 2018, expert by expert, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.moee import AUDIO, Config, Model, NetVLAD, official_prefixes, sizes
from models.official._loading import official_names
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


def test_netvlad_longhand():
    """Eq. (8): true steps only; what stands in the padding is not read; nothing pools to zero."""
    torch.manual_seed(0)
    pool, x = NetVLAD(3, 2).eval(), torch.randn(3, 5, 3)
    pool.norm.running_mean[:], pool.norm.running_var[:] = torch.tensor([[0.3, -0.2], [2.0, 0.5]])
    mask = torch.arange(5) < torch.tensor([5, 2, 0])[:, None]
    found = pool(x, mask)
    torch.testing.assert_close(found[0], vlad(pool, x[0]))
    torch.testing.assert_close(found[1], vlad(pool, x[1, :2]))
    assert not found[2].any()


def test_one_step_alone_is_normalised_by_what_was_seen_before():
    """In training too: one row has no variance."""
    pool, x = NetVLAD(3, 2), torch.randn(1, 1, 3)
    trained = pool.train()(x, torch.ones(1, 1, dtype=torch.bool))
    torch.testing.assert_close(trained, pool.eval()(x, torch.ones(1, 1, dtype=torch.bool)))


def test_each_expert_has_a_space_of_its_own_on_both_sides():
    """Eqs. (1) to (3): audio through NetVLAD, the others by their mean step."""
    net, (captions, clips) = toy.built(Model), toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    for i, (name, _) in enumerate(net.config.experts):
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
    """Eqs. (4) to (6): the sentence's weights over the experts that this video has."""
    net, (captions, clips) = toy.built(Model, mixture=mixture, missing=missing), toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores, names = net.similarity(text, video), [name for name, _ in net.config.experts]
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


@pytest.mark.parametrize("released", [False, True])
def test_the_loss_longhand(released):
    """Eq. (7): both directions over all pairs of the batch; Q2: as released each pair itself too."""
    net, batch = toy.built(Model, as_released=released), toy.batch(Model)
    rows, columns = longhand.hinges(net(*batch).tolist(), 0.2)
    wanted = sum(map(sum, rows + columns)) + (2 * 4 * 0.2 if released else 0)
    assert net.loss(*batch).item() == pytest.approx(wanted / (2 * 4**2), rel=1e-5)


def test_an_expert_a_video_lacks_has_no_say():
    """Whatever stands in its place, and whoever asks: unlike the variant that counts it."""
    batch, lacking = toy.batch(Model), {}
    for missing in ("left out", "counted"):
        net, (captions, clips) = toy.built(Model, missing=missing), toy.batch(Model)
        before = net(captions, clips)
        for name in clips.mask:
            clips.features[name][~clips.mask[name].any(1)] = 7.0
        torch.testing.assert_close(net(captions, clips), before)
        lacking[missing] = before
    gone = torch.stack([~mask.any(1) for mask in batch[1].mask.values()], 1).any(1)
    assert gone.any()
    same = (lacking["left out"] - lacking["counted"]).abs().amax(0) < 1e-6
    assert same.tolist() == (~gone).tolist()


def test_one_space_reads_the_features_side_by_side():
    """The baseline: each of unit length, audio by its largest values; the score is a cosine."""
    net, (captions, clips) = toy.built(Model, fusion="single"), toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores = net.similarity(text, video)
    for j in range(4):
        parts = []
        for name, dim in net.config.experts:
            steps = clips.features[name][j][clips.mask[name][j]]
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
    net, batch = toy.built(Model, as_released=True), toy.batch(Model)
    one, two = net(*toy.padded(*batch, 1)), net(*toy.padded(*batch, 5))
    assert (one - two).abs().max() > 1e-4
    captions, clips = batch
    h = vlad(net.text_pooling, net.words(captions.words[2]) * captions.mask[2][:, None])
    torch.testing.assert_close(net.encode_text(captions).embedding[0][2], unit(net.text_unit[0], h))
    single = toy.built(Model, as_released=True, fusion="single")
    lowest = single.pooled(AUDIO, toy.padded(*batch, 1)[1])
    torch.testing.assert_close(
        lowest, toy.built(Model, fusion="single").pooled(AUDIO, clips).relu()
    )


def test_sizes_are_read_from_official_weights():
    """Experts, clusters and widths are told by the released weights, whatever the units' order."""
    experts = ((AUDIO, 4), ("face", 5), ("motion", 6), ("visual", 7))
    net = Model(replace(Config.small(), experts=experts, shared=(3, 5, 7, 9)))
    own = net.state_dict()
    weights = {
        key: own[name] for key, name in official_names(net, official_prefixes(net.config)).items()
    }
    assert weights["mee.video_GU.0.fc.weight"].shape == (5, 5)
    again = Model.from_official(weights)
    assert (again.config.experts, again.config.shared) == (experts, (3, 5, 7, 9))
    assert again.config.as_released
    for name, weight in again.named_parameters():
        assert name == "words.weight" or weight.equal(own[name])


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named."""
    with pytest.raises(ValueError, match=r"text_pooling\.clusters is missing"):
        sizes({})


def test_defaults_are_the_published_sizes():
    """9600 numbers of a sentence, 2048 of the audio, spaces as wide as the features."""
    with torch.device("meta"):
        net = Model(Config())
    assert {u.embed.in_features for u in net.text_unit} == {9600}
    assert [u.embed.in_features for u in net.video_unit] == [2048, 128, 1024, 2048]
    assert [u.embed.out_features for u in net.video_unit] == [128, 128, 1024, 2048]
