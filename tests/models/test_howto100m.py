"""Miech et al. 2019, equation by equation, against sums written out longhand."""

import pytest
import torch

from models.howto100m import Config, Model, pair_weights
from models.official._loading import official_names
from models.official.howto100m import KEYS, Released, config_of
from models.parts.contract import DataSizes
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
    net = toy.built(Model)
    captions = toy.batch(net).captions
    captions.words[0, 0], captions.words[0, 2], captions.words[1, 0] = 1, 3, 2
    pooled = net.pooled(captions)
    for row in range(4):
        ids = [int(w) for w, m in zip(captions.words[row], captions.mask[row], strict=True) if m]
        each = [
            (net.word.weight @ net.words.weight[i] + net.word.bias).clamp(min=0)
            for i in ids
            if i > 3
        ]
        torch.testing.assert_close(pooled[row], torch.stack(each).amax(0))


def test_the_first_words_alone_are_read():
    """Words beyond `max_words` change nothing; those before do."""
    net = toy.built(Model, max_words=3)
    captions = toy.batch(net).captions
    captions.words += 4 * captions.mask
    net.words = torch.nn.Embedding(40, 64)
    before = net.pooled(captions)
    captions.words[0, 3] = 39
    assert net.pooled(captions).equal(before)
    captions.words[0, 2] = 38
    assert not net.pooled(captions).equal(before)


def test_a_clip_is_its_largest_features_of_unit_length():
    """Step (b): 2-D and 3-D each by itself, zeros where one is missing."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    x = net.clip_vector(clips)
    missing = 0
    for row in range(4):
        parts = []
        for name in ("frames", "motion"):
            steps = clips.features[name][row][clips.mask[name][row]]
            missing += not len(steps)
            zeros = torch.zeros(clips.features[name].shape[2])
            parts.append(unit(torch.stack(list(steps)).amax(0)) if len(steps) else zeros)
        torch.testing.assert_close(x[row], torch.cat(parts))
    assert missing


def test_the_gated_units_longhand():
    """Eqs. (2) and (3): one for the sentences, one for the clips; the gate has no batch norm."""
    net = toy.built(Model).train()
    batch = toy.batch(net)
    p, x = net.pooled(batch.captions), net.clip_vector(batch.clips)
    for row in range(4):
        torch.testing.assert_close(net.encode_text(batch.captions)[row], gated(net.text, p[row]))
        torch.testing.assert_close(net.encode_video(batch.clips)[row], gated(net.video, x[row]))


def test_scores_are_cosines_of_gated_sides():
    """Eq. (1), one pair at a time."""
    net = toy.built(Model)
    batch = toy.batch(net)
    p, x, scores = net.pooled(batch.captions), net.clip_vector(batch.clips), net(batch)
    for i in range(4):
        for j in range(4):
            cosine = longhand.cosine(gated(net.text, p[i]), gated(net.video, x[j]))
            assert scores[i, j].item() == pytest.approx(cosine, abs=1e-6)


def test_half_of_the_weight_of_a_row_is_on_its_own_video():
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
def test_the_loss_longhand(cut):
    """Eq. (4): the wrong ones of all pairs, weighted where clips share a video."""
    net = toy.built(Model, hard_negative_rate=0.8)
    batch = toy.batch(net)
    s = net(batch).tolist()
    batch.clips.video = VIDEO if cut else None
    total = 0.0
    for i in range(4):
        for j in range(4):
            h = max(0.0, 0.1 + s[i][j] - s[i][i]) + max(0.0, 0.1 + s[i][j] - s[j][j])
            weight = (1.6 if VIDEO[i] == VIDEO[j] else 0.4) if cut else 1.0
            total += weight * h / 16 if i != j else 0.0
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-5)


def test_as_released_short_sentences_have_a_floor():
    """Q1: the zeros that fill a sentence give relu(b); one of `max_words` words has none."""
    released, net = (toy.built(kind, max_words=7) for kind in (Released, Model))
    captions = toy.batch(net).captions
    captions.words += 3 * (captions.mask & (captions.words < 4))
    floor = net.word.bias.clamp(min=0)
    pooled, plain = released.pooled(captions), net.pooled(captions)
    assert captions.mask.sum(1).tolist()[0] == 7
    assert pooled[0].equal(plain[0])
    for row in range(1, 4):
        assert pooled[row].equal(torch.maximum(plain[row], floor))
    assert not pooled.equal(plain)


def test_as_released_a_caption_s_own_clip_is_in_the_mean():
    """Q2: a constant, 2m on the diagonal; it moves the loss and no weight."""
    released, net = (toy.built(kind, max_words=1) for kind in (Released, Model))
    batch = toy.batch(net)
    released.pooled = net.pooled  # Q1 apart
    for batch.clips.video in (None, VIDEO):
        difference = released.loss(batch) - net.loss(batch)
        assert difference.item() == pytest.approx(2 * 0.1 / 4, rel=1e-4)


def official(net):
    """A model's weights under the released code's names, and one that is not used."""
    own = net.state_dict()
    weights = {key: own[name] for key, name in official_names(net, KEYS).items()}
    return weights | {"GU_text.cg.batch_norm.weight": torch.ones(3)}


def test_sizes_are_read_from_official_weights():
    """Batch norms are left out; word vectors are not among the weights."""
    net = toy.built(Model, DataSizes(30, dims={"frames": 6, "motion": 6}))
    again = Model.from_official(official(net))
    assert isinstance(again, Released)
    assert again.config == net.config
    assert again.data.dims == net.data.dims
    for name, weight in again.named_parameters():
        assert name == "words.weight" or weight.equal(net.get_parameter(name))


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named, and so is one that nobody knows."""
    with pytest.raises(ValueError, match=r"text_pooling\.fc\.weight is missing"):
        config_of({})
    net = toy.built(Model, DataSizes(30, dims={"frames": 6, "motion": 6}))
    with pytest.raises(ValueError, match=r"GU_text\.extra is unknown"):
        Model.from_official(official(net) | {"GU_text.extra": torch.ones(1)})


def test_defaults_are_the_published_sizes():
    """300 numbers of a word, 2048 and 2048 of a clip, 4096 in common."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims={"frames": 2048, "motion": 2048}))
    assert net.word.in_features == 300
    assert net.video.embed.in_features == net.video.embed.out_features == 4096
