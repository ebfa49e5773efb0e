"""Weights under official names."""

import pytest
import torch

from models.official._loading import as_official, as_ours, load_renamed, matrix_shape


def test_a_window_over_rows_is_a_one_dimensional_convolution():
    """The official Conv2d weight, brought under ours, gives the same numbers, and comes back."""
    two = torch.nn.Conv2d(1, 4, (3, 5), padding=(2, 0))
    one = torch.nn.Conv1d(5, 4, 3, padding=2)
    one.load_state_dict({"weight": as_ours(two.weight, one.weight), "bias": two.bias})
    x = torch.randn(2, 6, 5)
    torch.testing.assert_close(one(x.mT), two(x[:, None]).squeeze(3))
    assert as_official(one.weight, two.weight).equal(two.weight)


def test_a_model_is_not_half_loaded():
    """One fault, and every weight stays what it was; many faults are counted."""
    net = torch.nn.Linear(2, 2)
    before = net.weight.clone()
    good = {"fc.weight": torch.zeros(2, 2), "fc.bias": torch.zeros(2)}
    with pytest.raises(ValueError, match="other is unknown"):
        load_renamed(net, good | {"other": torch.ones(1)}, {"fc.": ""})
    with pytest.raises(ValueError, match=r"fc\.bias is not a tensor"):
        load_renamed(net, good | {"fc.bias": "zeros"}, {"fc.": ""})
    with pytest.raises(ValueError, match=r"fc\.bias is missing or not a matrix"):
        matrix_shape(good | {"fc.bias": "zeros"}, "fc.bias")
    assert net.weight.equal(before)
    with pytest.raises(ValueError, match="and 6 more"):
        load_renamed(net, good | {f"x{i}": torch.ones(1) for i in range(10)}, {"fc.": ""})
    assert not load_renamed(net, good, {"fc.": ""}).weight.any()
