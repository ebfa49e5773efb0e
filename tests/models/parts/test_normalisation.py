"""Batch norm of several calls, against the calls one after the other."""

import copy

import pytest
import torch

from models.parts.normalisation import CallwiseBatchNorm, ShiftNorm


def norm(momentum=0.1):
    """Three dimensions, scales and running statistics that are not the fresh ones."""
    torch.manual_seed(0)
    net = CallwiseBatchNorm(3, momentum=momentum)
    for values in (net.weight.data, net.bias.data, net.running_mean, net.running_var):
        values.uniform_(0.5, 2.0)
    return net


@pytest.mark.parametrize("calls", [1, 2, 7])
@pytest.mark.parametrize("momentum", [0.1, 0.4])
def test_one_pass_is_the_calls_one_after_the_other(calls, momentum):
    """Output, gradients, running statistics and the counter are those of a loop over the calls."""
    net = norm(momentum)
    plain = torch.nn.BatchNorm1d(3, momentum=momentum)
    plain.load_state_dict(copy.deepcopy(net.state_dict()))
    x = torch.randn(5, calls, 3) * torch.arange(1.0, calls + 1)[:, None]
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    y = net(ours)
    each = torch.stack([plain(theirs[:, k]) for k in range(calls)], 1)
    torch.testing.assert_close(y, each)
    weight = torch.randn_like(y)
    for out in (y, each):
        (out * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    for name, own in net.named_parameters():
        torch.testing.assert_close(own.grad, plain.get_parameter(name).grad)
    for name, own in net.named_buffers():
        torch.testing.assert_close(own, plain.get_buffer(name))


def test_evaluation_reads_the_running_statistics():
    """Calls and rows do not matter then, and nothing moves."""
    net, x = norm().eval(), torch.randn(4, 2, 3)
    before = copy.deepcopy(net.state_dict())
    y = (x - net.running_mean) / (net.running_var + net.eps).sqrt() * net.weight + net.bias
    torch.testing.assert_close(net(x), y)
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())


def test_no_call_is_no_change():
    """A network that nobody calls gives nothing and keeps its statistics."""
    net = norm()
    mean = net.running_mean.clone()
    assert net(torch.randn(4, 0, 3)).shape == (4, 0, 3)
    assert net.running_mean.equal(mean)


def test_a_norm_with_a_shift_and_no_gain():
    """Rows of mean 0 and variance 1, then the shift; no rows stay none."""
    norm = ShiftNorm(2, 1e-12, 0.5)
    norm.shift.data = torch.tensor([3.0, -1.0])
    y = norm(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    torch.testing.assert_close(y, torch.tensor([[2.0, -2.0], [4.0, 0.0]]))
    assert norm(torch.zeros(0, 2)).shape == (0, 2)
    assert norm.weight is None


def test_callwise_norm_without_gain_and_shift():
    """Each call has mean 0 over its rows."""
    norm = CallwiseBatchNorm(2, affine=False)
    y = norm(torch.randn(5, 3, 2))
    torch.testing.assert_close(y.mean(0), torch.zeros(3, 2), atol=1e-6, rtol=0)
