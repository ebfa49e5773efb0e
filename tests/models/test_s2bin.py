"""S2Bin, bit by bit and pair by pair."""

import math

import pytest
import torch

from models.parts.batch import TAGS, Captions
from models.parts.contract import DataSizes
from models.s2bin import Config, Model, affinity, guided, matching_steps, sign
from tests.models import longhand, toy

VERB, NOUN, ADJ, DET = (TAGS.index(tag) for tag in ("VERB", "NOUN", "ADJ", "DET"))


def captions():
    """Three tagged sentences, the last one cut off after its verb."""
    words = torch.tensor([[5, 6, 7, 8], [9, 6, 7, 10], [9, 6, 7, 10]])
    tags = torch.tensor([[ADJ, NOUN, VERB, NOUN], [ADJ, NOUN, VERB, NOUN], [ADJ, NOUN, VERB, NOUN]])
    mask = torch.ones(3, 4, dtype=torch.bool)
    mask[2, 3] = False
    return Captions(words, mask, tags=tags)


def test_affinity_is_the_overlap_of_verbs_and_of_nouns():
    """Eq. (4): one verb in common of one, one noun of three; or of two, where one lacks its last."""
    alike = affinity(captions(), 12, 0.5)
    assert alike.diagonal().tolist() == [1.0, 1.0, 1.0]
    assert alike[0, 1].item() == pytest.approx((1 + 1 / 3) / 2)
    assert alike[0, 2].item() == pytest.approx((1 + 1 / 2) / 2)
    assert affinity(captions(), 12, 2 / 3)[0, 1].item() == pytest.approx((2 + 1 / 3) / 3)
    empty = captions()
    empty.tags[:] = DET
    assert affinity(empty, 12, 0.5).equal(torch.eye(3))


def test_guided_weights_are_those_of_drawing_an_attribute_first():
    """Eq. (6): each attribute alike, then each of its captions twice over; by hand over attributes."""
    sets = [{5, 6, 7, 8}, {9, 6, 7, 10}, {9, 6, 7}]
    every = set.union(*sets)
    expected = torch.zeros(3, 3)
    for word in every:
        having = [i for i, own in enumerate(sets) if word in own]
        for i in having:
            for j in having:
                expected[i, j] += 1 / (len(every) * len(having) ** 2)
    weights = guided(captions(), 12)
    torch.testing.assert_close(weights, expected)
    assert weights.sum().item() == pytest.approx(1.0)


def test_a_batch_without_attributes_weighs_nothing():
    """Only function words: no pair is guided, and the loss is finite."""
    net = toy.built(Model)
    batch = toy.batch(net)
    batch.captions.tags[:] = DET
    assert guided(batch.captions, 30).sum().item() == 0.0
    assert net.loss(batch).isfinite()


