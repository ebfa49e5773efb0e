"""Li et al. 2020, space by space, against sums written out longhand."""

import pytest
import torch

from models.official.sea import Released, config_of
from models.parts.contract import DataSizes
from models.sea import Config, Model
from tests.models import longhand, toy
from tests.models.releases import official_weights

ENCODERS = ("bow", "w2v", "bigru", "bert")


def test_the_gru_of_both_directions_is_read_as_the_mean_of_its_states():
    """Eq. (1): over the true words of each caption, gate by gate."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    encoding = net.encoding("bigru", captions)
    for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
        states = longhand.bigru(net.gru, net.words(words[mask]))
        torch.testing.assert_close(encoding[row], sum(states) / len(states))


def test_the_other_encodings_come_with_the_captions():
    """Eq. (1): bag, word2vec and BERT are made outside, each asked for only where it is read."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    assert net.encoding("bow", captions).equal(captions.bow)
    for name in ("w2v", "bert"):
        assert net.encoding(name, captions).equal(captions.vectors[name])
    assert Model.needs(net.config) == {"words", "frames", "bow", "w2v", "bert"}
    assert Model.needs(toy.config_of(Model, encoders=("bow", "gru"))) == {"words", "frames", "bow"}


def test_each_encoder_has_a_space_of_its_own_on_both_sides():
    """Eq. (2): the spaces share nothing but the video's feature."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    frames, mask = batch.clips.features["frames"], batch.clips.mask["frames"]
    for i, encoder in enumerate(ENCODERS):
        s = net.encoding(encoder, batch.captions)
        for row in range(4):
            affine = net.text_space[i][0]
            t = torch.tanh(affine.weight @ s[row] + affine.bias)
            torch.testing.assert_close(text[row, i], t)
            affine, x = net.video_space[i][0], sum(frames[row][mask[row]]) / mask[row].sum()
            torch.testing.assert_close(video[row, i], torch.tanh(affine.weight @ x + affine.bias))


def test_scores_are_the_cosines_of_all_spaces_added_up():
    """Eqs. (3) and (4), one pair at a time."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            by_hand = sum(longhand.cosine(text[i, k], video[j, k]) for k in range(4))
            assert scores[i, j].item() == pytest.approx(by_hand, abs=1e-6)


def per_space(net, batch):
    """A score table for each space."""
    return net.per_space(net.encode_text(batch.captions), net.encode_video(batch.clips))


@pytest.mark.parametrize("losses", ["each", "summed"])
def test_the_loss_longhand(losses):
    """Eq. (5): the hardest wrong video is each space's own, or that of the summed scores."""
    net = toy.built(Model, losses=losses)
    batch = toy.batch(net)
    scores = per_space(net, batch)
    tables = scores.tolist() if losses == "each" else [scores.sum(0).tolist()]
    by_hand = sum(longhand.triplet(s, 0.2, direction="t2v") for s in tables)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_one_space_for_all_reads_the_encodings_side_by_side():
    """The variant that SEA is compared with: bag, word vectors, GRU and BERT through one layer."""
    net = toy.built(Model, spaces="concat")
    batch = toy.batch(net)
    assert net.encode_text(batch.captions).shape[1] == net.encode_video(batch.clips).shape[1] == 1
    assert net.text_space[0][0].in_features == 12 + 5 + 2 * 64 + 6


def test_dropout_is_on_every_space():
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


def test_the_released_one_space_baseline_trains_the_other_direction():
    """Q1: its loss is that of the videos; with several spaces it is the captions'."""
    for encoders, direction in ((("bow",), "v2t"), (ENCODERS, "t2v")):
        config = toy.config_of(Model, encoders=encoders)
        torch.manual_seed(0)
        net = Released(config, toy.sizes(Model, config)).eval()
        batch = toy.batch(net)
        tables = per_space(net, batch).tolist()
        by_hand = sum(longhand.triplet(s, 0.2, direction=direction) for s in tables)
        assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("recurrent", ["gru", "bigru"])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_the_encoders_are_read_from_official_weights(k, recurrent):
    """How many spaces there are, which one has a GRU, whether it reads both ways, how wide each is."""
    encoders = ("bow", "w2v", recurrent, "bert")[:k]
    config = toy.config_of(Model, encoders=encoders)
    net = Released(config, toy.sizes(Model, config))
    again = Model.from_official(official_weights(net))
    assert again.config.encoders == encoders
    shapes = {name: weight.shape for name, weight in again.named_parameters()}
    assert shapes == {name: weight.shape for name, weight in net.named_parameters()}


def test_a_single_space_with_a_gru_was_not_released():
    """Its weights would have no names, so it is refused rather than half loaded."""
    config = toy.config_of(Model, encoders=("bow",))
    weights = official_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="the one-space baseline has no GRU"):
        Model.from_official(weights, toy.config_of(Model, spaces="concat"))


def test_options_that_are_not_the_paper_s_are_refused():
    """Those with one value in the paper."""
    with pytest.raises(ValueError, match="direction 'i2t' is not the paper's"):
        config_of({}, {"direction": "i2t"})


def test_defaults_are_the_published_sizes():
    """Four spaces of 2048, read from the bag, 500, 2 x 1024 and 768 numbers."""
    data = DataSizes(9_000, 8_000, {"frames": 4096}, {"w2v": 500, "bert": 768})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert [space[0].in_features for space in net.text_space] == [8_000, 500, 2048, 768]
    assert {space[0].out_features for space in net.video_space} == {2048}
