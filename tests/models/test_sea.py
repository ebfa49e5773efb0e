"""Li et al. 2020, space by space, against sums written out longhand."""

import pytest
import torch

from models.official._loading import official_names
from models.sea import Config, Model, official_prefixes, sizes
from tests.models import longhand, toy


def test_the_gru_of_both_directions_is_read_as_the_mean_of_its_states():
    """Eq. (1): over the true words of each caption, gate by gate."""
    net, (captions, _) = toy.built(Model), toy.batch(Model)
    found = net.read("bigru", captions)
    for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
        states = longhand.bigru(net.gru, net.words(words[mask]))
        torch.testing.assert_close(found[row], sum(states) / len(states))


def test_each_encoder_has_a_space_of_its_own_on_both_sides():
    """Eq. (2): the spaces share nothing but the video's feature."""
    net, (captions, clips) = toy.built(Model), toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for i, encoder in enumerate(("bow", "w2v", "bigru")):
        s = net.read(encoder, captions)
        for row in range(4):
            affine = net.text_space[i][0]
            torch.testing.assert_close(
                text[row, i], torch.tanh(affine.weight @ s[row] + affine.bias)
            )
            affine, x = net.video_space[i][0], sum(frames[row][mask[row]]) / mask[row].sum()
            torch.testing.assert_close(video[row, i], torch.tanh(affine.weight @ x + affine.bias))


def test_scores_are_the_cosines_of_all_spaces_added_up():
    """Eqs. (3) and (4), one pair at a time."""
    net, (captions, clips) = toy.built(Model), toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            wanted = sum(longhand.cosine(text[i, k], video[j, k]) for k in range(3))
            assert scores[i, j].item() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("direction", ["t2v", "v2t", "both"])
@pytest.mark.parametrize("losses", ["each", "summed"])
def test_the_loss_longhand(direction, losses):
    """Eq. (5): the hardest wrong video is each space's own, or that of the summed scores."""
    net, batch = toy.built(Model, direction=direction, losses=losses), toy.batch(Model)
    scores = net.per_space(net.encode_text(batch[0]), net.encode_video(batch[1]))
    tables = scores.tolist() if losses == "each" else [scores.sum(0).tolist()]
    wanted = sum(longhand.triplet(s, 0.2, direction=direction) for s in tables)
    assert net.loss(*batch).item() == pytest.approx(wanted, rel=1e-5)


def test_one_space_for_all_reads_the_encodings_side_by_side():
    """The variant that SEA is held against: bag, word vectors and GRU through one layer."""
    net, (captions, clips) = toy.built(Model, spaces="concat"), toy.batch(Model)
    assert net.encode_text(captions).shape[1] == net.encode_video(clips).shape[1] == 1
    assert net.text_space[0][0].in_features == 12 + 64 + 2 * 64


def test_the_released_one_space_baseline_trains_the_other_direction():
    """Q1: as released its loss is that of the videos; with several spaces it is the captions'."""
    batch = toy.batch(Model)
    for change, direction in (({"encoders": ("bow",)}, "v2t"), ({}, "t2v")):
        released = toy.built(Model, as_released=True, **change).loss(*batch)
        assert released.equal(toy.built(Model, direction=direction, **change).loss(*batch))


def test_sentence_vectors_of_bert_come_from_outside():
    """A space of its own for what `vectors` brings."""
    net = toy.built(Model, encoders=("bow", "bert"), bert_dim=5)
    captions, clips = toy.batch(Model)
    captions.vectors["bert"] = torch.randn(4, 5)
    assert net(captions, clips).shape == (4, 4)
    assert net.read("bert", captions).equal(captions.vectors["bert"])


ENCODERS = [
    ("bow",),
    ("bow", "w2v"),
    ("bow", "w2v", "gru"),
    ("bow", "w2v", "bigru"),
    ("bow", "w2v", "bigru", "bert"),
]


@pytest.mark.parametrize("encoders", ENCODERS, ids="-".join)
def test_sizes_are_read_from_official_weights(encoders):
    """Which encoders there are, and of what size, is told by the released weights."""
    net = toy.built(Model, encoders=encoders, bert_dim=5)
    own = net.state_dict()
    names = official_names(net, official_prefixes(net.config))
    weights = {key: own[name] for key, name in names.items()}
    again = Model.from_official(weights)
    assert again.config.encoders == encoders
    assert again.config.as_released
    shapes = {name: weight.shape for name, weight in again.named_parameters()}
    assert shapes == {name: weight.shape for name, weight in net.named_parameters()}


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named."""
    with pytest.raises(ValueError, match=r"txt_nets\.0\.transformer\.fc1\.weight is missing"):
        sizes({})


def test_defaults_are_the_published_sizes():
    """Four spaces of 2048, read from the bag, 500, 2 x 1024 and 768 numbers."""
    with torch.device("meta"):
        net = Model(Config())
    assert [space[0].in_features for space in net.text_space] == [10_000, 500, 2048, 768]
    assert {space[0].out_features for space in net.video_space} == {2048}
