"""Miech et al. 2020, step by step, against sums written out longhand."""

import math

import pytest
import torch
from torch.nn.functional import interpolate

from models.mil_nce import Config, Model
from models.official.mil_nce import Released, ReleasedConfig, config_of, load, word_ids
from models.parts.batch import Batch
from models.parts.contract import DataSizes
from models.parts.s3d import STEM
from tests.models import toy
from tests.models.releases import official_weights


def text_by_hand(net, words):
    """A maximum over the words that are no special ids, a layer before and one after."""
    rows = [net.word.weight @ net.words.weight[w] + net.word.bias for w in words if w > 3]
    top = [max(0.0, *(row[k].item() for row in rows)) for k in range(len(rows[0]))]
    return net.text.weight @ torch.tensor(top) + net.text.bias


@torch.no_grad()
def test_a_caption_is_the_maximum_of_its_words():
    """Eq. (2): ReLU and maximum over known words, `max_words` at most, then an affine map."""
    net = toy.built(Model, max_words=4)
    captions = toy.batch(net).captions
    for row, words in enumerate(captions.words.tolist()):
        known = [w for w, m in zip(words, captions.mask[row], strict=True) if m and w > 3][:4]
        expected = text_by_hand(net, known)
        torch.testing.assert_close(net.encode_text(captions)[row], expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_clip_is_an_affine_map_of_its_averaged_maps():
    """Eqs. (1) and (3): frames as shares of 255, black behind the last; inner products."""
    net = toy.built(Model, frames=8, side=32)
    batch = toy.batch(net, 3)
    vectors = []
    for pixels, mask in zip(batch.clips.pixels, batch.clips.pixels_mask, strict=True):
        seen = torch.zeros(8, 3, 32, 32)
        large = interpolate(pixels[mask].float(), 32, mode="bicubic", antialias=True)
        seen[: len(large)] = large.round().clamp(0, 255) / 255
        maps = net.tower(seen.transpose(0, 1)[None])[0]
        vectors.append(net.video.weight @ maps + net.video.bias)
    text, scores = net.encode_text(batch.captions), net(batch)
    for i in range(3):
        for j in range(3):
            by_hand = float(sum(text[i] * vectors[j]))
            assert scores[i, j].item() == pytest.approx(by_hand, abs=1e-4, rel=1e-4)


def loss_by_hand(net, batch, *, twice=False):
    """-log of the share of a clip's candidates in all that is summed."""
    f, near = net.encode_video(batch.clips), batch.captions.candidates
    g = net.encode_text(near.items)
    n, p = len(f), range(len(g))
    terms = []
    for i in range(n):
        own = sum(math.exp(float(f[i] @ g[k])) for k in p if near.owner[k] == i)
        others = sum(math.exp(float(f[i] @ g[k])) for k in p if near.owner[k] != i)
        clips = sum(
            math.exp(float(f[j] @ g[k]))
            for j in range(n)
            if j != i
            for k in p
            if near.owner[k] == i
        )
        terms.append(math.log((own * (1 + twice) + others + clips) / own))
    return sum(terms) / n


@torch.no_grad()
def test_the_loss_sums_over_candidates_longhand():
    """Eqs. (4) and (5): all candidates in the numerator, rows and columns in the denominator."""
    net = toy.built(Model)
    batch = toy.batch(net)
    assert net.loss(batch).item() == pytest.approx(loss_by_hand(net, batch), rel=1e-4)


@torch.no_grad()
def test_a_single_candidate_is_the_caption_itself():
    """Whether others are there or not; without times in a video there are none."""
    net = toy.built(Model, candidates=1)
    batch = toy.batch(net)
    alone = net.loss(batch)
    batch.captions.candidates = None
    assert net.loss(batch).equal(alone)
    assert toy.built(Model).loss(batch).equal(alone)
    assert "candidates" not in Model.needs(toy.config_of(Model, candidates=1))


@torch.no_grad()
def test_candidates_beyond_the_number_asked_for_are_left_out():
    """Those of a clip that joined last; a clip with fewer has those it has."""
    net = toy.built(Model, candidates=2)
    batch = toy.batch(net)
    near = batch.captions.candidates
    captions, owner = net.bags(batch)
    assert owner.equal(near.owner)
    net = toy.built(Model, candidates=3)
    near.owner = torch.tensor([0, 0, 0, 0, 1, 2, 3])[: len(near.owner)]
    captions, owner = net.bags(batch)
    kept = [k for k in range(len(near.owner)) if k != 3]
    assert owner.tolist() == near.owner[kept].tolist()
    assert captions.words.equal(near.items.words[kept])


@torch.no_grad()
def test_the_release_counts_positives_twice():
    """Q1: its loss is never below log 2."""
    net = released()
    batch = toy.batch(net)
    assert net.loss(batch).item() == pytest.approx(loss_by_hand(net, batch, twice=True), rel=1e-4)
    positive = torch.eye(4, dtype=torch.bool)
    floor = net.terms(torch.where(positive, 80.0, -80.0), positive)
    torch.testing.assert_close(floor, torch.full((4,), math.log(2)))


def released(**change):
    """A small release, with a word table of its own."""
    torch.manual_seed(0)
    config = ReleasedConfig(**(vars(toy.config_of(Model)) | change))
    return Released(config, toy.sizes(Model, config)).eval()


@torch.no_grad()
def test_the_release_reads_the_padding():
    """Q2: a caption shorter than `max_words` is never below what id 0 gives; a full one may be."""
    net = released(max_words=3)
    captions = toy.batch(net).captions
    floor = net.word(net.words.weight[0]).relu()
    count = net.known_words(captions).sum(1)
    paper = Model.pooled(net, captions)
    for row, known in enumerate(count.tolist()):
        expected = torch.maximum(paper[row], floor) if known < 3 else paper[row]
        torch.testing.assert_close(net.pooled(captions)[row], expected)


def test_the_release_does_not_train_its_word_table():
    """It was looked up without a gradient."""
    net = released()
    net.loss(toy.batch(net)).backward()
    assert net.words.weight.grad is None
    assert net.word.weight.grad.any()


def test_a_checkpoint_tells_its_stem_and_its_widths():
    """Cubes of pixels have 24 channels; training checkpoints have names of their own."""
    for cubes in (False, True):
        net = released(cubes=cubes)
        weights = official_weights(net)
        config, data = config_of(weights)
        assert (config.cubes, config.narrow) == (cubes, net.config.narrow)
        assert data.vocabulary == net.data.vocabulary
        wrapped = {"state_dict": {f"module.{key}": one for key, one in weights.items()}}
        again = load(wrapped, net.config)
        assert again.tower.stem[0].weight.equal(net.tower.stem[0].weight)
        assert again.words.weight[4:].equal(net.words.weight[4:])
    assert config_of({k: v for k, v in weights.items() if "conv1" not in k})[0].narrow == 1


def test_released_words_keep_their_capitals():
    """Words that are unknown are dropped, before the first `max_words` are taken."""
    assert word_ids("Cut it, don't cut", ["cut", "Cut", "don't"], 2) == [5, 6]
    assert word_ids("unknown", ["cut"], 2) == []


def test_defaults_are_the_published_sizes():
    """As many parameters in the video tower as the release has, and its vectors of 512 numbers."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9))
    count = sum(p.numel() for part in (net.tower, net.video) for p in part.parameters())
    assert count == 9_649_872
    assert net.tower.out == 1024
    assert net.tower.stem[0].out_channels == STEM
    assert net.text.weight.shape == (512, 2048)


@torch.no_grad()
def test_owners_of_captions_lead_to_their_clips():
    """Where several captions share a clip, so do their candidates."""
    net = toy.built(Model)
    batch = toy.batch(net)
    shared = Batch(batch.captions, batch.clips, torch.tensor([0, 0, 1, 1]))
    assert net.bags(shared)[1].tolist() == [
        0 if o < 2 else 1 for o in batch.captions.candidates.owner
    ]
