"""An encoder's last layer."""

import pytest
import torch
from torch import nn

from models.parts.spaces import affine_space


@torch.no_grad()
def test_an_affine_map_and_what_follows_longhand():
    """W x + b, normalised by running statistics, then squashed: in the order they are named."""
    torch.manual_seed(0)
    space, x = (
        affine_space(3, 4, nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.5)).eval(),
        torch.randn(2, 3),
    )
    affine, norm = space[0], space[1]
    for values in (affine.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias):
        values.data.uniform_(0.5, 2.0)
    for row, y in zip(x, space(x), strict=True):
        for k in range(4):
            z = sum(affine.weight[k, d] * row[d] for d in range(3)) + affine.bias[k]
            z = (z - norm.running_mean[k]) / (norm.running_var[k] + norm.eps).sqrt()
            torch.testing.assert_close(y[k], torch.tanh(z * norm.weight[k] + norm.bias[k]))


def test_fresh_weights_are_xavier_uniform():
    """Weights fill U(-r, r) with r the root of 6 / (in + out); biases are zero."""
    torch.manual_seed(0)
    affine = affine_space(100, 50)[0]
    bound = (6 / 150) ** 0.5
    assert affine.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert affine.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert not affine.bias.any()


def test_dropout_stands_where_it_is_named():
    """After the nonlinearity a dropped number is zero; before a sigmoid it would be a half."""
    torch.manual_seed(0)
    x = torch.randn(8, 3)
    last = affine_space(3, 64, nn.Sigmoid(), nn.Dropout(0.5))(x)
    inside = affine_space(3, 64, nn.Dropout(0.5), nn.Sigmoid())(x)
    assert 0.3 < (last == 0).float().mean() < 0.7
    assert 0.3 < (inside == 0.5).float().mean() < 0.7
