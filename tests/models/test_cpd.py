"""Li and Wang 2020, equation by equation, against sums written out longhand."""

import math

import pytest
import torch

from models.cpd import Config, Model
from models.official.cpd import Released, config_of
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.releases import official_weights

SIDES = ("text", "video")


def unit(x):
    """A vector over its length."""
    return x / (x**2).sum() ** 0.5


def affine(layer, x):
    """W x + b of one row."""
    return layer.weight @ x + layer.bias


def banks(net):
    """Copies of both banks."""
    return {side: net.banks[side].bank.clone() for side in SIDES}


def test_a_clip_is_the_mapped_mean_of_its_frames():
    """Eq. (1?) and D2: at unit length, padding left out."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    v = net.encode_video(clips)
    for row in range(4):
        frames = clips.features["frames"][row][clips.mask["frames"][row]]
        torch.testing.assert_close(v[row], unit(affine(net.video_space, sum(frames) / len(frames))))


def test_a_text_is_the_mapped_mean_of_its_states():
    """Eq. (2?): states of true words, a perceptron with a batch norm after its first layer."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    first, norm, _, last = net.text_space
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2.0)
    t, states = net.encode_text(captions), net.text(captions.words, captions.mask)
    for row in range(4):
        own = states[row][captions.mask[row]]
        x = affine(first, sum(own) / len(own))
        x = (x - norm.running_mean) / (norm.running_var + 1e-5) ** 0.5 * norm.weight + norm.bias
        torch.testing.assert_close(t[row], unit(affine(last, x.clamp(min=0))))


def test_the_first_words_alone_are_read():
    """Words beyond `max_words` change nothing; those before do."""
    net = toy.built(Model, max_words=3)
    captions = toy.batch(net).captions
    before = net.encode_text(captions)
    captions.words[0, 3] = 29 - captions.words[0, 3]
    assert net.encode_text(captions).equal(before)
    captions.words[0, 2] = 29 - captions.words[0, 2]
    assert not net.encode_text(captions).equal(before)


def probabilities(net, side, x, rows, own=False):
    """Eqs. (3?) and (4?) of a batch: a list of lists."""
    bank = net.banks[side if own else SIDES[1 - SIDES.index(side)]].bank
    e = [
        [math.exp(float(sum(x[i] * bank[j]).detach()) / net.config.temperature) for j in rows[i]]
        for i in range(len(x))
    ]
    cells = [value for line in e for value in line]
    constant = float(net.get_buffer(f"Z_{side}"))
    constant = constant if constant > 0 else len(bank) * sum(cells) / len(cells)
    return [[value / constant for value in line] for line in e]


@pytest.mark.parametrize("bank", ["other", "own"])
@pytest.mark.parametrize("constant", [-1.0, 40.0])
def test_probabilities_longhand(bank, constant):
    """Eqs. (3?) and (4?): of each side with the other's bank, or with its own."""
    net = toy.built(Model, bank=bank)
    batch = toy.batch(net)
    rows = torch.tensor([[0, 3, 3], [1, 8, 0], [2, 4, 5], [3, 1, 6]])
    for side, x in zip(
        SIDES, (net.encode_text(batch.captions), net.encode_video(batch.clips)), strict=True
    ):
        net.get_buffer(f"Z_{side}").fill_(constant)
        ours = net.probabilities(side, x, rows)
        expected = torch.tensor(probabilities(net, side, x, rows, own=bank == "own"))
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=0)


def test_the_constant_is_set_by_the_first_batch():
    """Eq. (4?): once, in training alone; a later batch finds it fixed."""
    net = toy.built(Model)
    net.loss(toy.batch(net))
    assert net.Z_text == net.Z_video == -1
    net.train().loss(toy.batch(net))
    first = (net.Z_text.item(), net.Z_video.item())
    assert min(first) > 0
    net.loss(toy.batch(net, seed=2))
    assert (net.Z_text.item(), net.Z_video.item()) == first


def test_the_loss_longhand():
    """Eqs. (5?) and (6?), D3, D4: partner and K times the mean of all others, both directions."""
    net = toy.built(Model, negatives=5)
    batch = toy.batch(net)
    index, total = batch.captions.index.tolist(), 0.0
    rows = [[i, *(j for j in range(9) if j != i)] for i in index]
    sides = (net.encode_text(batch.captions), net.encode_video(batch.clips))
    for side, x in zip(SIDES, sides, strict=True):
        for own, *others in probabilities(net, side, x, rows):
            total -= math.log(own / (own + 5 / 9 + 1e-7)) / 4
            total -= 5 * sum(math.log(5 / 9 / (p + 5 / 9 + 1e-7)) for p in others) / 8 / 4
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-4)


