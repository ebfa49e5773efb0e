"""Dong et al. 2019, level by level, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.dual_encoding import OFFICIAL, Config, Model, MultiLevel
from models.official._loading import as_official, official_names
from models.parts.batch import Captions, Clips
from tests.models import toy


def side(levels, kernels=(2, 3), **change):
    """A tiny encoder of 3-dimensional steps: level 1 has 2 numbers, states 2 x 2, filters 5."""
    torch.manual_seed(3)
    config = replace(Config.small(), **change)
    return MultiLevel(torch.nn.Identity(), levels, (2, 3, 2, 5), kernels, config).eval()


def gru_by_hand(gru, x, suffix):
    """States of one direction, one gate at a time (torch: reset, update, new)."""
    w, u, b, c = (
        getattr(gru, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h, states = torch.zeros(2), []
    for step in x:
        (rx, zx, nx), (rh, zh, nh) = (w @ step + b).chunk(3), (u @ h + c).chunk(3)
        r, z = 1 / (1 + torch.exp(-rx - rh)), 1 / (1 + torch.exp(-zx - zh))
        h = (1 - z) * torch.tanh(nx + r * nh) + z * h
        states.append(h)
    return states


def states_by_hand(net, x):
    """Forward and backward states, side by side."""
    forward = gru_by_hand(net.gru, x, "")
    backward = gru_by_hand(net.gru, x.flip(0), "_reverse")[::-1]
    return [torch.cat(pair) for pair in zip(forward, backward, strict=True)]


def windows_by_hand(net, states):
    """Each filter at each place where a window touches a state; the largest, nothing below 0."""
    found = []
    for k, conv in zip(net.kernels, net.filters, strict=True):
        for weight, bias in zip(conv.weight, conv.bias, strict=True):
            best = torch.tensor(0.0)
            for end in range(len(states) + k - 1):
                score = bias
                for place in range(k):
                    step = end - (k - 1) + place
                    if 0 <= step < len(states):
                        score = score + sum(weight[:, place] * states[step])
                best = max(best, score)
            found.append(best)
    return torch.stack(found)


RAGGED = torch.tensor([[True] * 4, [True] * 2 + [False] * 2, [True] + [False] * 3])


def ragged():
    """Three sequences of 4, 2 and 1 steps, junk in the padding, and their level 1."""
    g = torch.Generator().manual_seed(5)
    x = torch.randn(3, 4, 3, generator=g).masked_fill(~RAGGED[..., None], 7.0)
    return torch.randn(3, 2, generator=g), x


def test_level_two_is_the_mean_of_the_states_of_a_bidirectional_gru():
    """Eqs. (2) and (3), gate by gate, over the true steps of each row."""
    net, (f1, x) = side((2,)), ragged()
    for row, n in enumerate((4, 2, 1)):
        states = states_by_hand(net, x[row, :n])
        torch.testing.assert_close(net(f1, x, RAGGED)[row], sum(states) / n)


def test_level_three_is_the_best_place_of_every_filter():
    """Eqs. (4) and (5), place by place, partial windows at both ends included."""
    net, (f1, x) = side((3,)), ragged()
    for row, n in enumerate((4, 2, 1)):
        expected = windows_by_hand(net, states_by_hand(net, x[row, :n]))
        torch.testing.assert_close(net(f1, x, RAGGED)[row], expected)


def test_levels_stand_in_the_order_two_three_one():
    """Eqs. (6) and (7): the whole is the levels side by side, as the released weights expect them."""
    f1, x = ragged()
    whole, two, three = (side(levels)(f1, x, RAGGED) for levels in ((1, 2, 3), (2,), (3,)))
    torch.testing.assert_close(whole[:, :4], two)
    assert whole.shape[1] == two.shape[1] + three.shape[1] + 2
    assert whole[:, -2:].equal(f1)


def test_the_common_space_is_affine_normalised_and_of_unit_length():
    """Eq. (8), with running statistics that are not the identity."""
    net = toy.built(Model, video_levels=(1,))
    affine, norm, _ = net.video_space
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    _, clips = toy.batch(Model)
    for video, frames, mask in zip(
        net.encode_video(clips), clips.features["frames"], clips.mask["frames"], strict=True
    ):
        mean = sum(frames[mask]) / mask.sum()
        y = affine.weight @ mean + affine.bias
        y = (y - norm.running_mean) / (norm.running_var + 1e-5) ** 0.5 * norm.weight + norm.bias
        torch.testing.assert_close(video, y / sum(y**2) ** 0.5)


@pytest.mark.parametrize("hardest", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("direction", ["both", "t2v", "v2t"])
def test_the_loss_longhand(hardest, reduction, direction):
    """Eq. (9): every wrong pair of every row and column, in all of its released variants."""
    net = toy.built(Model, hardest=hardest, reduction=reduction, direction=direction)
    batch = toy.batch(Model)
    s, n = net(*batch).tolist(), 4
    rows = [[max(0, 0.2 + s[i][j] - s[i][i]) for j in range(n) if j != i] for i in range(n)]
    columns = [[max(0, 0.2 + s[j][i] - s[i][i]) for j in range(n) if j != i] for i in range(n)]
    wanted = {"both": [rows, columns], "t2v": [rows], "v2t": [columns]}[direction]
    reduced = [sum(max(terms) if hardest else sum(terms) for terms in lines) for lines in wanted]
    cells = 1 if reduction == "sum" else n if hardest else n * n
    assert net.loss(*batch).item() == pytest.approx(sum(reduced) / cells, rel=1e-5)


def test_a_wider_margin_costs_more():
    """The margin is what a wrong pair must stay behind by."""
    batch = toy.batch(Model)
    narrow, wide = (toy.built(Model, margin=m).loss(*batch) for m in (0.1, 0.4))
    assert narrow < wide


def test_frames_beyond_the_limit_count_in_level_one_only():
    """Levels 2 and 3 read the first `max_frames`; the mean reads all."""
    captions, clips = toy.batch(Model)
    later = Clips({"frames": clips.features["frames"].clone()}, clips.mask)
    later.features["frames"][0, 4:] += 1.0
    upper = toy.built(Model, video_levels=(2, 3), max_frames=4)
    assert upper(captions, clips).equal(upper(captions, later))
    whole = toy.built(Model, max_frames=4)
    assert not whole(captions, clips).allclose(whole(captions, later))


def test_word_order_matters_beyond_the_bag():
    """Two captions with one bag of words are told apart by levels 2 and 3, not by level 1."""
    words = torch.tensor([[1, 5, 6, 7, 2], [1, 7, 6, 5, 2]])
    captions = Captions(words, words > 0, torch.ones(2, toy.SIZES["bow_size"]))
    one, other = toy.built(Model).encode_text(captions)
    assert not one.allclose(other)
    one, other = toy.built(Model, text_levels=(1,)).encode_text(captions)
    assert one.equal(other)


def test_the_released_gru_lets_the_padding_in():
    """Q1: with it a short row's states depend on how long its neighbours are."""
    net, (_, x) = side((2,)), ragged()
    short, alone = (x[2:], RAGGED[2:]), (x[2:, :1], RAGGED[2:, :1])
    torch.testing.assert_close(net.states(*short)[:, :1], net.states(*alone))
    net.gru_reads_padding = True
    assert not net.states(*short)[:, :1].allclose(net.states(*alone), atol=1e-3)


