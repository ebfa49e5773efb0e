"""Dong et al. 2019, level by level, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.dual_encoding import Config, Model
from models.official.dual_encoding import Released
from models.parts.batch import Captions, Clips
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.releases import official_weights


@torch.no_grad()
def test_a_video_is_its_mean_its_states_and_its_windows():
    """Eqs. (1) to (6): levels 2, 3, 1 of the true frames of each video."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for row, u in enumerate(net.video(frames, mask)):
        x = frames[row][mask[row]]
        torch.testing.assert_close(u, longhand.multi_levels(net.video, sum(x) / len(x), x))


@torch.no_grad()
def test_a_sentence_is_its_bag_its_states_and_its_windows():
    """Eqs. (2) to (5) and (7): the same levels over word vectors, the bag as level 1."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    for row, u in enumerate(net.text(captions.bow, captions.words, captions.mask)):
        x = net.text.words.weight[captions.words[row][captions.mask[row]]]
        torch.testing.assert_close(u, longhand.multi_levels(net.text, captions.bow[row], x))


def test_the_common_space_is_affine_normalised_and_of_unit_length():
    """Eq. (8), with running statistics that are not the identity."""
    net = toy.built(Model, video_levels=(1,))
    affine, norm, _ = net.video_space
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    clips = toy.batch(net).clips
    for video, frames, mask in zip(
        net.encode_video(clips), clips.features["frames"], clips.mask["frames"], strict=True
    ):
        mean = sum(frames[mask]) / mask.sum()
        y = affine.weight @ mean + affine.bias
        y = (y - norm.running_mean) / (norm.running_var + 1e-5) ** 0.5 * norm.weight + norm.bias
        torch.testing.assert_close(video, y / sum(y**2) ** 0.5)


@pytest.mark.parametrize("hardest", [True, False])
def test_the_loss_longhand(hardest):
    """Eq. (9): the hardest wrong pair of every row and column, or every wrong pair."""
    net = toy.built(Model, hardest=hardest)
    batch = toy.batch(net)
    by_hand = longhand.triplet(net(batch).tolist(), 0.2, hardest=hardest)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_a_wider_margin_costs_more():
    """The margin is what a wrong pair must stay behind by."""
    narrow, wide = (toy.built(Model, margin=m) for m in (0.1, 0.4))
    batch = toy.batch(narrow)
    assert narrow.loss(batch) < wide.loss(batch)


def test_frames_beyond_the_limit_count_in_level_one_only():
    """D2: levels 2 and 3 read the first `max_frames`; the mean reads all."""
    upper, whole = (toy.built(Model, video_levels=x, max_frames=4) for x in ((2, 3), (1, 2, 3)))
    batch = toy.batch(whole)
    frames = batch.clips.features["frames"].clone()
    frames[0, 4:] += 1.0
    later = Clips({"frames": frames}, batch.clips.mask)
    assert upper.encode_video(batch.clips).equal(upper.encode_video(later))
    assert not whole.encode_video(batch.clips).allclose(whole.encode_video(later))


def test_word_order_matters_beyond_the_bag():
    """Two captions with one bag of words differ by levels 2 and 3, not by level 1."""
    words = torch.tensor([[1, 5, 6, 7, 2], [1, 7, 6, 5, 2]])
    captions = Captions(words, words > 0, torch.ones(2, 12))
    one, other = toy.built(Model).encode_text(captions)
    assert not one.allclose(other)
    one, other = toy.built(Model, text_levels=(1,)).encode_text(captions)
    assert one.equal(other)


def test_dropout_is_on_levels_two_and_three_and_on_the_common_space():
    """D2: where it takes everything, only level 1 is left of a side, and nothing in the space."""
    net = toy.built(Model, dropout=1.0).train()
    batch = toy.batch(net)
    for side, whole, args in (
        (net.text, 12, (batch.captions.bow, batch.captions.words, batch.captions.mask)),
        (net.video, toy.FRAMES, (batch.clips.features["frames"], batch.clips.mask["frames"])),
    ):
        u = side(*args)
        assert not u[:, :-whole].any()
        assert u[:, -whole:].any(1).all()
    assert not net.encode_text(batch.captions).any()
    assert not net.encode_video(batch.clips).any()


def test_defaults_are_the_published_sizes():
    """Video 2048 + 4 x 512 + 2048 and text 1024 + 3 x 512 + bag, as published."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, 8_000, {"frames": 2048}))
    assert (net.video.out, net.text.out) == (2048 + 4 * 512 + 2048, 1024 + 3 * 512 + 8_000)
    assert net.text_space[0].out_features == net.video_space[0].out_features == 2048


