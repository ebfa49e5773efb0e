"""The polynomial loss, recomputed with loops."""

import pytest
import torch

from models.official.universal_weighting_polyloss import Released
from models.parts.contract import DataSizes
from models.universal_weighting_polyloss import Config, Model, polynomial
from tests.models import longhand, toy


@pytest.mark.parametrize(("x", "expected"), [(0.0, 0.03), (0.2, 0.0), (-0.5, 0.455), (1.0, 0.53)])
def test_a_polynomial_is_never_negative(x, expected):
    """Eq. (2): constant, linear and quadratic term; the negatives' is below zero around 0.2."""
    y = polynomial(torch.tensor([x]), Config.negative)
    assert y.item() == pytest.approx(expected, abs=1e-6)


def by_hand(s, config):
    """Both directions of a table of scores, anchor by anchor."""

    def poly(x, c):
        return max(0.0, c[0] + c[1] * x + c[2] * x * x)

    total = 0.0
    for table in (s, [list(column) for column in zip(*s, strict=True)]):
        for i, row in enumerate(table):
            kept = [x for j, x in enumerate(row) if j != i and x + config.margin > row[i]]
            if not kept:
                continue
            of_negatives = [poly(x, config.negative) for x in kept]
            mean = sum(of_negatives) / len(kept)
            total += poly(row[i], config.positive)
            total += mean if config.average else poly(max(kept), config.negative)
    return total / len(s)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("margin", [0.05, 0.2, 2.0])
def test_the_loss_longhand(average, margin):
    """Eqs. (1), (3) and (4): kept negatives, the hardest or their mean, over the batch's size."""
    net = toy.built(Model, average=average, margin=margin)
    batch = toy.batch(net, 6)
    assert net.loss(batch).item() == pytest.approx(by_hand(net(batch).tolist(), net.config), 1e-4)


def test_a_batch_without_a_close_negative_has_no_loss():
    """Every negative is farther away than the margin: zero, with a gradient of zeros."""
    net = toy.built(Model)
    scores = (2 * torch.eye(3) - 1).requires_grad_()
    loss = net.direction(scores)
    loss.backward()
    assert loss.item() == 0.0
    assert not scores.grad.any()


def test_what_is_kept_gets_no_gradient():
    """Only positive and hardest negative of a kept anchor do."""
    net = toy.built(Model, margin=0.2)
    scores = torch.tensor([[0.5, 0.6, 0.4], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]], requires_grad=True)
    net.direction(scores).backward()
    expected = torch.zeros(3, 3)
    expected[0, 0], expected[0, 1] = 0.4 * 0.5 - 0.7, 1.8 * 0.6 - 0.4
    torch.testing.assert_close(scores.grad, expected)


def test_the_variant_without_weights_is_the_triplet_loss():
    """The same margin and encoders."""
    net = toy.built(Model, **Model.variants["triplet"])
    batch = toy.batch(net)
    triplet = longhand.triplet(net(batch).tolist(), Config.margin)
    assert net.loss(batch).item() == pytest.approx(triplet, rel=1e-4)


def test_the_release_leaves_out_a_perfect_positive():
    """Q2: an anchor whose positive scores 1 has no cost, whatever its negatives."""
    config = Released.Config.small()
    net = Released(config, toy.sizes(Model, config))
    scores = torch.tensor([[1.0, 0.95], [0.2, 0.3]])
    assert net.kept(scores).tolist() == [[False, False], [True, False]]
    assert Model.kept(net, scores).tolist() == [[False, True], [True, False]]


def test_defaults_are_the_published_sizes():
    """1,024 numbers in the space, word vectors of 300."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 2048}))
    assert net.encoder.video_space[0].weight.shape == (1024, 2048)
    assert net.encoder.sentence.words.weight.shape == (9_000, 300)
