"""Li et al. 2019, step by step, against sums written out longhand."""

import pytest
import torch

from models.official._loading import official_names
from models.parts.batch import Captions
from models.w2vvpp import OFFICIAL, Model
from tests.models import longhand, toy


def test_the_gru_is_read_as_the_mean_of_its_states():
    """Eqs. (4) and (5): over the true words of each caption, gate by gate."""
    net, (captions, _) = toy.built(Model), toy.batch(Model)
    found = net.read("gru", captions)
    for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
        states = longhand.gru(net.gru, net.words(words[mask]))
        torch.testing.assert_close(found[row], sum(states) / len(states))


def test_word_vectors_are_averaged_over_distinct_words():
    """Eq. (3): a repeated word counts once, a special one never, no word gives zeros."""
    net = toy.built(Model)
    words = torch.tensor([[1, 5, 5, 7, 2], [1, 3, 2, 0, 0]])
    found = net.read("w2v", Captions(words, words > 0))
    table = net.word_vectors.table
    torch.testing.assert_close(found[0], (table[5] + table[7]) / 2)
    assert not found[1].any()


def test_vectors_made_outside_stand_in_for_the_table():
    """A batch that brings its word2vec means is read by these."""
    net, (captions, _) = toy.built(Model), toy.batch(Model)
    captions.vectors["w2v"] = torch.ones(4, net.config.w2v_dim)
    assert net.read("w2v", captions).equal(captions.vectors["w2v"])


def test_encodings_stand_in_the_order_of_the_released_weights():
    """Step (a) and Eq. (6): GRU, word vectors, bag; one layer, then tanh."""
    net, (captions, _) = toy.built(Model), toy.batch(Model)
    u = torch.cat([net.read("gru", captions), net.read("w2v", captions), captions.bow], 1)
    affine = net.text_space[0]
    for row, e in enumerate(net.encode_text(captions)):
        torch.testing.assert_close(e, torch.tanh(affine.weight @ u[row] + affine.bias))


def test_a_video_is_the_mean_of_its_frames_in_the_same_space():
    """Eq. (6) on the side of the video."""
    net, (_, clips) = toy.built(Model), toy.batch(Model)
    affine = net.video_space[0]
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for row, e in enumerate(net.encode_video(clips)):
        mean = sum(frames[row][mask[row]]) / mask[row].sum()
        torch.testing.assert_close(e, torch.tanh(affine.weight @ mean + affine.bias))


def test_scores_are_cosines():
    """Eq. (1), one pair at a time."""
    net, batch = toy.built(Model), toy.batch(Model)
    text, video = net.encode_text(batch[0]), net.encode_video(batch[1])
    for i in range(4):
        for j in range(4):
            wanted = longhand.cosine(text[i], video[j])
            assert net.similarity(text, video)[i, j].item() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("hardest", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("direction", ["t2v", "v2t", "both"])
def test_the_loss_longhand(hardest, reduction, direction):
    """Eq. (8) in each of its released forms; as published the sentence's hardest wrong video."""
    options = {"hardest": hardest, "reduction": reduction, "direction": direction}
    net, batch = toy.built(Model, **options), toy.batch(Model)
    wanted = longhand.triplet(net(*batch).tolist(), 0.2, **options)
    assert net.loss(*batch).item() == pytest.approx(wanted, rel=1e-5)


def test_the_table_of_word_vectors_is_not_trained_and_is_kept():
    """No optimiser sees it; a checkpoint has it."""
    net = toy.built(Model)
    assert "word_vectors.table" not in dict(net.named_parameters())
    assert "word_vectors.table" in net.state_dict()


@pytest.mark.parametrize("variant", ["full", "bow"])
def test_sizes_are_read_from_official_weights(variant):
    """Without a config the weights say what they can, and scores agree."""
    net, batch = toy.built(Model, **Model.variants[variant]), toy.batch(Model)
    own = net.state_dict()
    weights = {key: own[name] for key, name in official_names(net, OFFICIAL).items()}
    parts = [
        {k.removeprefix(p): v for k, v in weights.items() if k.startswith(p)}
        for p in ("vis_net.", "txt_net.")
    ]
    again = Model.from_official({"model": parts}).eval()
    if variant == "full":
        again.word_vectors.table.copy_(net.word_vectors.table)
    assert again(*batch).equal(net(*batch))


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named."""
    with pytest.raises(ValueError, match=r"txt_net\.transformer\.fc1\.weight is missing"):
        Model.from_official({"vis_net.fc1.weight": torch.ones(2, 2)})


def test_defaults_are_the_published_sizes():
    """1024 + 500 + bag to 2048 for the sentence, 4096 to 2048 for the video."""
    with torch.device("meta"):
        net = Model()
    assert net.text_space[0].in_features == 1024 + 500 + 10_000
    assert (net.video_space[0].in_features, net.video_space[0].out_features) == (4096, 2048)
