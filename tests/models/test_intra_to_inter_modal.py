"""From intra-modal to inter-modal space, recomputed with loops."""

import math

import pytest
import torch
from torch import nn

from models.intra_to_inter_modal import Config, Model, structure_loss
from models.parts.contract import DataSizes
from tests.models import longhand, toy

T = 0.1


def spread(**change):
    """A model whose weights are large enough to tell a wrong term from a right one."""
    net = toy.built(Model, **{"word_dim": 4, "hidden": 5, "common": 6} | change)
    torch.manual_seed(3)
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.5)
    return net


def unit(x):
    """At length 1."""
    return x / sum(x**2) ** 0.5


def shares(x, y, i, among):
    """p(x, y): how item i of x sees those of y."""
    e = {j: math.exp(float(x[i] @ y[j]) / T) for j in among}
    return {j: one / sum(e.values()) for j, one in e.items()}


def divergence(x, y, seen, *, own):
    """Mean over i of KL(p(x, x) || p(y, seen)); `own`: whether i sees itself."""
    total = 0.0
    for i in range(len(x)):
        among = [j for j in range(len(x)) if own or j != i]
        p, q = shares(x, x, i, among), shares(y, seen, i, among)
        total += sum(p[j] * math.log(p[j] / q[j]) for j in among)
    return total / len(x)


def entropy(head, x, captions):
    """Mean cross-entropy of all concepts of all items."""
    costs = []
    for row, named in zip(x, captions.vectors["concepts"], strict=True):
        for weight, bias, there in zip(head.weight, head.bias, named, strict=True):
            p = 1 / (1 + math.exp(-float(weight @ row + bias)))
            costs.append(-math.log(p if there > 0 else 1 - p))
    return sum(costs) / len(costs)


@torch.no_grad()
def test_both_sides_longhand():
    """Eqs. (1) and (2): the mean state of a GRU; two layers over the mean frame; cosines."""
    net = spread()
    batch = toy.batch(net)
    texts, videos = [], []
    for i in range(4):
        words = batch.captions.words[i][batch.captions.mask[i]]
        states = longhand.gru(net.sentence.gru, net.sentence.words.weight[words])
        affine = net.text_space[0]
        texts.append(affine.weight @ (sum(states) / len(states)) + affine.bias)
        x = batch.clips.features["frames"][i][batch.clips.mask["frames"][i]]
        first, second = net.video_hidden[0], net.video_space[0]
        hidden = (first.weight @ (sum(x) / len(x)) + first.bias).clamp(min=0)
        videos.append(second.weight @ hidden + second.bias)
    s = [[longhand.cosine(t, v) for v in videos] for t in texts]
    torch.testing.assert_close(net(batch), torch.tensor(s))


@torch.no_grad()
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_the_first_stage_longhand(weight):
    """Eqs. (3), (4) and (5): the structure of concepts, each caption left out of its own row."""
    net = spread(concept_weight=weight)
    captions = toy.batch(net).captions
    f = net.encode_text(captions)
    z = [unit(row) for row in captions.vectors["concepts"]]
    by_hand = divergence(z, f, f, own=False)
    if weight:
        by_hand += weight * entropy(net.text_concepts, f, captions)
    assert net.intra(f, captions).item() == pytest.approx(by_hand, rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_the_second_stage_longhand(weight):
    """Eqs. (4) and (6) to (8): structure of captions seen from videos, pairs, concepts; and (5)."""
    net = spread(transfer_weight=weight)
    batch = toy.batch(net)
    f, g = net.encode_text(batch.captions), net.encode_video(batch.clips)
    n = range(4)
    pairs = [shares(x, y, i, n)[i] for x, y in ((f, g), (g, f)) for i in n]
    by_hand = -sum(map(math.log, pairs)) / 4 + entropy(net.video_concepts, g, batch.captions)
    by_hand += weight * divergence(f, g, f, own=True)
    assert net.transfer(f, g, batch.captions).item() == pytest.approx(by_hand, rel=1e-4)
    by_hand += net.intra(f, batch.captions).item()
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-4)


def gradients(net, loss):
    """Names of the modules that a loss trains."""
    net.zero_grad()
    loss.backward()
    return {name.partition(".")[0] for name, p in net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("variant", "held"), [("full", True), ("one-stage", False)])
def test_pairs_do_not_touch_the_space_of_captions(variant, held):
    """D2: no gradient of the transfer reaches f, unless there is one stage."""
    net = toy.built(Model, **Model.variants[variant])
    batch = toy.batch(net)
    f, g = net.encode_text(batch.captions), net.encode_video(batch.clips)
    trained = gradients(net, net.transfer(f, g, batch.captions))
    assert trained >= {"video_hidden", "video_space", "video_concepts"}
    assert ("sentence" not in trained) is held


def test_no_video_is_read_in_the_first_stage():
    """Eq. (5) alone for four epochs, then everything."""
    net = toy.built(Model)
    batch = toy.batch(net)
    texts = {"sentence", "text_space", "text_concepts"}
    for epoch in range(6):
        net.on_epoch(epoch)
        assert (gradients(net, net.loss(batch)) == texts) is (epoch < 4)


def test_the_joint_variant_learns_from_pairs_alone():
    """Eq. (7) in every epoch; no concept is asked for."""
    net = toy.built(Model, **Model.variants["joint"])
    net.on_epoch(0)
    assert Model.needs(net.config) == {"words", "frames"}
    batch = toy.batch(net)
    s = net(batch).div(T)
    by_hand = -(s.log_softmax(1).diagonal() + s.log_softmax(0).diagonal()).mean()
    assert net.loss(batch).item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert gradients(net, net.loss(batch)) >= {"sentence", "video_space"}


def test_a_caption_alone_has_no_structure():
    """Nothing to see beside it: no divergence, and a gradient that is a number."""
    scores = torch.ones(1, 1, requires_grad=True)
    loss = structure_loss(torch.ones(1, 1), scores, torch.zeros(1, 1, dtype=torch.bool), T)
    loss.backward()
    assert loss.item() == 0.0
    assert scores.grad.isfinite().all()


def test_defaults_are_the_sizes_of_the_config():
    """A space of 512, both sides from 1,024."""
    sizes = DataSizes(9_000, dims={"frames": 2048}, vectors={"concepts": 512})
    with torch.device("meta"):
        net = Model(Config(), sizes)
    assert net.text_space[0].weight.shape == (512, 1024)
    assert net.video_hidden[0].weight.shape == (1024, 2048)
    assert net.video_concepts.weight.shape == (512, 512)