def released(levels, **change):
    """A released model and the paper's with the same weights, both of a few levels."""
    both = {"text_levels": levels, "video_levels": levels}
    paper = toy.built(Model, **both, **change)
    net = Released(paper.config, paper.data).eval()
    net.load_state_dict(paper.state_dict())
    return net, paper


def alone(batch, row):
    """One row without the padding that its neighbours bring."""
    words, frames = batch.captions.mask[row].sum(), batch.clips.mask["frames"][row].sum()
    captions, clips = batch.captions, batch.clips
    return (
        Captions(
            *(x[row : row + 1, :words] for x in (captions.words, captions.mask)),
            captions.bow[row : row + 1],
        ),
        Clips(
            {"frames": clips.features["frames"][row : row + 1, :frames]},
            {"frames": clips.mask["frames"][row : row + 1, :frames]},
        ),
    )


def test_the_released_video_gru_reads_the_padding():
    """Q1: states of a short video depend on how long its neighbours are; a sentence's do not."""
    net, paper = released((2,))
    batch = toy.batch(net)
    row = int(batch.clips.mask["frames"].sum(1).argmin())
    captions, clips = alone(batch, row)
    for model, depends in ((net, True), (paper, False)):
        together = model.encode_video(batch.clips)[row]
        assert together.allclose(model.encode_video(clips)[0], atol=1e-5) != depends
        together = model.encode_text(batch.captions)[row]
        torch.testing.assert_close(together, model.encode_text(captions)[0])


def test_released_windows_in_the_padding_take_part():
    """Q2: filters that no state pleases (-1 a state, bias 2) are at their best in the padding."""
    net, paper = released((3,), text_kernels=(2,))
    mask = torch.tensor([[True] * 4, [True] * 2 + [False] * 2, [True] + [False] * 3])
    width = 2 * net.config.text_rnn
    states = torch.ones(3, 4, width) * mask[..., None]
    for model, best in ((net, [1, 2, 2]), (paper, [1, 1, 1])):
        torch.nn.init.constant_(model.text.filters[0].weight, -1 / width)
        torch.nn.init.constant_(model.text.filters[0].bias, 2.0)
        torch.testing.assert_close(
            model.text.windows(states, mask)[:, 0], torch.tensor(best).float()
        )


@pytest.mark.parametrize("levels", [(1, 2, 3), (2, 3)])
def test_the_configuration_is_read_from_official_weights(levels):
    """Every size that shows in the weights; the rest is the paper's."""
    sizes = {"text_kernels": (2, 4), "video_kernels": (2, 3, 5), "text_filters": 5, "common": 9}
    net, _ = released(levels, **sizes)
    again = Model.from_official(official_weights(net))
    expected = replace(net.config, word_init=Config.word_init)
    assert again.config == expected
    assert again.data == DataSizes(30, 12 if 1 in levels else 0, {"frames": toy.FRAMES})


def test_a_checkpoint_of_the_released_code_is_read():
    """{'model': [video state, text state]} without batch counters, as torch 0.3 wrote it."""
    net, _ = released((1, 2, 3))
    weights = official_weights(net)
    weights = {k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")}
    parts = [
        {k.removeprefix(p): v for k, v in weights.items() if k.startswith(p)}
        for p in ("vid_encoding.", "text_encoding.")
    ]
    batch = toy.batch(net)
    again = Model.from_official({"model": parts, "epoch": 3, "best_rsum": 1.0})
    assert again.eval()(batch).equal(net(batch))
    with pytest.raises(ValueError, match="model is not a list of 2"):
        Model.from_official({"model": parts[:1]})
