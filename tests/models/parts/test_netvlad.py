"""NetVLAD, cluster by cluster."""

import math

import pytest
import torch

from models.official._loading import official_names
from models.parts.netvlad import NetVLAD, netvlad_names

MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])


def pool(ghosts=0):
    """Three features, two clusters, statistics and scales that are not the fresh ones."""
    torch.manual_seed(0)
    net = NetVLAD(3, 2, ghosts).eval()
    for values in (net.norm.running_mean, net.norm.running_var, net.norm.weight, net.norm.bias):
        values.data.uniform_(0.5, 2.0)
    return net


def unit(values):
    """A list of numbers at length 1."""
    length = math.sqrt(sum(v * v for v in values))
    return [v / length for v in values]


def by_hand(net, steps):
    """Assign each step, sum its differences from the centres, normalise each cluster and all."""
    norm, clusters = net.norm, net.centres.shape[2]
    columns = [[0.0] * 3 for _ in range(clusters)]
    for step in steps:
        logits = []
        for k in range(net.clusters.shape[1]):
            z = sum(step[d] * net.clusters[d, k] for d in range(3))
            z = (z - norm.running_mean[k]) / (norm.running_var[k] + norm.eps).sqrt()
            logits.append(math.exp(z * norm.weight[k] + norm.bias[k]))
        for k in range(clusters):
            for d in range(3):
                share = logits[k] / sum(logits)
                columns[k][d] += share * float(step[d] - net.centres[0, d, k])
    columns = [unit(column) for column in columns]
    return unit([columns[k][d] for d in range(3) for k in range(clusters)])


@pytest.mark.parametrize("ghosts", [0, 1, 2])
@torch.no_grad()
def test_steps_are_pooled_around_centres(ghosts):
    """Each cluster holds weighted differences; a ghost takes its share and leaves nothing."""
    net, x = pool(ghosts), torch.randn(3, 3, 3)
    pooled = net(x, MASK)
    for row, steps in zip(pooled[:2], (x[0, :2], x[1, :1]), strict=True):
        torch.testing.assert_close(row, torch.tensor(by_hand(net, steps)))
    assert not pooled[2].any()


def test_padding_changes_neither_the_result_nor_the_statistics():
    """In training too: whatever stands in the padding, output, gradient and statistics agree."""
    results = []
    for padding in (0.0, float("nan")):
        net = pool(1).train()
        torch.manual_seed(1)
        x = torch.randn(3, 3, 3).masked_fill(~MASK[..., None], padding).requires_grad_()
        y = net(x, MASK)
        y.square().sum(1).sub(y[:, 0]).sum().backward()
        assert x.grad.isfinite().all()
        results.append([y, x.grad, net.norm.running_mean, net.norm.running_var])
    for one, other in zip(*results, strict=True):
        assert one.equal(other)


def test_a_single_step_is_normalised_by_running_statistics():
    """A batch with one step in all has no variance; training still gives what evaluation gives."""
    net, x = pool(), torch.randn(2, 3, 3)
    mask = torch.tensor([[True, False, False], [False, False, False]])
    evaluated = net(x, mask)
    torch.testing.assert_close(net.train()(x, mask), evaluated)


def test_released_names_lead_to_ours():
    """The longer of two names that begin alike is not taken for the shorter."""
    names = official_names(NetVLAD(3, 2), netvlad_names("pool.", ""))
    assert names["pool.clusters"] == "clusters"
    assert names["pool.clusters2"] == "centres"
    assert names["pool.batch_norm.running_var"] == "norm.running_var"
    assert len(names) == len(NetVLAD(3, 2).state_dict())
