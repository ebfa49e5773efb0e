"""Levels of one side, against sums written out."""

import pytest
import torch

from models.parts.multilevel import LevelSizes, TextLevels, VideoLevels
from tests.models import longhand

SIZES = LevelSizes(whole=3, step=3, hidden=2, filters=5, kernels=(2, 3))
RAGGED = torch.tensor([[True] * 4, [True] * 2 + [False] * 2, [True] + [False] * 3])


def video(levels=(1, 2, 3), **settings):
    """A tiny encoder of 3-dimensional frames, in evaluation mode, from the same seed always."""
    torch.manual_seed(3)
    return VideoLevels(SIZES, levels, **settings).eval()


@pytest.mark.parametrize("pool", ["mean", "max"])
@torch.no_grad()
def test_levels_longhand(pool):
    """Levels 2, 3, 1, side by side, of each row's own steps whatever stands in the padding."""
    net = video(pool=pool)
    x = torch.randn(3, 4, 3).masked_fill(~RAGGED[..., None], float("nan"))
    for row, length, y in zip(x, (4, 2, 1), net(x, RAGGED), strict=True):
        mean = sum(row[:length]) / length
        torch.testing.assert_close(y, longhand.multi_levels(net, mean, row[:length], pool))


@pytest.mark.parametrize("chosen", [(1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (3, 2, 1)])
@torch.no_grad()
def test_levels_may_be_left_out(chosen):
    """What is left has its width and its numbers, and no weight that it does not read."""
    net, x = video(chosen), torch.randn(2, 4, 3)
    y = net(x, torch.ones(2, 4, dtype=torch.bool))
    assert y.shape == (2, net.out)
    assert bool({2, 3} & set(chosen)) == any("gru" in name for name in net.state_dict())
    assert (3 in chosen) == any("filters" in name for name in net.state_dict())
    if 1 in chosen:
        torch.testing.assert_close(y[:, -3:], x.mean(1))


@pytest.mark.parametrize("wrong", [(), (0, 1), (4,)])
def test_levels_that_there_are_not(wrong):
    """None, or one that is not 1, 2 or 3, is refused."""
    with pytest.raises(ValueError, match="at least one"):
        video(wrong)


@torch.no_grad()
def test_long_videos_are_cut_for_levels_2_and_3_alone():
    """The first frames are read in order; the mean is of all of them."""
    net, x, every = video(max_frames=2), torch.randn(1, 4, 3), torch.ones(1, 4, dtype=torch.bool)
    y, cut = net(x, every), video()(x[:, :2], every[:, :2])
    torch.testing.assert_close(y[:, :-3], cut[:, :-3])
    torch.testing.assert_close(y[:, -3:], x.mean(1))


@torch.no_grad()
def test_a_sentence_is_its_bag_and_its_words():
    """Level 1 is the bag as it is; the GRU reads the vectors of the words."""
    torch.manual_seed(0)
    sizes = LevelSizes(whole=6, step=3, hidden=2, filters=5, kernels=(2, 3))
    net, bow = TextLevels(9, sizes, word_init=0.5).eval(), torch.rand(2, 6)
    words, mask = (
        torch.tensor([[4, 7, 5, 0], [8, 0, 0, 0]]),
        torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]]) > 0,
    )
    assert net.words.weight.abs().max() <= 0.5
    assert net.words.weight.abs().max() > 0.4
    for i, row in enumerate(([4, 7, 5], [8])):
        by_hand = longhand.multi_levels(net, bow[i], net.words.weight[row])
        torch.testing.assert_close(net(bow, words, mask)[i], by_hand)
    only = TextLevels(9, sizes, (1,))
    assert not only.state_dict()
    assert only(bow, words, mask).equal(bow)


def test_a_row_without_a_step_is_zero_and_sends_finite_gradients():
    """Whichever levels are on."""
    for pool in ("mean", "max"):
        net, x = video(pool=pool).train(), torch.randn(2, 4, 3, requires_grad=True)
        mask = torch.tensor([[True] * 4, [False] * 4])
        y = net(x, mask)
        assert not y[1].any()
        y.square().sum().backward()
        assert x.grad.isfinite().all()
        assert all(p.grad.isfinite().all() for p in net.parameters())


def test_dropout_is_on_levels_2_and_3_alone():
    """In training about a fifth of them is zero and the rest is scaled; level 1 is as it was."""
    torch.manual_seed(0)
    sizes = LevelSizes(whole=3, step=3, hidden=200, filters=200, kernels=(2, 3))
    x, mask = torch.randn(4, 5, 3), torch.ones(4, 5, dtype=torch.bool)
    net = VideoLevels(sizes, dropout=0.2)
    dropped, plain = net(x, mask), net.eval()(x, mask)
    assert dropped[:, -3:].equal(plain[:, -3:])
    for level in (slice(0, 400), slice(400, 800)):
        gone = (dropped[:, level] == 0) & (plain[:, level] != 0)
        share = gone.sum() / (plain[:, level] != 0).sum()
        assert share.item() == pytest.approx(0.2, abs=0.05)
        kept = ~gone
        torch.testing.assert_close(dropped[:, level][kept], plain[:, level][kept] / 0.8)


@torch.no_grad()
def test_a_released_code_may_read_windows_in_the_padding():
    """Where `window_mask` counts the padding, a window in it gives the bias, which may be largest."""

    class ReadsPadding(VideoLevels):
        def window_mask(self, mask):
            return torch.ones_like(mask)

    torch.manual_seed(3)
    x, mask, plain = torch.randn(2, 9, 3), torch.arange(9) < torch.tensor([[2], [9]]), video()
    net = ReadsPadding(SIZES).eval()
    net.load_state_dict(plain.state_dict())
    biases = torch.cat([conv.bias for conv in net.filters]).clamp(min=0)
    windows_of = slice(4, 14)
    expected = torch.maximum(plain(x, mask)[0, windows_of], biases)
    torch.testing.assert_close(net(x, mask)[0, windows_of], expected)
    assert not expected.equal(plain(x, mask)[0, windows_of])
