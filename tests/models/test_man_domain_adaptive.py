"""MAN, recomputed with loops; its encoders are tested in tests/models/parts/test_multilevel.py."""

import math

import pytest
import torch

from models.man_domain_adaptive import Config, Model, comparisons
from models.official.man_domain_adaptive import (
    DISCRIMINATORS,
    Released,
    load,
    unsorted_lengths,
)
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.releases import official_weights


def cross_entropy(net, name, rows, label):
    """Mean over the rows of minus the log share of a class."""
    first, _, last = net.discriminators[name]
    total = 0.0
    for x in rows:
        hidden = [max(0.0, float(h)) for h in first.weight @ x + first.bias]
        logits = [float(y) for y in last.weight @ torch.tensor(hidden) + last.bias]
        total -= logits[label] - math.log(sum(math.exp(y) for y in logits))
    return total / len(rows)


@torch.no_grad()
def by_hand(net, batch):
    """The loss, term by term."""
    c = net.config
    domains = {"source": batch, "target": batch.unpaired, "source2": batch.second_source}
    sides = {
        name: {"text": net.encode_text(one.captions), "video": net.encode_video(one.clips)}
        for name, one in domains.items()
    }
    sources = ["source", "source2"][: c.sources]
    total = 0.0
    for source in sources:
        scores = [
            [longhand.cosine(a, b) for b in sides[source]["video"]] for a in sides[source]["text"]
        ]
        total += longhand.triplet(scores, c.margin)
        for side in ("video", "text") if c.domain_weight else ():
            name = f"{source}_{side}"
            total += c.domain_weight * cross_entropy(net, name, sides[source][side], 1)
            total += c.domain_weight * cross_entropy(net, name, sides["target"][side], 0)
    for domain in [*sources, "target"] if c.modality_weight else ():
        name = f"{domain}_modality"
        total += c.modality_weight * cross_entropy(net, name, sides[domain]["video"], 1)
        total += c.modality_weight * cross_entropy(net, name, sides[domain]["text"], 0)
    return total


@pytest.mark.parametrize("variant", Model.variants)
def test_the_loss_longhand(variant):
    """Eqs. (3) and (5) to (9): source pairs ranked, discriminators of domains and of modalities."""
    change = {"domain_weight": 0.3, "modality_weight": 0.2} | Model.variants[variant]
    net = toy.built(Model, **change)
    batch = toy.batch(net)
    assert net.loss(batch).item() == pytest.approx(by_hand(net, batch), rel=1e-5)


@torch.no_grad()
def test_both_sides_are_read_at_three_levels():
    """Eq. (1): levels 2, 3, 1 of a video's frames and of a sentence's words."""
    net = toy.built(Model)
    batch = toy.batch(net)
    clips, captions = batch.clips, batch.captions
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for row, u in enumerate(net.video(frames, mask)):
        x = frames[row][mask[row]]
        torch.testing.assert_close(u, longhand.multi_levels(net.video, sum(x) / len(x), x))
    for row, u in enumerate(net.text(captions.bow, captions.words, captions.mask)):
        x = net.text.words.weight[captions.words[row][captions.mask[row]]]
        torch.testing.assert_close(u, longhand.multi_levels(net.text, captions.bow[row], x))


def test_the_gradient_is_reversed_in_front_of_a_discriminator():
    """Eq. (4): the encoders get -alpha times what the discriminator's input gets."""
    net = toy.built(Model, reversal=0.25)
    x = torch.randn(3, net.config.common, requires_grad=True)
    net.logits("source_video", x)[:, 0].sum().backward()
    reversed_gradient = x.grad.clone()
    x.grad = None
    net.discriminators["source_video"](x)[:, 0].sum().backward()
    torch.testing.assert_close(reversed_gradient, -0.25 * x.grad)


