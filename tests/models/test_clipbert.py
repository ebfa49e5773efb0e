"""Lei et al. 2021, equation by equation, against sums written out longhand."""

import math

import pytest
import torch

from models.clipbert import Config, Model
from models.official.clipbert import Released, config_of
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.releases import official_weights


def sides(net, batch):
    """Embedded words, their mask, and visual tokens."""
    return *net.encode_text(batch.captions), net.encode_video(batch.clips)


def test_clips_are_spread_from_the_first_frame_to_the_last():
    """Eq. (1?): evenly in evaluation; a video shorter than a clip has one place for it."""
    net = toy.built(Model, test_clips=3, frames=2)
    starts = net.starts(torch.tensor([8, 3, 1, 0]))
    assert starts.tolist() == [[0, 3, 6], [0, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_clips_are_at_random_places_in_training():
    """Eq. (1?): each place equally often, none beyond the last, in the loss alone."""
    net = toy.built(Model, clips=3000, frames=3)
    net.draws = True
    count = torch.bincount(net.starts(torch.tensor([7]))[0])
    assert len(count) == 5
    assert ((count - 600).abs() < 120).all()
    net = toy.built(Model).train()
    batch = toy.batch(net)
    net.loss(batch)
    assert net(batch).equal(net(batch))


def test_maps_are_those_of_the_frames_of_each_clip():
    """D3: neighbouring frames; the last one is repeated where a video is too short."""
    net = toy.built(Model, test_clips=2, frames=3)
    clips = toy.batch(net).clips
    clips.pixels_mask[1] = torch.arange(8) < 2
    maps = net.maps(clips)
    for video, places in ((0, [[0, 1, 2], [5, 6, 7]]), (1, [[0, 1, 1], [0, 1, 1]])):
        for clip in range(2):
            for frame, place in enumerate(places[clip]):
                pixels = clips.pixels[video, place].float() / 127.5 - 1
                torch.testing.assert_close(maps[video, clip, frame], net.cnn(pixels[None])[0])


def test_a_layer_under_the_grid_halves_a_frame():
    """D2: a strided convolution, a norm over groups of channels, ReLU."""
    net = toy.built(Model)
    layer, x = net.cnn[0], torch.randn(1, 3, 6, 6)
    y = torch.nn.functional.conv2d(x, layer[0].weight, stride=2, padding=1)[0]
    groups = [(g - g.mean()) / (g.var(unbiased=False) + 1e-5) ** 0.5 for g in y.split(2)]
    torch.testing.assert_close(layer(x)[0], torch.cat(groups).clamp(min=0))


def test_the_grid_longhand():
    """Eq. (2?): a 3x3 convolution, the largest of two by two, nothing below 0; odd edges fall off."""
    net = toy.built(Model)
    maps = torch.randn(1, 64, 5, 4)
    grid, weight = net.grid(maps)[0], net.grid_conv.weight
    padded = torch.nn.functional.pad(maps[0], (1, 1, 1, 1))
    assert grid.shape[:2] == (2, 2)
    for row in range(2):
        for column in range(2):
            cells = [
                (weight * padded[:, y : y + 3, x : x + 3]).sum((1, 2, 3))
                for y in (2 * row, 2 * row + 1)
                for x in (2 * column, 2 * column + 1)
            ]
            expected = torch.stack(cells).amax(0).clamp(min=0)
            torch.testing.assert_close(grid[row, column], expected, rtol=1e-4, atol=1e-4)


def test_visual_tokens_longhand():
    """Eqs. (3?) and (4?): the mean over frames, its row, its column and its type, normalised."""
    net = toy.built(Model)
    maps = torch.randn(2, 3, 2, 64, 4, 6)
    x = net.tokens(maps)
    assert x.shape == (2, 3, 6, 64)
    for video in range(2):
        for clip in range(3):
            g = sum(net.grid(maps[video, clip])) / 2
            for place in range(6):
                row, column = divmod(place, 3)
                whole = g[row, column] + net.rows.weight[row] + net.columns.weight[column]
                whole = whole + net.visual_type.weight[0]
                expected = (whole - whole.mean()) / whole.var(unbiased=False) ** 0.5
                torch.testing.assert_close(x[video, clip, place], expected, rtol=1e-4, atol=1e-5)


def test_logits_of_a_clip_longhand():
    """Eq. (5?): words and tokens side by side through the blocks, padding unread; two layers."""
    net = toy.built(Model)
    words, mask, visual = sides(net, toy.batch(net))
    z = net.clip_logits(words, mask, visual)
    first, _, last = net.match
    for pair in range(4):
        own = words[pair, mask[pair]]
        for clip in range(4):
            states = net.text.blocks(torch.cat([own, visual[pair, clip]])[None])
            pooled = torch.tanh(net.pooler.weight @ states[0, 0] + net.pooler.bias)
            hidden = (first.weight @ pooled + first.bias).clamp(min=0)
            expected = last.weight @ hidden + last.bias
            torch.testing.assert_close(z[pair, clip], expected, rtol=1e-4, atol=1e-5)


def test_the_first_words_alone_are_read():
    """A caption is cut to `max_words`."""
    net = toy.built(Model, max_words=3)
    words, mask = net.encode_text(toy.batch(net).captions)
    assert words.shape[1] == mask.shape[1] == 3


@pytest.mark.parametrize("pooling", ["lse", "mean", "max"])
def test_logits_over_clips_longhand(pooling):
    """Eq. (6?): class by class."""
    net = toy.built(Model, pooling=pooling)
    z = torch.randn(2, 3, 2)
    y = net.pooled(z)
    for pair in range(2):
        for label in range(2):
            values = z[pair, :, label].tolist()
            expected = {
                "lse": math.log(sum(math.exp(value) for value in values)),
                "mean": sum(values) / 3,
                "max": max(values),
            }[pooling]
            assert y[pair, label].item() == pytest.approx(expected, abs=1e-5)


def pair_logits(net, batch):
    """Logits y of every caption with every video, one pair at a time: [caption][video]."""
    words, mask, visual = sides(net, batch)
    n = range(len(words))
    return [
        [
            net.pooled(net.clip_logits(words[i : i + 1], mask[i : i + 1], visual[j : j + 1]))[0]
            for j in n
        ]
        for i in n
    ]


def test_scores_are_log_odds():
    """D5: of class 1 against class 0."""
    net = toy.built(Model)
    batch = toy.batch(net)
    y, scores = pair_logits(net, batch), net(batch)
    for i in range(4):
        for j in range(4):
            no, match = y[i][j].tolist()
            assert scores[i, j].item() == pytest.approx(match - no, abs=1e-5)


def test_the_match_loss_longhand():
    """Eq. (7?), D4: as many wrong captions weigh against each right one as are drawn in training."""
    net = toy.built(Model)
    drawn = net.config.negatives
    batch = toy.batch(net)
    y, right, wrong = pair_logits(net, batch), 0.0, 0.0
    for i in range(4):
        for j in range(4):
            no, match = y[i][j].tolist()
            total = math.log(math.exp(no) + math.exp(match))
            right += (total - match) / 4 if i == j else 0.0
            wrong += (total - no) / 12 if i != j else 0.0
    mean = (right + drawn * wrong) / (1 + drawn)
    assert net.loss(batch).item() == pytest.approx(mean, rel=1e-4)


def test_the_hinge_longhand():
    """Eq. (8?): probabilities of wrong captions come no nearer than the margin."""
    net = toy.built(Model, objective="rank", pooling="mean")
    batch = toy.batch(net)
    y, total = pair_logits(net, batch), 0.0
    for j in range(4):
        p = [1 / (1 + math.exp(-y[i][j].item())) for i in range(4)]
        total += sum(max(0.0, 0.2 + p[i] - p[j]) for i in range(4) if i != j) / 12
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-4)


def test_wrong_captions_are_drawn_from_the_batch():
    """D4: as many as `negatives`, each of the others equally often, never a video's own."""
    net = toy.built(Model, negatives=3000).train()
    for own, row in enumerate(net.candidates(4, torch.device("cpu"))):
        assert row[0] == own
        count = torch.bincount(row[1:], minlength=4)
        assert count[own] == 0
        assert ((count - 1000).abs()[torch.arange(4) != own] < 160).all()


def test_as_released_scores_are_rounded_probabilities():
    """Q1: four decimals."""
    net = toy.built(Released)
    batch = toy.batch(net)
    exact = toy.built(Model)(batch).sigmoid()
    assert net(batch).equal(torch.round(exact, decimals=4))


def test_sizes_are_read_from_official_weights():
    """What is not used is left out; the options tell what no weight does."""
    net = toy.built(Released, cnn=(24,), objective="rank")
    weights = official_weights(net) | {"cnn.feature.stem.weight": torch.ones(2)}
    table = "transformer.bert.visual_embeddings.position_embeddings.weight"
    again = Model.from_official(weights | {table: torch.ones(3, 64)})
    assert again.config.cnn == (24,)
    assert (again.config.objective, again.config.pooling) == ("rank", "mean")
    options = {"heads": 4, "clips": 3, "frames": 5, "neg": 2, "margin": 0.1, "max_words": 9}
    config, data = config_of(weights, options)
    assert data == DataSizes(30)
    assert config.text == (64, 4, 128, 1)
    assert (config.clips, config.frames, config.negatives) == (3, 5, 2)
    assert (config.margin, config.max_words) == (0.1, 9)


def test_other_losses_and_missing_convolutions_are_refused():
    """In one line."""
    weights = official_weights(toy.built(Released))
    with pytest.raises(ValueError, match="loss_type 'bce' is none of ce, rank"):
        config_of(weights, {"loss_type": "bce"})
    del weights["cnn.grid_encoder.0.weight"]
    with pytest.raises(ValueError, match="is missing"):
        config_of(weights)


def test_defaults_are_the_published_sizes():
    """BERT-base; maps of 2,048 channels; two classes."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100))
    assert tuple(net.grid_conv.weight.shape) == (768, 2048, 3, 3)
    assert net.match[0].out_features == 1536
    assert net.match[2].out_features == 2