def test_released_windows_in_the_padding_take_part():
    """Q2: filters that no state pleases (-1 a state, bias 2) are at their best in the padding."""
    net = side((3,), kernels=(2,))
    torch.nn.init.constant_(net.filters[0].weight, -0.25)
    torch.nn.init.constant_(net.filters[0].bias, 2.0)
    states = torch.ones(3, 4, 4) * RAGGED[..., None]
    assert net.windows(states, RAGGED)[:, 0].tolist() == [1, 1, 1]
    net.windows_in_padding = True
    assert net.windows(states, RAGGED)[:, 0].tolist() == [1, 2, 2]


def test_only_the_video_gru_reads_padding_as_released():
    """The released text side is packed: padding stands outside its GRU."""
    net = toy.built(Model, as_released=True)
    assert (net.text.gru_reads_padding, net.video.gru_reads_padding) == (False, True)
    assert net.text.windows_in_padding
    assert net.video.windows_in_padding


def released(**change):
    """A model and its weights under the released code's names and shapes."""
    net = toy.built(Model, as_released=True, **change)
    own = net.state_dict()
    names = official_names(net, OFFICIAL)
    assert set(names.values()) == set(own)
    return net, {
        key: as_official(own[name], own[name][None] if ".filters." in name else own[name])
        if name.endswith("weight")
        else own[name]
        for key, name in names.items()
    }


