"""Li et al. 2019, step by step, against sums written out longhand."""

import pytest
import torch

from models.official.w2vvpp import Released, config_of
from models.parts.contract import DataSizes
from models.w2vvpp import Config, Model
from tests.models import longhand, toy
from tests.models.releases import official_weights


def test_the_gru_is_read_as_the_mean_of_its_states():
    """Eqs. (4) and (5): over the true words of each caption, gate by gate."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    encoding = net.encoding("gru", captions)
    for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
        states = longhand.gru(net.gru, net.words(words[mask]))
        torch.testing.assert_close(encoding[row], sum(states) / len(states))


def test_bag_and_word_vectors_come_with_the_captions():
    """Eqs. (2) and (3): counts and means are made outside, each read only where it is needed."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    assert net.encoding("bow", captions).equal(captions.bow)
    assert net.encoding("w2v", captions).equal(captions.vectors["w2v"])
    assert Model.needs(net.config) == {"words", "frames", "bow", "w2v"}
    assert Model.needs(toy.config_of(Model, encoders=("gru",))) == {"words", "frames"}


def test_encodings_stand_in_the_order_of_the_released_weights():
    """Step (a) and Eq. (6): GRU, word vectors, bag; one layer, then tanh."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    u = torch.cat([net.encoding("gru", captions), captions.vectors["w2v"], captions.bow], 1)
    affine = net.text_space[0]
    for row, e in enumerate(net.encode_text(captions)):
        torch.testing.assert_close(e, torch.tanh(affine.weight @ u[row] + affine.bias))


def test_a_video_is_the_mean_of_its_frames_in_the_same_space():
    """Eq. (6) on the side of the video."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    affine = net.video_space[0]
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for row, e in enumerate(net.encode_video(clips)):
        mean = sum(frames[row][mask[row]]) / mask[row].sum()
        torch.testing.assert_close(e, torch.tanh(affine.weight @ mean + affine.bias))


def test_scores_are_cosines():
    """Eq. (1), one pair at a time."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    for i in range(4):
        for j in range(4):
            by_hand = longhand.cosine(text[i], video[j])
            assert net.similarity(text, video)[i, j].item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("hardest", [True, False])
def test_the_loss_longhand(hardest):
    """Eq. (8): the hardest wrong video of each sentence, or every wrong one."""
    net = toy.built(Model, hardest=hardest)
    batch = toy.batch(net)
    by_hand = longhand.triplet(net(batch).tolist(), 0.2, direction="t2v", hardest=hardest)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_dropout_is_on_the_common_space():
    """Where it takes everything, nothing is left of either side in training."""
    net = toy.built(Model, dropout=1.0).train()
    batch = toy.batch(net)
    assert not net.encode_text(batch.captions).any()
    assert not net.encode_video(batch.clips).any()


def test_words_start_uniform_at_word2vec_s_size_alone():
    """D1: at 500 numbers in U(-1, 1), as the words that word2vec lacks; at others in N(0, 1)."""
    wide, narrow = (toy.built(Model, word_dim=width).words.weight for width in (500, 64))
    assert wide.abs().max() <= 1.0
    assert wide.std().item() == pytest.approx(1 / 3**0.5, rel=0.1)
    assert narrow.std().item() == pytest.approx(1.0, rel=0.1)


def released(variant):
    """A released model whose two kinds of word vectors are equally wide, as the authors' are."""
    config = toy.config_of(Model, word_dim=5, **Model.variants[variant])
    return Released(config, toy.sizes(Model, config)).eval()


@pytest.mark.parametrize("variant", ["full", "bow", "gru"])
def test_a_checkpoint_of_the_released_code_is_read(variant):
    """Its two parts, with the encoders of the configuration."""
    net = released(variant)
    weights, batch = official_weights(net), toy.batch(net)
    parts = [
        {k.removeprefix(p): v for k, v in weights.items() if k.startswith(p)}
        for p in ("vis_net.", "txt_net.")
    ]
    again = Model.from_official({"model": parts}, net.config).eval()
    assert again(batch).equal(net(batch))


def test_bag_and_word_vectors_are_told_apart_by_the_options():
    """Weights have the sum of both widths; without a GRU word2vec's 500 numbers are assumed."""
    net = released("bow-w2v")
    weights = official_weights(net)
    options = {"encoders": net.config.encoders, "w2v_dim": 5}
    _, data = config_of(weights, options)
    assert (data.bow, data.vectors) == (12, {"w2v": 5})
    with pytest.raises(ValueError, match="official weights do not fit"):
        Model.from_official(weights, net.config)


def test_options_that_are_not_the_paper_s_are_refused():
    """Those with one value in the paper."""
    weights = official_weights(Released(config := Config.small(), toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="activation 'relu' is not the paper's"):
        config_of(weights, {"activation": "relu"})


def test_defaults_are_the_published_sizes():
    """1024 + 500 + bag to 2048 for the sentence, 4096 to 2048 for the video."""
    data = DataSizes(9_000, 8_000, {"frames": 4096}, {"w2v": 500})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert net.text_space[0].in_features == 1024 + 500 + 8_000
    assert (net.video_space[0].in_features, net.video_space[0].out_features) == (4096, 2048)