def test_negatives_are_drawn_from_all_other_pairs():
    """D3: K of them, uniformly; a pair's own row never."""
    net = toy.built(Model, negatives=4000).train()
    index = torch.tensor([0, 4, 8])
    rows = net.negatives(index)
    assert rows.shape == (3, 4000)
    for own, drawn in zip(index, rows, strict=True):
        count = torch.bincount(drawn, minlength=9)
        assert count[own] == 0
        assert count.sum() == 4000
        assert ((count - 500).abs()[torch.arange(9) != own] < 120).all()


def test_banks_are_read_before_they_are_written():
    """Eq. (7?): a loss is that of the old rows; own rows then move half way, at unit length."""
    net = toy.built(Model).train()
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    net.Z_text.fill_(40.0)
    net.Z_video.fill_(40.0)
    rows = torch.cat([batch.captions.index[:, None], torch.full((4, 1), 8)], dim=1)
    net.negatives = lambda _index: rows[:, 1:]
    expected = sum(
        sum(net.terms(net.probabilities(side, x, rows)))
        for side, x in (("text", text), ("video", video))
    )
    before = banks(net)
    torch.testing.assert_close(net.loss(batch), expected)
    for side, x in (("text", text), ("video", video)):
        after = net.banks[side].bank
        for row, own in enumerate(batch.captions.index.tolist()):
            torch.testing.assert_close(after[own], unit(0.5 * before[side][own] + 0.5 * x[row]))
        rest = [row for row in range(9) if row not in batch.captions.index]
        assert after[rest].equal(before[side][rest])


def test_evaluation_leaves_the_banks_alone():
    """D4: two losses of one batch are equal."""
    net = toy.built(Model)
    batch, before = toy.batch(net), banks(net)
    assert net.loss(batch).equal(net.loss(batch))
    assert all(net.banks[side].bank.equal(before[side]) for side in SIDES)


def test_the_text_encoder_is_frozen_at_first():
    """Eq. (8?): no gradient below the perceptron until the given epoch."""
    net = toy.built(Model, frozen_epochs=2)
    for epoch, trained in ((0, False), (1, False), (2, True)):
        net.zero_grad()
        net.on_epoch(epoch)
        net.loss(toy.batch(net)).backward()
        assert (net.text.words.weight.grad is not None) is trained
        assert net.text_space[0].weight.grad.any()


def test_scores_are_cosines():
    """One pair at a time."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video, scores = (
        net.encode_text(batch.captions),
        net.encode_video(batch.clips),
        net(batch),
    )
    for i in range(4):
        for j in range(4):
            assert scores[i, j].item() == pytest.approx(
                longhand.cosine(text[i], video[j]), abs=1e-5
            )


def test_as_released_padding_is_attended_to():
    """Q1: states are those of a text filled with zeros up to `max_words`, which are not trained."""
    released, net = (toy.built(kind, max_words=9) for kind in (Released, Model))
    captions = toy.batch(net).captions
    filled = torch.zeros(4, 9, dtype=torch.long)
    filled[:, :7] = captions.words * captions.mask
    states = net.text(filled, torch.ones(4, 9, dtype=torch.bool))[:, :7]
    torch.testing.assert_close(released.states(captions.words, captions.mask), states)
    assert not torch.allclose(released.encode_text(captions), net.encode_text(captions))
    released.encode_text(captions).sum().backward()
    assert not released.text.words.weight.grad[0].any()


def test_as_released_a_pair_may_be_its_own_negative():
    """Q2: draws are uniform over all rows."""
    net = toy.built(Released, negatives=9000)
    count = torch.bincount(net.negatives(torch.tensor([4]))[0], minlength=9)
    assert ((count - 1000).abs() < 200).all()


def test_as_released_evaluation_changes_banks_and_constants():
    """Q3: whenever there is a loss."""
    net = toy.built(Released)
    before = banks(net)
    net.loss(toy.batch(net))
    assert net.Z_text > 0
    assert not any(net.banks[side].bank.equal(before[side]) for side in SIDES)


def test_sizes_are_read_from_official_weights():
    """The 3-D network is left out; the options tell what no weight does."""
    net = toy.built(Released)
    weights = official_weights(net) | {"visual_encoder.conv1.weight": torch.ones(2)}
    again = Model.from_official(weights)
    assert again.data == DataSizes(30, dims={"frames": 6}, captions=9)
    assert again.config.text == (64, 1, 128, 1)
    options = {"K": 7, "T": 0.1, "momentum": 0.9, "text_heads": 4, "max_words": 5}
    config, _ = config_of(weights, options)
    assert config.text == (64, 4, 128, 1)
    assert (config.negatives, config.temperature, config.momentum) == (7, 0.1, 0.9)
    assert config.max_words == 5


def test_defaults_are_the_published_sizes():
    """256 numbers in common, DistilBERT's 768 before them."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims={"frames": 2048}, captions=50))
    assert net.video_space.out_features == net.text_space[3].out_features == 256
    assert net.text_space[0].in_features == 768
    assert net.banks["text"].bank.shape == (50, 256)