@pytest.mark.parametrize("levels", [(1, 2, 3), (2, 3)])
def test_sizes_are_read_from_official_weights(levels):
    """Without a config every size that shows in the weights is found, and scores agree."""
    sizes = {"text_kernels": (2, 4), "video_kernels": (2, 3, 5), "text_filters": 5, "common": 9}
    net, weights = released(**sizes, text_levels=levels, video_levels=levels)
    again = Model.from_official(weights).eval()
    expected = net.config if 1 in levels else replace(net.config, bow_size=0)
    assert replace(again.config, max_frames=64, word_init=expected.word_init) == expected
    assert again(*toy.batch(Model)).equal(net(*toy.batch(Model)))


def test_a_checkpoint_of_the_released_code_is_read():
    """{'model': [video state, text state]} without batch counters, as torch 0.3 wrote it."""
    net, weights = released()
    weights = {k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")}
    parts = [
        {k.removeprefix(p): v for k, v in weights.items() if k.startswith(p)}
        for p in ("vid_encoding.", "text_encoding.")
    ]
    again = Model.from_official({"model": parts, "epoch": 3, "best_rsum": 1.0})
    assert again.eval()(*toy.batch(Model)).equal(net(*toy.batch(Model)))


def without(key):
    """Takes one weight out."""
    return lambda w: {k: v for k, v in w.items() if k != key}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without("text_encoding.rnn.bias_hh_l0"), "text_encoding.rnn.bias_hh_l0 is missing"),
        (without("text_encoding.embed.weight"), "text_encoding.embed.weight is missing"),
        (without("vid_encoding.convs1.0.weight"), "vid_encoding"),
        (lambda w: w | {"vid_encoding.extra": torch.ones(1)}, "vid_encoding.extra is unknown"),
        (lambda w: w | {"vid_encoding.rnn.bias_hh_l0": torch.ones(7)}, "bias_hh_l0 is (7,), not"),
        (lambda w: {"model": [w]}, "model is not a list of 2"),
        (lambda _: {}, "is missing"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_line(spoil, words):
    """Missing, unknown and misshapen weights are named, never half loaded."""
    _, weights = released()
    with pytest.raises(ValueError, match="official weights do not fit") as caught:
        Model.from_official(spoil(weights))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_defaults_are_the_published_sizes():
    """Video 2048 + 4 x 512 + 2048 and text 1024 + 3 x 512 + bag, as published."""
    with torch.device("meta"):
        net = Model()
    assert (net.video.out, net.text.out) == (2048 + 4 * 512 + 2048, 1024 + 3 * 512 + 10_000)
    recipe = net.recipe
    assert (recipe.optimiser, recipe.learning_rate, recipe.batch_size) == ("adam", 1e-4, 128)
    assert (recipe.epochs, recipe.clip_norm, recipe.decay, recipe.stop_after) == (50, 2.0, 0.99, 10)
