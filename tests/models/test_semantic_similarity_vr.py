"""Wray et al. 2021, step by step, against sums written out longhand."""

import pytest
import torch

from models.official.semantic_similarity_vr import Released, config_of
from models.parts.batch import TAGS, Captions
from models.parts.contract import DataSizes
from models.semantic_similarity_vr import OPEN_CLASSES, Config, Model, word_overlap
from tests.models import longhand, toy
from tests.models.releases import official_weights

CAPTIONS = [  # (word, part of speech) of four captions
    [(10, "NOUN"), (20, "VERB"), (11, "NOUN"), (5, "DET")],
    [(10, "PROPN"), (20, "VERB"), (5, "DET"), (10, "NOUN")],
    [(12, "NOUN"), (21, "VERB"), (25, "ADJ")],
    [(5, "DET"), (25, "ADJ")],
]


def tagged(rows=CAPTIONS):
    """Captions of these words, padded with a verb that the mask leaves out."""
    width = 1 + max(len(row) for row in rows)
    words = torch.full((len(rows), width), 20)
    tags = torch.full((len(rows), width), TAGS.index("VERB"))
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        for j, (word, tag) in enumerate(row):
            words[i, j], tags[i, j], mask[i, j] = word, TAGS.index(tag), True
    return Captions(words, mask, tags=tags)


def overlap(a, b, kinds):
    """Words of these kinds in both captions over those in either."""
    x, y = ({word for word, tag in row if tag in kinds} for row in (a, b))
    return len(x & y) / len(x | y) if x | y else 0.0


def by_parts(a, b):
    """Mean over verbs and nouns."""
    return (overlap(a, b, {"VERB"}) + overlap(a, b, {"NOUN", "PROPN"})) / 2


def test_relevance_is_the_overlap_of_words():
    """Eqs. (1) and (2): bags of open classes; the mean of verbs and of nouns; 0 of nothing."""
    captions = tagged()
    bow = word_overlap(captions, captions, OPEN_CLASSES, 30)
    pos = toy.built(Model).relevance(captions, captions)
    for i, a in enumerate(CAPTIONS):
        for j, b in enumerate(CAPTIONS):
            assert bow[i, j].item() == pytest.approx(overlap(a, b, OPEN_CLASSES))
            assert pos[i, j].item() == pytest.approx(by_parts(a, b))
    assert toy.built(Model, relevance="bow").relevance(captions, captions).equal(bow)
    assert pos[3, 3].item() == 0.0


def side(unit, x):
    """Unit length, affine map, gate, unit length, of one row."""
    x = x / sum(x**2) ** 0.5
    z = unit.embed.weight @ x + unit.embed.bias
    z = z / (1 + torch.exp(-(unit.gate.affine.weight @ z + unit.gate.affine.bias)))
    return z / sum(z**2) ** 0.5


def test_scores_longhand():
    """Eqs. (3) and (4): mean word vector and mean frame, each through its unit; cosines."""
    net = toy.built(Model)
    batch = toy.batch(net)
    scores = net(batch)
    for i in range(4):
        t = side(net.text, batch.captions.vectors["w2v"][i])
        for j in range(4):
            frames = batch.clips.features["frames"][j][batch.clips.mask["frames"][j]]
            v = side(net.video, sum(frames) / len(frames))
            assert scores[i, j].item() == pytest.approx(longhand.cosine(t, v), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({}, {(0, 1), (1, 0)}),
        ({"threshold": 0.8}, set()),
        ({"relevance": None}, set()),
        ({"relevance": "bow", "threshold": 1 / 3}, {(0, 1), (1, 0), (2, 3), (3, 2)}),
    ],
)
def test_who_is_right_is_a_matter_of_the_threshold(change, right):
    """Eq. (5): relevance of T or more, the own caption always; instances: the own alone."""
    positive = toy.built(Model, **change).positives(tagged())
    others = {(i, j) for i in range(4) for j in range(4) if i != j and positive[i, j]}
    assert others == right
    assert positive.diagonal().all()


def test_halves_and_thirds_reach_the_threshold():
    """1/3 of the verbs and 2/3 of the nouns are 1/2, whatever the rounding."""
    rows = [
        [(10, "VERB"), (11, "VERB"), (20, "NOUN"), (21, "NOUN")],
        [(10, "VERB"), (12, "VERB"), (20, "NOUN"), (21, "NOUN"), (22, "NOUN")],
    ]
    assert toy.built(Model, threshold=0.5).positives(tagged(rows)).all()


def test_the_loss_longhand():
    """Eqs. (6) and (7): all right and wrong of each anchor, both directions; none without wrong."""
    net = toy.built(Model, margin=0.4)
    batch = toy.batch(net)
    own = tagged()
    batch.captions.words, batch.captions.mask, batch.captions.tags = own.words, own.mask, own.tags
    scores, positive = net(batch).tolist(), net.positives(batch.captions).tolist()
    total = 0.0
    turned = [list(zip(*table, strict=True)) for table in (scores, positive)]
    for s, right in ((scores, positive), turned):
        means = []
        for row, flags in zip(s, right, strict=True):
            terms = [
                max(0.0, 0.4 + (2 - 2 * p) - (2 - 2 * n))
                for p, good in zip(row, flags, strict=True)
                for n, fine in zip(row, flags, strict=True)
                if good and not fine
            ]
            means += [sum(terms) / len(terms)] if terms else []
        total += sum(means) / len(means)
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-5)


def test_a_batch_of_equal_captions_has_no_loss():
    """Nobody is wrong: zero, and a gradient that is finite."""
    net = toy.built(Model)
    batch = toy.batch(net)
    own = tagged([CAPTIONS[0]] * 4)
    batch.captions.words, batch.captions.mask, batch.captions.tags = own.words, own.mask, own.tags
    loss = net.loss(batch)
    loss.backward()
    assert loss.item() == 0.0
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_instances_read_no_parts_of_speech():
    """Tags are needed where relevance is computed."""
    assert Model.needs(Config()) == {"words", "w2v", "frames", "tags"}
    assert Model.needs(Config(relevance=None)) == {"words", "w2v", "frames"}


def test_a_proxy_that_is_none_is_refused():
    """Of the recorded options."""
    config = toy.config_of(Model)
    weights = official_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="proxy_of_triplets 'MET' is none of"):
        config_of(weights, {"proxy_of_triplets": "MET"})


def test_defaults_are_the_sizes_of_their_earlier_code():
    """D1: 256 numbers on either side."""
    data = DataSizes(9_000, dims={"frames": 2048}, vectors={"w2v": 300})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert net.text.embed.weight.shape == (256, 300)
    assert net.video.embed.weight.shape == (256, 2048)