def test_each_domain_has_batch_statistics_of_its_own():
    """Eq. (2) in training: a domain's embeddings do not change with the other domain's items."""
    net = toy.built(Model, dropout=0.0).train()
    batch = toy.batch(net)
    before = net.sides(batch)
    batch.unpaired = batch.second_source
    after = net.sides(batch)
    for side in ("text", "video"):
        torch.testing.assert_close(after["source", side], before["source", side])
        assert not after["target", side].equal(before["target", side])


def test_the_pairs_of_the_target_do_not_count():
    """Its captions in another order: the same loss."""
    net = toy.built(Model)
    batch = toy.batch(net)
    before = net.loss(batch).item()
    batch.unpaired.captions = toy.picked(batch.unpaired, [2, 0, 3, 1]).captions
    assert net.loss(batch).item() == pytest.approx(before, rel=1e-6)


def test_without_weights_the_target_is_not_read():
    """D3: a batch of the source alone is enough, and no discriminator is built."""
    net = toy.built(Model, **Model.variants["source-only"])
    batch = toy.batch(net)
    batch.unpaired = batch.second_source = None
    assert net.loss(batch).item() > 0
    assert len(net.discriminators) == 0


def test_two_sources_have_seven_discriminators():
    """Domains of each source against the target, modalities in each domain."""
    kinds = comparisons(Config(sources=2))
    assert {name for kind in kinds.values() for name in kind} == set(DISCRIMINATORS.values())


def test_the_release_mixes_up_the_lengths_of_the_target():
    """Q3: the lengths of videos in falling order go to the videos in the order of the captions."""
    net = released()
    items = toy.batch(net).unpaired
    words = torch.tensor([3, 6, 2, 5])
    items.captions.mask = torch.arange(items.captions.words.shape[1]) < words[:, None]
    frames = torch.tensor([7, 1, 4, 2])
    items.clips.mask["frames"] = torch.arange(8) < frames[:, None]
    assert unsorted_lengths(items, 64).tolist() == [2, 7, 1, 4]
    assert unsorted_lengths(items, 3).tolist() == [2, 3, 1, 3]


def test_level_2_of_the_release_is_a_mean_over_another_length():
    """Q1 and Q3: the first so many states, those of the padding too; for the source its own."""
    net = released()
    items = toy.batch(net)
    x, mask = items.clips.features["frames"], items.clips.mask["frames"]
    states = net.video.gru(x * mask[..., None])[0]
    net.video.lengths = torch.tensor([1, 2, 8, 3])
    ours = net.video(x, mask)
    for row, n in enumerate(net.video.lengths):
        width = states.shape[2]
        torch.testing.assert_close(ours[row, :width], states[row, :n].mean(0))
    net.video.lengths = None
    own = net.video(x, mask)
    for row, n in enumerate(mask.sum(1)):
        torch.testing.assert_close(own[row, :width], states[row, :n].mean(0))


def released():
    """A small released model, in evaluation mode."""
    config = Released.Config.small()
    torch.manual_seed(0)
    return Released(config, toy.sizes(Model, config)).eval()


def test_a_checkpoint_restores_the_encoders():
    """Seven state dicts, two of which count; the discriminators start anew."""
    net = released()
    weights = official_weights(net)
    parts = [
        {k.removeprefix(p): w for k, w in weights.items() if k.startswith(p)}
        for p in ("vid_encoding.", "text_encoding.")
    ]
    again = load({"model": [*parts, {}, {}, {}, {}, {}]}).eval()
    batch = toy.batch(net)
    torch.testing.assert_close(again(batch), net(batch))
    with pytest.raises(ValueError, match="not a list of"):
        load({"model": parts[:1]})


def test_defaults_are_the_published_sizes():
    """2,048 numbers in the space and in a discriminator."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, bow=7_000, dims={"frames": 2048}))
    assert net.video_space[0].weight.shape == (2048, 2 * 1024 + 4 * 512 + 2048)
    assert net.text_space[0].weight.shape == (2048, 2 * 512 + 3 * 512 + 7_000)
    assert net.discriminators["source_video"][0].weight.shape == (2048, 2048)
    assert net.discriminators["target_modality"][2].weight.shape == (2, 2048)
