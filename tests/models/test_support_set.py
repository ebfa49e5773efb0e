"""Support-set bottlenecks, recomputed with loops."""

import math

import pytest
import torch
from torch import nn

from models.parts.contract import DataSizes
from models.support_set import Config, Model
from tests.models import longhand, toy

SCORES = torch.tensor([[0.6, 0.5, 0.2], [0.1, 0.8, 0.3], [0.7, 0.0, 0.7]])  # rows: texts
STRANGERS = ~torch.eye(3, dtype=torch.bool)  # no two clips of one video
OTHERS = {
    "cross": lambda i, j: i != j,
    "full": lambda i, j: i >= 0 <= j,
    "identity": lambda i, j: i == j,
}


def spread(**change):
    """A model whose weights are large enough to tell a wrong term from a right one."""
    net = toy.built(Model, **change)
    torch.manual_seed(3)
    for weight in net.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=0.3)
    return net


def weights(s, members, temperature=0.1):
    """A softmax over the members of each row's support set."""
    table = []
    for i, row in enumerate(s):
        e = [math.exp(x / temperature) * members(i, j) for j, x in enumerate(row)]
        table.append([x / sum(e) for x in e])
    return table


def hybrid(s):
    """The mean of two tables."""
    pairs = zip(weights(s, OTHERS["identity"]), weights(s, OTHERS["full"]), strict=True)
    return [[(a + b) / 2 for a, b in zip(*rows, strict=True)] for rows in pairs]


@pytest.mark.parametrize("support", ["cross", "full", "identity", "hybrid"])
def test_the_weights_longhand(support):
    """Eqs. (4), (5) and (6): who is in each support set, and a softmax over it."""
    net = toy.built(Model, support=support)
    s = SCORES.tolist()
    by_hand = hybrid(s) if support == "hybrid" else weights(s, OTHERS[support])
    torch.testing.assert_close(net.weights(SCORES, STRANGERS), torch.tensor(by_hand))


@pytest.mark.parametrize(
    ("support", "row", "expected"),
    [
        ("full", 0, [0.7214, 0.2654, 0.0132]),
        ("cross", 0, [0.0, 0.9526, 0.0474]),
        ("cross", 2, [0.9991, 0.0009, 0.0]),
        ("hybrid", 0, [0.8607, 0.1327, 0.0066]),
    ],
)
def test_the_weights_of_a_worked_table(support, row, expected):
    """Eqs. (5) and (6) in figures, worked out by hand to four digits."""
    w = toy.built(Model, support=support).weights(SCORES, STRANGERS)
    assert w[row].tolist() == pytest.approx(expected, abs=5e-5)


def contrast(s):
    """Minus log of the positive's share, in rows and in columns."""
    shares = [weights(table, OTHERS["full"]) for table in (s, list(zip(*s, strict=True)))]
    n = range(len(s))
    return -sum(math.log(share[i][i]) for share in shares for i in n) / len(s)


def test_the_contrastive_loss_longhand():
    """Eq. (3): noise contrastive estimation in both directions, a mean over the batch."""
    loss = toy.built(Model).contrastive(SCORES, STRANGERS).item()
    assert loss == pytest.approx(contrast(SCORES.tolist()), rel=1e-5)


def test_the_variant_with_triplets_longhand():
    """Eq. (3) and D5: the hardest wrong video and text of each pair, a mean over the batch."""
    by_hand = longhand.triplet(SCORES.tolist(), 0.2, reduction="mean")
    loss = toy.built(Model, contrast="triplet").contrastive(SCORES, STRANGERS).item()
    assert loss == pytest.approx(by_hand) == pytest.approx(0.2)


def test_another_clip_of_the_same_video_is_neither_negative_nor_support():
    """D6: texts 0 and 2 describe one video, so that each has video 1 alone beside its own."""
    others = torch.tensor([[False, True, False], [True, False, True], [False, True, False]])
    net = toy.built(Model, contrast="triplet")
    w = net.weights(SCORES, others)
    assert w[0].tolist() == w[2].tolist() == [0.0, 1.0, 0.0]
    # Text 0 costs 0.2 - 0.6 + 0.5, the other texts and all videos nothing.
    assert net.contrastive(SCORES, others).item() == pytest.approx(0.1 / 3)


def test_a_batch_of_one_video_is_decoded_from_nothing():
    """D6: without any support all weights are zero, and the loss is a number."""
    net = toy.built(Model)
    batch = toy.batch(net)
    batch.clips.index[:] = 0
    assert not net.weights(torch.rand(4, 4), torch.zeros(4, 4, dtype=torch.bool)).any()
    assert net.loss(batch).isfinite()


@torch.no_grad()
@pytest.mark.parametrize("support", ["cross", "hybrid"])
def test_the_loss_longhand(support):
    """Eqs. (1), (2), (7), (8) and (9): each caption decoded word by word from its own mixture."""
    net = spread(support=support, generative_weight=0.3)
    batch = toy.batch(net)
    captions, clips = batch.captions, batch.clips
    states, texts = [], []
    for i in range(4):
        x = clips.features["frames"][i][clips.mask["frames"][i]][None]
        seen = torch.ones(x.shape[:2], dtype=torch.bool)
        states.append(sum(net.video(x, seen)[0]) / x.shape[1])
        words = captions.words[i][captions.mask[i]][None]
        read = net.text(words, torch.ones_like(words, dtype=torch.bool))[0]
        texts.append(net.text_space(sum(read) / len(read)))
    joint = [net.video_space(x) for x in states]
    s = [[longhand.cosine(t, v) for v in joint] for t in texts]
    torch.testing.assert_close(net(batch), torch.tensor(s))
    w = hybrid(s) if support == "hybrid" else weights(s, OTHERS[support])
    costs = []
    for i in range(4):
        e = sum(w[i][j] * states[j] for j in range(4))[None, None]
        words, cost = captions.words[i][captions.mask[i]], 0.0
        for k in range(1, len(words)):
            known = words[None, :k]
            seen = torch.ones_like(known, dtype=torch.bool)
            logits = net.decoder(net.text, known, seen, e, seen[:, :1])[0, -1]
            cost -= float(logits.log_softmax(0)[words[k]])
        costs.append(cost / (len(words) - 1))
    by_hand = contrast(s) + 0.3 * sum(costs) / 4
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize(("support", "flows"), [("cross", True), ("identity", False)])
def test_the_generative_loss_reaches_the_text_through_the_weights(support, flows):
    """Attraction is learnt through w; of plain captioning (identity) all weights are constant."""
    net = toy.built(Model, support=support)
    batch = toy.batch(net)
    text = net.encode_text(batch.captions).detach().requires_grad_()
    states = net.video_states(batch.clips)
    s = net.similarity(text, net.joint(states))
    net.generative(
        batch.captions, net.weights(s, ~torch.eye(4, dtype=torch.bool)), states
    ).backward()
    assert bool(text.grad.abs().max() > 0) is flows


def test_without_its_weight_there_is_no_decoder():
    """The variant `contrastive` has the encoders alone."""
    net = toy.built(Model, **Model.variants["contrastive"])
    assert not hasattr(net, "decoder")


def test_defaults_are_the_sizes_of_the_config():
    """512 numbers in the space and in every state."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 2048}))
    assert net.video_space[0].weight.shape == (512, 512)
    assert net.text.words.weight.shape == (9_000, 512)
    assert len(net.decoder.blocks.layers) == 2
