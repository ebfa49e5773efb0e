"""Dong et al. 2018, step by step, against sums written out longhand."""

import pytest
import torch

from models.parts.batch import Captions
from models.w2vv import Config, Model
from tests.models import longhand, toy


def test_the_gru_is_read_where_the_sentence_ends():
    """Eq. (1): the state at each caption's last word, gate by gate; the padding is not read."""
    net, (captions, _) = toy.built(Model), toy.batch(Model)
    found = net.read("gru", captions)
    for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
        torch.testing.assert_close(found[row], longhand.gru(net.gru, net.words(words[mask]))[-1])


def test_the_gru_reads_no_further_than_its_limit():
    """A long sentence ends for it after `max_words`; bag and word vectors go on."""
    net, (captions, _) = toy.built(Model, max_words=3), toy.batch(Model)
    short = Captions(captions.words[:, :3], captions.mask[:, :3], captions.bow)
    torch.testing.assert_close(net.read("gru", captions), net.read("gru", short))
    assert not net.read("w2v", captions).equal(net.read("w2v", short))


def test_word_vectors_are_averaged_over_distinct_words():
    """Eq. (1): a repeated word counts once, a special one never; training leaves them alone."""
    net = toy.built(Model)
    words = torch.tensor([[1, 5, 5, 7, 2], [1, 3, 2, 0, 0]])
    found = net.read("w2v", Captions(words, words > 0))
    table = net.word_vectors.table
    torch.testing.assert_close(found[0], (table[5] + table[7]) / 2)
    assert not found[1].any()
    assert "word_vectors.table" not in dict(net.named_parameters())


def test_a_sentence_becomes_the_feature_of_its_video():
    """Eqs. (2) and (3): GRU, bag and word vectors side by side, two layers, ReLU after each."""
    net, (captions, _) = toy.built(Model, last_relu=True), toy.batch(Model)
    u = torch.cat([net.read("gru", captions), captions.bow, net.read("w2v", captions)], 1)
    first, second = net.text[0], net.text[3]
    for row, p in enumerate(net.encode_text(captions)):
        hidden = (first.weight @ u[row] + first.bias).clamp(min=0)
        torch.testing.assert_close(p, (second.weight @ hidden + second.bias).clamp(min=0))


def test_without_its_last_relu_a_feature_may_be_negative():
    """D4: what small worlds and features of either sign need."""
    captions, _ = toy.batch(Model)
    bare, cut = toy.built(Model).encode_text(captions), toy.built(Model, last_relu=True)
    assert (bare < 0).any()
    torch.testing.assert_close(cut.encode_text(captions), bare.clamp(min=0))


def test_a_video_is_the_mean_of_its_frames_and_nothing_more():
    """Nothing is learnt about it."""
    net, (_, clips) = toy.built(Model), toy.batch(Model)
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for row, x in enumerate(net.encode_video(clips)):
        torch.testing.assert_close(x, sum(frames[row][mask[row]]) / mask[row].sum())
    assert not [name for name, _ in net.named_parameters() if name.startswith("video")]


def test_scores_are_cosines():
    """Eq. (4), one pair at a time."""
    net, (captions, clips) = toy.built(Model), toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            wanted = longhand.cosine(text[i], video[j])
            assert scores[i, j].item() == pytest.approx(wanted, abs=1e-6)


def test_the_loss_is_the_mean_squared_error_of_the_pairs():
    """Eq. (5): over captions and numbers of the feature; no pair is wrong."""
    net, (captions, clips) = toy.built(Model), toy.batch(Model)
    p, x = net.encode_text(captions).tolist(), net.encode_video(clips).tolist()
    squares = [(p[i][d] - x[i][d]) ** 2 for i in range(4) for d in range(6)]
    assert net.loss(captions, clips).item() == pytest.approx(sum(squares) / 24, rel=1e-5)


def test_the_joint_space_is_learnt_on_both_sides():
    """D5: a layer on the video, cosine, hardest wrong video and hardest wrong caption."""
    net, (captions, clips) = toy.built(Model, space="joint"), toy.batch(Model)
    mean = toy.built(Model).encode_video(clips)
    video = net.encode_video(clips)
    for row in range(4):
        torch.testing.assert_close(video[row], net.video.weight @ mean[row] + net.video.bias)
    wanted = longhand.triplet(net(captions, clips).tolist(), 0.2)
    assert net.loss(captions, clips).item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("encoder", ["gru", "bow", "w2v"])
def test_one_scale_alone_is_all_that_is_read(encoder):
    """A variant has no weights of the others."""
    net = toy.built(Model, encoders=(encoder,))
    sizes = {"gru": 128, "bow": 12, "w2v": 64}
    assert net.text[0].in_features == sizes[encoder]
    assert hasattr(net, "gru") is (encoder == "gru")
    assert hasattr(net, "word_vectors") is (encoder == "w2v")


def test_weights_of_the_authors_are_refused_in_one_line():
    """They are Keras's; nothing is guessed."""
    with pytest.raises(NotImplementedError, match=r"^[^\n]*Keras[^\n]*$"):
        Model.from_official({})


def test_defaults_are_the_published_sizes():
    """1024 states, a bag and word vectors of 500 numbers, to 2048 and to 2048 of ResNet-152."""
    with torch.device("meta"):
        net = Model(Config())
    assert net.text[0].in_features == 1024 + 10_000 + 500
    assert net.text[0].out_features == net.text[3].out_features == 2048
    assert isinstance(net.text[4], torch.nn.ReLU)