@pytest.mark.parametrize("regions", [True, False])
@pytest.mark.parametrize("temporal", [True, False])
def test_a_video_longhand(regions, temporal):
    """Eqs. (1) and (2): each frame attends to its regions, a GRU reads the steps, tanh of a mean."""
    net = toy.built(Model, regions=regions, temporal=temporal)
    clips = toy.batch(net).clips
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for video, u in enumerate(net.encode_video(clips)):
        steps = []
        count = int(mask[video].sum())
        for place in range(count):
            x = net.frame.weight @ frames[video, place] + net.frame.bias
            there = []
            if regions:
                known = clips.regions.mask[video].any(1).nonzero().flatten().tolist()
                last = max(known, default=0)
                at = min(place * (last + 1) // count, last)
                chosen = clips.regions.mask[video, at]
                there = [net.region.weight @ r for r in clips.regions.features[video, at][chosen]]
            if there:
                scores = [math.exp((x @ r).item() / len(x) ** 0.5) for r in there]
                x = x + sum(s * r for s, r in zip(scores, there, strict=True)) / sum(scores)
            steps.append(x)
        if temporal:
            steps = longhand.bigru(net.video_gru, torch.stack(steps))
        mean = sum(steps) / len(steps)
        by_hand = torch.tanh(net.video_bits.weight @ mean + net.video_bits.bias)
        torch.testing.assert_close(u, by_hand, rtol=1e-4, atol=1e-5)


def test_a_sentence_longhand():
    """Eq. (3): states of both directions, their mean, linear, tanh."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    for row, v in enumerate(net.encode_text(captions)):
        words = net.words.weight[captions.words[row][captions.mask[row]]]
        states = longhand.bigru(net.text_gru, words)
        mean = sum(states) / len(states)
        by_hand = torch.tanh(net.text_bits.weight @ mean + net.text_bits.bias)
        torch.testing.assert_close(v, by_hand, rtol=1e-4, atol=1e-5)


def test_the_likelihood_is_least_where_the_sigmoid_is_the_affinity():
    """Eq. (5) and D4: cross entropy with A, less that of A with itself; zero at best."""
    net = toy.built(Model)
    v, u = torch.tensor([[1.0, 0.5]]), torch.tensor([[0.8, -0.4], [0.2, 0.9]])
    alike = torch.tensor([[0.3, 1.0]])
    for j, a in enumerate((0.3, 1.0)):
        s = (v[0] @ u[j]).item() / 2
        entropy = -sum(p * math.log(p) for p in (a, 1 - a) if p)
        by_hand = math.log(1 + math.exp(s)) - a * s - entropy
        assert net.likelihood(v, u, alike)[0, j].item() == pytest.approx(by_hand, rel=1e-5)
    best = math.log(0.3 / 0.7)
    here = net.likelihood(torch.tensor([[2 * best]]), torch.ones(1, 1), torch.tensor([[0.3]]))
    assert here.item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("changes", [{}, {"semantic": False}, {"guided": False}], ids=str)
def test_the_loss_longhand(changes):
    """Eqs. (7) and (8); a video without a code is not quantised."""
    net = toy.built(Model, quantisation=0.7, balance=0.2, **changes)
    batch, net = toy.batch(net), net.requires_grad_(False)
    net.codes[batch.clips.index[1:]] = sign(torch.randn(3, net.config.bits))
    v, u = net.encode_text(batch.captions), net.encode_video(batch.clips)
    alike = affinity(batch.captions, 30, 0.5) if changes.get("semantic", True) else torch.eye(4)
    terms = net.likelihood(v, u, alike)
    fit = sum(float(terms[i, j]) for i in range(4) for j in range(4)) / 16
    if changes.get("guided", True):
        weights = guided(batch.captions, 30)
        drawn = sum(float(weights[i, j] * terms[i, j]) for i in range(4) for j in range(4))
        fit = (fit + drawn) / 2
    bits = v.shape[1]
    apart = uneven = 0.0
    for k in range(bits):
        for i in range(4):
            b = net.codes[batch.clips.index[i], k]
            apart += float((u[i, k] - b) ** 2 + (v[i, k] - b) ** 2) / (4 * bits) if i else 0.0
        uneven += float((sum(u[:, k]) / 4) ** 2 + (sum(v[:, k]) / 4) ** 2) / bits
    assert net.loss(batch).item() == pytest.approx(fit + 0.7 * apart + 0.2 * uneven, rel=1e-4)


def test_codes_are_updated_once_an_epoch():
    """Eq. (9): the sign of the mean over the epoch, of the videos it showed; 0 counts as 1."""
    net = toy.built(Model, bits=2).train()
    index = torch.tensor([3, 5, 3])
    u = torch.tensor([[0.5, -0.2], [-0.1, 0.3], [0.5, -0.2]])
    v = torch.tensor([[-0.9, 0.1], [0.1, -0.3], [0.3, 0.1]])
    assert net.code(index, u, v).tolist() == [[0.0, 0.0]] * 3
    net.on_epoch(1)
    assert net.codes[3].tolist() == [1.0, -1.0]  # 0.5 - 0.3 and -0.2 + 0.1
    assert net.codes[5].tolist() == [1.0, 1.0]  # exactly 0 on both
    assert net.codes[0].tolist() == [0.0, 0.0]  # not seen
    assert net.code(index[:1], -u[:1], -v[:1]).tolist() == [[1.0, -1.0]]
    net.on_epoch(2)
    assert net.codes[3].tolist() == [1.0, 1.0]  # of the last epoch alone: 0.4 and 0.1
    net.eval().code(index, u, v)
    net.on_epoch(3)
    assert net.codes[3].tolist() == [1.0, 1.0]  # evaluation leaves them alone


def test_a_score_counts_the_bits_that_agree():
    """Eq. (10): K less twice the Hamming distance; the relaxed twin takes cosines."""
    net = toy.built(Model)
    batch = toy.batch(net)
    v, u = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net(batch)
    for i in range(4):
        for j in range(4):
            distance = sum((a >= 0) != (b >= 0) for a, b in zip(v[i], u[j], strict=True))
            assert scores[i, j].item() == v.shape[1] - 2 * distance
    relaxed = toy.built(Model, binary=False)
    assert relaxed(batch)[0, 1].item() == pytest.approx(longhand.cosine(v[0], u[1]), rel=1e-4)
    assert sign(torch.tensor([0.0, -0.0, -1e-9])).tolist() == [1.0, 1.0, -1.0]


def test_frames_and_regions_meet_at_the_same_share_of_time():
    """Eight frames, four steps of regions: two frames each; without regions the first."""
    frames = torch.ones(1, 8, dtype=torch.bool)
    regions = torch.tensor([[True, False, True, True, False]])
    assert matching_steps(frames, regions).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]]
    assert matching_steps(frames, regions & False).tolist() == [[0] * 8]


def test_defaults_are_the_listed_sizes():
    """64 bits from GRUs of 512 each way."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, videos=10, dims={"frames": 2048, "regions": 2053}))
    assert net.video_bits.weight.shape == net.text_bits.weight.shape == (64, 1024)
    assert net.region.weight.shape == (1024, 2048)
    assert net.codes.shape == (10, 64)
