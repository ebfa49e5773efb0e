"""Yu et al. 2018, cell by cell, against sums written out longhand."""

import pytest
import torch
from torch import nn

from models.jsfusion import Config, Model, shrink
from models.official._tensorflow import from_tensorflow, to_tensorflow
from models.official.jsfusion import LSTMS, Released, config_of
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.longhand import cosine, hinges
from tests.models.releases import official_weights


def spread(net, std=0.5):
    """Weights and running means large enough to tell a wrong term from a right one."""
    torch.manual_seed(3)
    for weight in net.parameters():
        nn.init.normal_(weight, std=std)
    for name, x in net.named_buffers():
        if "running" in name:
            nn.init.uniform_(x, 0.5, 1.5)
    return net.eval()


def dense(layer, x):
    """One row through a layer, in evaluation."""
    linear, norm, activation = layer
    y = (linear.weight @ x - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    return activation(y + norm.shift)


def padded(x, t):
    """Step t, zeros outside."""
    return x[t] if 0 <= t < len(x) else torch.zeros_like(x[0])


def lstm_by_hand(lstm, x, suffix=""):
    """States of one direction."""
    w, u, b, c = (
        getattr(lstm, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = cell = torch.zeros(lstm.hidden_size)
    states = []
    for step in x[::-1] if suffix else x:
        i, f, g, o = (w @ step + b + u @ h + c).chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        h = o.sigmoid() * cell.tanh()
        states.append(h)
    return states[::-1] if suffix else states


@torch.no_grad()
def test_frames_longhand():
    """Eq. (1): three convolutions of width 3, half of the last gates the other, beside the frame."""
    net = spread(toy.built(Model, filters=6, joint=5))
    clips = toy.batch(net).clips
    v, mask = net.encode_video(clips)
    for row in range(4):
        x = y = list(clips.features["frames"][row][clips.mask["frames"][row]])
        for conv in net.convs:
            taps = [[padded(y, t + k - 1) for k in range(3)] for t in range(len(x))]
            y = [
                (sum(conv.weight[:, :, k] @ one[k] for k in range(3)) + conv.bias).clamp(min=0)
                for one in taps
            ]
        for t, (one, frame) in enumerate(zip(y, x, strict=True)):
            gated = torch.cat([one[:3] * one[3:].sigmoid(), frame])
            torch.testing.assert_close(v[row, t], dense(net.video, gated))
        assert mask[row].sum() == len(x)
        assert not v[row, len(x) :].any()


@torch.no_grad()
def test_words_longhand():
    """Eq. (2): both directions of an LSTM side by side, then one layer."""
    net = spread(toy.built(Model, rnn=4, joint=5))
    captions = toy.batch(net).captions
    t, _ = net.encode_text(captions)
    for row in range(4):
        x = list(net.words(captions.words[row][captions.mask[row]]))
        both = zip(lstm_by_hand(net.lstm, x), lstm_by_hand(net.lstm, x, "_reverse"), strict=True)
        for place, states in enumerate(both):
            torch.testing.assert_close(t[row, place], dense(net.text, torch.cat(states)))


def convolved(conv, cells, a, b, stride):
    """One window of a table of cells, zeros where there is none."""
    zero = torch.zeros(conv.in_channels)
    window = [
        conv.weight[:, :, i, j] @ cells.get((stride * a + i, stride * b + j), zero)
        for i in range(3)
        for j in range(3)
    ]
    return sum(window) + conv.bias


def leaky(x):
    """A fifth of what is below zero."""
    return torch.where(x < 0, 0.2 * x, x)


@torch.no_grad()
@pytest.mark.parametrize("variant", ["full", "no-gates", "no-hierarchy"])
def test_a_score_longhand(variant):
    """Eqs. (3) to (7): products, attention, three gated convolutions, their mean, four layers."""
    sizes = {"joint": 4, "channels": 3, "head": (3, 2), "rnn": 4, "filters": 4}
    net = spread(toy.built(Model, **sizes, **Model.variants[variant]))
    batch = toy.batch(net)
    (t, words), (v, frames) = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net(batch)
    for i, j in ((0, 0), (0, 2), (3, 1)):
        cells = {}
        n, m = int(frames[j].sum()), int(words[i].sum())
        for a in range(n):
            for b in range(m):
                x = v[j, a] * t[i, b]
                y = dense(net.tensor.value[1], dense(net.tensor.value[0], x))
                if net.tensor.gate is not None:
                    y = y * dense(net.tensor.gate[1], dense(net.tensor.gate[0], x))
                cells[a, b] = y
        for layer in net.decoder.layers if net.decoder else []:
            (stride, _) = layer["conv"].stride
            n, m = (max((size - 3) // stride + 1, 1) for size in (n, m))
            before, cells = cells, {}
            for a in range(n):
                for b in range(m):
                    y = leaky(convolved(layer["conv"], before, a, b, stride))
                    if "gate" in layer:
                        y = y * convolved(layer["gate"], before, a, b, stride).sigmoid()
                    cells[a, b] = y
        f = sum(cells.values()) / len(cells)
        for layer in net.head[:-1]:
            f = dense(layer, f)
        torch.testing.assert_close(scores[i, j], net.head[-1].weight[0] @ f, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(
    ("variant", "ways"),
    [("full", ["columns"]), ("rank-videos", ["rows"]), ("both-directions", ["rows", "columns"])],
)
def test_the_loss_longhand(variant, ways):
    """Eq. (8) and D5: captions compete for a video, or videos for a caption; means over all pairs."""
    net = spread(toy.built(Model, margin=0.3, **Model.variants[variant]))
    batch = toy.batch(net)
    rows, columns = hinges(net(batch).tolist(), 0.3)
    terms = {"rows": sum(map(sum, rows)), "columns": sum(map(sum, columns))}
    assert net.loss(batch).item() == pytest.approx(sum(terms[w] for w in ways) / 16, rel=1e-4)


@torch.no_grad()
def test_a_joint_embedding_is_the_cosine_of_two_means():
    """No frame meets a word."""
    net = toy.built(Model, **Model.variants["joint-embedding"])
    batch = toy.batch(net)
    (t, words), (v, frames) = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net(batch)
    for i in range(4):
        for j in range(4):
            means = t[i][words[i]].mean(0), v[j][frames[j]].mean(0)
            assert scores[i, j].item() == pytest.approx(cosine(*means), abs=1e-5)


def test_what_a_convolution_leaves():
    """Two steps less, or half of them; never none."""
    mask = torch.arange(9) < torch.tensor([[0], [2], [3], [9]])
    assert shrink(mask, 1).sum(1).tolist() == [1, 1, 1, 7]
    assert shrink(mask, 2).sum(1).tolist() == [1, 1, 1, 4]
    assert shrink(mask, 2).shape == (4, 4)


@torch.no_grad()
def test_normalised_scores_never_meet_the_margin():
    """D4: over four captions of a video no two differ by more than the root of 8, whatever f is."""
    net = spread(toy.built(Model, normalised_score=True, dropout=0.0), std=3.0).train()
    scores = net(toy.batch(net))
    torch.testing.assert_close(scores.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    assert (scores.amax(0) - scores.amin(0)).max() <= 8**0.5
    assert net.loss(toy.batch(net)) > net.config.margin * 12 / 16 - 8**0.5


def released(**change):
    """A small released model."""
    torch.manual_seed(0)
    config = toy.config_of(Model, **change)
    return Released(config, toy.sizes(Model, config))


@torch.no_grad()
def test_the_released_loss_is_margin_and_means():
    """Q1 and Q4: in training m plus the shift of the score less the mean of the right ones."""
    net = spread(released(dropout=0.0)).train()
    batch = toy.batch(net)
    scores = net(batch)
    by_hand = 10 + net.head[-1].shift - scores.diagonal().mean()
    torch.testing.assert_close(net.loss(batch), by_hand[0])


@torch.no_grad()
def test_a_release_normalises_a_video_at_a_time():
    """Q2: in training the score of a video does not depend on the other videos of the batch."""
    net = spread(released(dropout=0.0)).train()
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    one = net.similarity(text, tuple(x[1:2] for x in video))
    torch.testing.assert_close(net.similarity(text, video)[:, 1:2], one)


@torch.no_grad()
def test_a_short_video_gives_every_caption_one_score():
    """Q6: up to five frames at an even number of positions; six are enough. The paper's do not."""
    paper = toy.built(Model)
    for net, count, ties in ((released(), 5, True), (released(), 6, False), (paper, 5, False)):
        spread(net)
        batch = toy.batch(net)
        batch.clips.mask["frames"][:] = torch.arange(8) < count
        assert torch.allclose(net(batch).std(0), torch.zeros(4), atol=1e-6) is ties


def test_an_lstm_comes_back_from_tensorflow_s_layout():
    """Gates in its order, one matrix, a bias without the one that is added to the forget gate."""
    cell = next(iter(LSTMS))
    kernel = torch.arange(5 * 8.0).view(5, 8)
    state = {f"{cell}/kernel": kernel, f"{cell}/bias": torch.arange(8.0), "x/weights": kernel}
    ours = from_tensorflow(state, LSTMS)
    assert ours[f"{cell}/kernel[input]"][:, 0].tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert ours[f"{cell}/kernel[state]"].shape == (8, 2)
    assert ours[f"{cell}/bias"].tolist() == [0, 1, 5, 6, 2, 3, 6, 7]
    back = to_tensorflow(ours)
    assert back.keys() == state.keys()
    assert all(back[key].equal(state[key]) for key in state)


def test_sizes_come_from_the_weights():
    """And the margin and the positions from the recorded options."""
    net = released()
    config, _ = config_of(official_weights(net), {"steps": 12, "margin": 3.0})
    same = ("word_dim", "rnn", "filters", "joint", "channels", "head")
    assert [getattr(config, x) for x in same] == [getattr(net.config, x) for x in same]
    assert (config.steps, config.margin) == (12, 3.0)


def test_defaults_are_the_published_sizes():
    """Frames of 2,176 numbers through 2,048 filters to 512."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims={"frames": 2176}))
    assert net.video[0].weight.shape == (512, 1024 + 2176)
    assert net.decoder.layers[0]["conv"].weight.shape == (256, 512, 3, 3)
    assert net.head[-1].weight.shape == (1, 128)
