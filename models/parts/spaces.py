"""The last layer of an encoder, into a space that both sides share.

Nearly every two-sided model of the field ends in one: an affine map that starts Xavier uniform
(Glorot, Bengio 2010, equation 16), then normalisation, nonlinearity or dropout in the order its
authors chose.
"""

from torch import nn


def affine_space(in_dim: int, dim: int, *then: nn.Module) -> nn.Sequential:
    """W x + b and whatever follows, as layer 0 and layers 1, 2, ...; b starts at zero.

    Dual Encoding's is `affine_space(u, c, nn.BatchNorm1d(c), nn.Dropout(0.2))`, W2VV++'s
    `affine_space(u, c, nn.Tanh(), nn.Dropout(0.2))`.
    """
    affine = nn.Linear(in_dim, dim)
    nn.init.xavier_uniform_(affine.weight)
    nn.init.zeros_(affine.bias)
    return nn.Sequential(affine, *then)
