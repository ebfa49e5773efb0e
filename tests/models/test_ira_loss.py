"""IRA, recomputed with loops."""

import math

import pytest
import torch

from models.ira_loss import Config, Model, relative_cost
from models.official._scan import Attention, CrossAttentionEncoder
from models.official.ira_loss import Released, config_of
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.releases import official_weights

MARGIN, ALPHA, BETA = 0.2, 3.0, 1.0


def cost(x, margin=MARGIN, alpha=ALPHA, beta=BETA):
    """Of one triplet."""
    if x <= -margin:
        return 0.0
    if x > 0:
        return margin + x * (math.exp(x) + alpha)
    return max(0.0, margin + x / (math.exp(x) + beta)) if x < 0 else margin


@pytest.mark.parametrize("x", [-0.5, -0.21, -0.19, -0.1, 0.0, 0.1, 1.2])
def test_the_cost_of_a_triplet(x):
    """Eqs. (1), (2) and (3): wrong order, within the margin, beyond it."""
    ours = relative_cost(torch.tensor([x]), MARGIN, ALPHA, BETA)
    assert ours.item() == pytest.approx(cost(x), rel=1e-5)


def test_a_weight_below_one_never_makes_a_cost_negative():
    """Eq. (2) with beta 0 divides by less than 1."""
    assert relative_cost(torch.tensor([-0.19]), MARGIN, ALPHA, 0.0).item() == 0.0
    assert cost(-0.19, beta=0.0) == 0.0


@pytest.mark.parametrize("x", [-0.5, -0.1, 0.0, 0.1, 1.2])
def test_the_weight_counts_in_the_gradient(x):
    """Its derivative in x is taken too; at x = 0 the slope is 1."""
    at = torch.tensor([x], requires_grad=True)
    relative_cost(at, MARGIN, ALPHA, BETA).sum().backward()
    e = math.exp(x)
    slope = {
        -1: (e * (1 - x) + BETA) / (e + BETA) ** 2,
        0: 1.0,
        1: e * (1 + x) + ALPHA,
    }[(x > 0) - (x < 0)]
    assert at.grad.item() == pytest.approx(slope if x > -MARGIN else 0.0, rel=1e-5)


@pytest.mark.parametrize("hardest", [True, False])
def test_the_loss_longhand(hardest):
    """Eqs. (4) and (5): both directions, the hardest or all wrong pairs, summed over the batch."""
    net = toy.built(Model, hardest=hardest, margin=MARGIN, alpha=ALPHA, beta=BETA)
    batch = toy.batch(net)
    s = net(batch).tolist()
    total = 0.0
    for i in range(4):
        wrong = [j for j in range(4) if j != i]
        for costs in (
            [cost(s[i][j] - s[i][i]) for j in wrong],
            [cost(s[j][i] - s[i][i]) for j in wrong],
        ):
            total += max(costs) if hardest else sum(costs)
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-4)


def test_the_variant_without_weights_is_the_triplet_loss():
    """The same margin and encoders."""
    net = toy.built(Model, **Model.variants["triplet"])
    batch = toy.batch(net)
    by_hand = longhand.triplet(net(batch).tolist(), Config.margin)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-4)


def attended_cosine(asking, asked, attention):
    """Mean over the parts that ask of their cosine with what each attends to; loops over pairs."""
    sharpness, aggregation = attention
    table = [[float(q @ k) for k in asked] for q in asking]
    leaky = [[c if c > 0 else 0.1 * c for c in row] for row in table]
    norms = [math.sqrt(sum(row[k] ** 2 for row in leaky)) for k in range(len(asked))]
    cosines = []
    for n, q in enumerate(asking):
        weights = [math.exp(sharpness * leaky[n][k] / norms[k]) for k in range(len(asked))]
        attended = sum(w * k for w, k in zip(weights, asked, strict=True))
        cosines.append(longhand.cosine(q, attended))
    if aggregation == "Mean":
        return sum(cosines) / len(cosines)
    return math.log(sum(math.exp(6 * c) for c in cosines)) / 6


@pytest.mark.parametrize("aggregation", ["Mean", "LogSumExp"])
@pytest.mark.parametrize("direction", ["t2i", "i2t"])
def test_the_released_host_compares_by_attention(direction, aggregation):
    """SCAN: one side's parts attend to the other's, row by row, padding left out."""
    torch.manual_seed(0)
    host = CrossAttentionEncoder(30, 4, toy.FRAMES, 5, Attention(direction, 4.0, aggregation))
    batch = toy.batch(toy.built(Model))
    text = host.encode_text(batch.captions.words, batch.captions.mask)
    video = host.encode_video(batch.clips.features["frames"], batch.clips.mask["frames"])
    scores = host.similarity(text, video)
    for i in range(4):
        for j in range(4):
            words = text[0][i][text[1][i]].detach()
            regions = video[0][j][video[1][j]].detach()
            sides = (words, regions) if direction == "t2i" else (regions, words)
            by_hand = attended_cosine(*sides, (4.0, aggregation))
            assert scores[i, j].item() == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize("aggregation", ["Mean", "LogSumExp"])
def test_a_side_without_a_part_scores_a_number(aggregation):
    """No frame or no word: finite scores and gradients."""
    host = CrossAttentionEncoder(30, 4, toy.FRAMES, 5, Attention("i2t", 4.0, aggregation))
    batch = toy.batch(toy.built(Model))
    batch.captions.mask[0] = False
    batch.clips.mask["frames"][1] = False
    text = host.encode_text(batch.captions.words, batch.captions.mask)
    video = host.encode_video(batch.clips.features["frames"], batch.clips.mask["frames"])
    scores = host.similarity(text, video)
    scores.sum().backward()
    assert scores.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in host.parameters())


def test_an_attention_that_is_none_is_refused():
    """Of the release's three names for a direction, two attend."""
    config = Released.Config.small()
    weights = official_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="cross_attn 'both' is none of t2i, i2t"):
        config_of(weights, {"cross_attn": "both"})


def test_defaults_are_the_published_sizes():
    """1,024 numbers in the space, word vectors of 300."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 2048}))
    assert net.encoder.video_space[0].weight.shape == (1024, 2048)
    assert net.encoder.sentence.words.weight.shape == (9_000, 300)
