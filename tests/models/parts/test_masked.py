"""Masking and the tied head against loops."""

import torch

from models.parts.masked import TiedHead, random_steps


def test_steps_are_masked_with_the_given_probability():
    """Those that may be, a fifth of them; padding never."""
    torch.manual_seed(0)
    may = torch.ones(200, 50, dtype=torch.bool)
    may[:, 40:] = False
    masked = random_steps(may, 0.2)
    assert not masked[:, 40:].any()
    assert abs(masked[:, :40].float().mean() - 0.2) < 0.02


def test_a_row_has_at_least_one_masked_step():
    """Where it may have any; each step equally often."""
    torch.manual_seed(0)
    may = torch.tensor([[True, True, False]]).repeat(1000, 1)
    masked = random_steps(may, 0.0)
    assert masked.sum(1).tolist() == [1] * 1000
    assert 400 < masked[:, 0].sum() < 600
    assert not random_steps(torch.zeros(2, 3, dtype=torch.bool), 0.5).any()


def test_the_head_longhand():
    """An affine map, GELU, a norm, inner products with the rows of the table, their biases."""
    torch.manual_seed(0)
    head, x, table = TiedHead(4, 3), torch.randn(2, 4), torch.randn(3, 4)
    torch.nn.init.normal_(head.bias)
    logits = head(x, table)
    for row in range(2):
        h = head.hidden.weight @ x[row] + head.hidden.bias
        h = h * (1 + torch.erf(h / 2**0.5)) / 2
        h = (h - h.mean()) / (h.var(unbiased=False) + 1e-12) ** 0.5
        for k in range(3):
            expected = (h * table[k]).sum() + head.bias[k]
            torch.testing.assert_close(logits[row, k], expected)
