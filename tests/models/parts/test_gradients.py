"""Gradients that are not derivatives."""

import torch

from models.parts.gradients import binary_code, reverse_gradient


def test_a_reversed_gradient_is_the_negative_times_the_scale():
    """Values pass unchanged; d/dx of the sum of 3 x^2 is 6 x, which comes back as -0.5 of it."""
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, 0.5)
    assert y.equal(x)
    (3 * y**2).sum().backward()
    assert x.grad.tolist() == [-3.0, 6.0]


def test_a_module_behind_a_reversal_learns_as_usual():
    """Only what stands before it is turned round."""
    x, w = torch.tensor([2.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)
    (reverse_gradient(x) * w).sum().backward()
    assert w.grad.item() == 2.0
    assert x.grad.item() == -3.0


def test_a_code_is_the_sign_and_its_gradient_the_identity_s():
    """Zero is 1; exactly -1 and 1, in the type of what is coded."""
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor([-0.3, 0.0, 7.0, -1e-30], dtype=dtype, requires_grad=True)
        code = binary_code(x)
        assert code.dtype == dtype
        assert code.tolist() == [-1.0, 1.0, 1.0, -1.0]
        (code * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
        assert x.grad.tolist() == [1.0, 2.0, 3.0, 4.0]
