"""Miech et al. 2019, equation by equation, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.howto100m import OFFICIAL, Config, Model, pair_weights, sizes
from models.parts.official import official_names
from tests.models import longhand, toy

VIDEO = torch.tensor([0, 0, 1, 1])  # clips 0 and 1 were cut from one video, 2 and 3 from another


def unit(x):
    """A vector over its length."""
    return x / (x**2).sum() ** 0.5


def gated(layer, x):
    """Eq. (2), one row."""
    z = layer.embed.weight @ x + layer.embed.bias
    affine = layer.gate.affine
    gate = 1 / (1 + torch.exp(-(affine.weight @ z + affine.bias)))
    return unit(z * gate)


def test_a_sentence_is_the_maximum_over_its_known_words():
    """Step (a) and D1: marks of beginning and end and unknown words are left out."""
    net, (captions, _) = toy.built(Model), toy.batch(Model)
    captions.words[0, 0], captions.words[0, 2], captions.words[1, 0] = 1, 3, 2
    found = net.pooled(captions)
    for row in range(4):
        ids = [int(w) for w, m in zip(captions.words[row], captions.mask[row], strict=True) if m]
        each = [
            (net.word.weight @ net.words.weight[i] + net.word.bias).clamp(min=0)
            for i in ids
            if i > 3
        ]
        torch.testing.assert_close(found[row], torch.stack(each).amax(0))


def test_the_first_words_alone_are_read():
    """Words beyond `max_words` change nothing; those before do."""
    net, (captions, _) = toy.built(Model, max_words=3), toy.batch(Model)
    captions.words += 4 * captions.mask
    net.words = torch.nn.Embedding(40, 64)
    before = net.pooled(captions)
    captions.words[0, 3] = 39
    assert net.pooled(captions).equal(before)
    captions.words[0, 2] = 38
    assert not net.pooled(captions).equal(before)


def test_a_clip_is_its_largest_features_of_unit_length():
    """Step (b): 2-D and 3-D each by itself, zeros where one is missing."""
    net, (_, clips) = toy.built(Model), toy.batch(Model)
    found = net.clip_vector(clips)
    missing = 0
    for row in range(4):
        parts = []
        for name in ("frames", "motion"):
            steps = clips.features[name][row][clips.mask[name][row]]
            missing += not len(steps)
            zeros = torch.zeros(steps.shape[1])
            parts.append(unit(torch.stack(list(steps)).amax(0)) if len(steps) else zeros)
        torch.testing.assert_close(found[row], torch.cat(parts))
    assert missing


def test_the_gated_units_longhand():
    """Eqs. (2) and (3): one for the sentences, one for the clips; nothing is normalised in the gate."""
    net, (captions, clips) = toy.built(Model).train(), toy.batch(Model)
    p, x = net.pooled(captions), net.clip_vector(clips)
    for row in range(4):
        torch.testing.assert_close(net.encode_text(captions)[row], gated(net.text, p[row]))
        torch.testing.assert_close(net.encode_video(clips)[row], gated(net.video, x[row]))


def test_scores_are_cosines_of_gated_sides():
    """Eq. (1), one pair at a time."""
    net, (captions, clips) = toy.built(Model), toy.batch(Model)
    p, x, scores = net.pooled(captions), net.clip_vector(clips), net(captions, clips)
    for i in range(4):
        for j in range(4):
            wanted = longhand.cosine(gated(net.text, p[i]), gated(net.video, x[j]))
            assert scores[i, j].item() == pytest.approx(wanted, abs=1e-6)


def test_half_of_what_a_clip_is_held_against_is_of_its_own_video():
    """Eq. (5): hnr of a row for the same video, the rest for the others; a row's mean is 1."""
    weights = pair_weights(VIDEO, 0.5)
    assert weights[0].tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0])
    weights = pair_weights(VIDEO, 0.8)
    assert weights[0].tolist() == pytest.approx([1.6, 1.6, 0.4, 0.4])
    assert weights.mean(1).tolist() == pytest.approx([1.0] * 4)
    uneven = pair_weights(torch.tensor([0, 0, 0, 1]), 0.5)
    assert uneven[3].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])
    assert uneven.mean(1).tolist() == pytest.approx([1.0] * 4)
    assert pair_weights(torch.zeros(3, dtype=torch.long), 0.5).isfinite().all()


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_longhand(cut, weighted):
    """Eq. (4): over all pairs, wrong ones count, weighted where clips share a video."""
    net = toy.built(Model, hard_negative_rate=0.8, negative_weighting=weighted)
    captions, clips = toy.batch(Model)
    s = net(captions, clips).tolist()
    clips.video = VIDEO if cut else None
    wanted = 0.0
    for i in range(4):
        for j in range(4):
            h = max(0.0, 0.1 + s[i][j] - s[i][i]) + max(0.0, 0.1 + s[i][j] - s[j][j])
            same = VIDEO[i] == VIDEO[j]
            weight = (1.6 if same else 0.4) if cut and weighted else 1.0
            wanted += weight * h / 16 if i != j else 0.0
    assert net.loss(captions, clips).item() == pytest.approx(wanted, rel=1e-5)


def test_as_released_short_sentences_have_a_floor():
    """Q1: the zeros that fill a sentence give relu(b); one of `max_words` words has none."""
    released, net = (toy.built(Model, as_released=on, max_words=7) for on in (True, False))
    captions, _ = toy.batch(Model)
    captions.words += 3 * (captions.mask & (captions.words < 4))
    floor = net.word.bias.clamp(min=0)
    found, plain = released.pooled(captions), net.pooled(captions)
    assert captions.mask.sum(1).tolist()[0] == 7
    assert found[0].equal(plain[0])
    for row in range(1, 4):
        assert found[row].equal(torch.maximum(plain[row], floor))
    assert not found.equal(plain)


def test_as_released_a_caption_s_own_clip_is_in_the_mean():
    """Q2: a constant, 2m on the diagonal; it moves the loss and no weight."""
    batch = toy.batch(Model)
    nets = [toy.built(Model, as_released=on, max_words=1) for on in (True, False)]
    for net in nets:
        net.pooled = nets[0].pooled  # Q1 apart
    scores = nets[1](*batch)
    losses = [net.max_margin(scores, None) for net in nets]
    assert (losses[0] - losses[1]).item() == pytest.approx(2 * 0.1 / 4, rel=1e-5)
    weighted = [net.max_margin(scores, VIDEO) for net in nets]
    assert (weighted[0] - weighted[1]).item() == pytest.approx(2 * 0.1 / 4, rel=1e-5)


def test_sizes_are_read_from_official_weights():
    """Batch norms that nothing runs through are passed over; word vectors are not among them."""
    experts = (("frames", 6), ("motion", 6))
    net = Model(replace(Config.small(), vocabulary=30, experts=experts))
    own = net.state_dict()
    weights = {key: own[name] for key, name in official_names(net, OFFICIAL).items()}
    weights["GU_text.cg.batch_norm.weight"] = torch.ones(3)
    again = Model.from_official(weights)
    assert again.config.as_released
    assert again.config.experts == experts
    for name, weight in again.named_parameters():
        if name != "words.weight":
            assert weight.equal(own[name])


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named."""
    with pytest.raises(ValueError, match=r"text_pooling\.fc\.weight is missing"):
        sizes({})


def test_defaults_are_the_published_sizes():
    """300 numbers a word, 2048 and 2048 a clip, 4096 in common."""
    with torch.device("meta"):
        net = Model(Config())
    assert net.word.in_features == 300
    assert net.video.embed.in_features == net.video.embed.out_features == 4096
