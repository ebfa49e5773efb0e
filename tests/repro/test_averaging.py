"""Which models read nothing of the frames but their mean, and so run on one vector per video."""

import copy

import pytest
import torch

from kb.repro import models, toy, views
from kb.repro.baseline import NAME, BowMean

NAMES = [*models.names(), NAME]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_averages_gives_the_same_scores_on_the_mean(name):
    """And one that does not average gives others: the list of those that do is complete."""
    net = toy.build(BowMean if name == NAME else models.load(name))
    batch = toy.batch(net)
    if "frames" not in batch.clips.features:
        pytest.skip("reads no frames")
    averaged = copy.deepcopy(batch)
    x, mask = batch.clips.features["frames"], batch.clips.mask["frames"]
    count = mask.sum(1)[:, None, None].clamp(min=1)
    averaged.clips.features["frames"] = (x * mask[..., None]).sum(1, keepdim=True) / count
    averaged.clips.mask["frames"] = mask.any(1, keepdim=True)
    with torch.no_grad():
        text = net.encode_text(batch.captions)
        plain, mean = (
            net.similarity(text, net.encode_video(one.clips)) for one in (batch, averaged)
        )
    assert torch.allclose(plain, mean, atol=1e-6) == (name in views.AVERAGING)
