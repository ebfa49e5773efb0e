"""Measures of likeness."""

import pytest
import torch

from models.parts.similarity import jaccard


def test_jaccard_longhand():
    """Sum of minima over sum of maxima for every pair of rows; zero for two rows of zeros."""
    torch.manual_seed(0)
    p, q = torch.rand(3, 4), torch.rand(2, 4)
    p[2] = q[1] = 0
    scores = jaccard(p, q)
    for i in range(3):
        for j in range(2):
            least = sum(min(a, b) for a, b in zip(p[i].tolist(), q[j].tolist(), strict=True))
            most = sum(max(a, b) for a, b in zip(p[i].tolist(), q[j].tolist(), strict=True))
            assert scores[i, j].item() == pytest.approx(least / most if most else 0.0, abs=1e-6)
