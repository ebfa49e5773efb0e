"""Wray et al. 2019, space by space, against sums written out longhand."""

import pytest
import torch

from models.jpose import ACTION, PAIRS, Config, Model, same_class
from models.official.jpose import Released, config_of
from models.parts.batch import TAGS
from models.parts.contract import DataSizes
from models.parts.losses import expected_triplets
from tests.models import toy
from tests.models.releases import official_weights

KINDS = {"verb": {"VERB"}, "noun": {"NOUN", "PROPN"}}


def unit(x):
    """A vector over its length."""
    return x / sum(x**2) ** 0.5


def perceptron(layers, x):
    """Two layers of one row, ReLU between them, unit length."""
    first, _, last = layers
    return unit(last.weight @ (first.weight @ x + first.bias).clamp(min=0) + last.bias)


def text_input(net, captions, part, row):
    """Mean vector of the words of one part of speech."""
    chosen = [
        net.words.weight[word]
        for word, tag, mask in zip(
            captions.words[row], captions.tags[row], captions.mask[row], strict=True
        )
        if mask and TAGS[tag] in KINDS[part]
    ]
    return sum(chosen) / len(chosen)


def video_input(clips, row):
    """Mean of the frames."""
    frames = clips.features["frames"][row][clips.mask["frames"][row]]
    return sum(frames) / len(frames)


def test_verbs_and_nouns_have_spaces_of_their_own():
    """Eq. (1): the words of a part of speech, and the video in each space."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video = net.text_parts(batch.captions), net.video_parts(batch.clips)
    for part in ("verb", "noun"):
        for row in range(4):
            x = text_input(net, batch.captions, part, row)
            torch.testing.assert_close(text[part][row], perceptron(net.text[part], x))
            y = video_input(batch.clips, row)
            torch.testing.assert_close(video[part][row], perceptron(net.video[part], y))


@pytest.mark.parametrize("combination", ["learned", "concat"])
def test_an_action_is_both_parts_together(combination):
    """Eqs. (2) and (3): verb, then noun; one layer for both sides; cosines."""
    net = toy.built(Model, combination=combination)
    batch = toy.batch(net)
    sides = []
    for parts in (net.text_parts(batch.captions), net.video_parts(batch.clips)):
        rows = [torch.cat([parts["verb"][row], parts["noun"][row]]) for row in range(4)]
        if combination == "learned":
            rows = [net.combine.weight @ x + net.combine.bias for x in rows]
        sides.append([unit(x) for x in rows])
    scores = net(batch)
    for i in range(4):
        for j in range(4):
            by_hand = sum(sides[0][i] * sides[1][j]).item()
            assert scores[i, j].item() == pytest.approx(by_hand, abs=1e-6)


def mean_hinge(anchor, others, same, margin):
    """Mean over the triplets of one anchor: p of its class, n of another class, each class once."""
    n = range(len(others))
    d = [sum((anchor - x) ** 2).item() for x in others]
    right = [j for j in n if same[j][0]]
    classes = {}
    for j in n:
        if not same[j][0]:
            classes.setdefault(same[j][1], []).append(j)
    terms = [
        sum(max(0.0, margin + d[p] - d[j]) for j in members) / len(members)
        for p in right
        for members in classes.values()
    ]
    return sum(terms) / len(terms) if terms else 0.0


def test_the_loss_longhand():
    """Eqs. (4), (5) and (6): three spaces, four pairs of sides, triplets of squared distances."""
    net = toy.built(Model, margin=0.5, part_weight=0.7, intra_weight=0.3)
    batch = toy.batch(net, 6)
    classes = batch.captions.classes
    classes["verb"] = torch.tensor([0, 1, 0, 2, -1, -1])
    classes["noun"] = torch.tensor([3, 3, 3, 1, 1, 0])
    names = {
        part: [(int(c), i if c < 0 else 0) for i, c in enumerate(classes[part])] for part in KINDS
    }
    names[ACTION] = list(zip(names["verb"], names["noun"], strict=True))
    side = {
        "t": net.spaces(net.text_parts(batch.captions)),
        "v": net.spaces(net.video_parts(batch.clips)),
    }
    total = 0.0
    for space, kinds in names.items():
        for a, b in PAIRS:
            weight = (1.0 if space == ACTION else 0.7) * (0.3 if a == b else 1.0)
            for i in range(6):
                same = [(kinds[j] == kinds[i], kinds[j]) for j in range(6)]
                total += weight / 6 * mean_hinge(side[a][space][i], side[b][space], same, 0.5)
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-5)


def test_an_anchor_without_a_wrong_class_has_no_loss():
    """Nothing can be too near it; nothing is not a number."""
    distance, every = torch.ones(2, 2), torch.ones(2, 2)
    assert expected_triplets(distance, every, 1 - every, 0.5).tolist() == [0.0, 0.0]


def test_captions_without_a_verb_share_none():
    """D4: -1 is no class; an action takes both."""
    captions = toy.batch(toy.built(Model), 3).captions
    captions.classes = {"verb": torch.tensor([1, -1, -1]), "noun": torch.tensor([2, 2, 2])}
    same = same_class(captions)
    assert same["verb"].tolist() == torch.eye(3, dtype=torch.bool).tolist()
    assert same["noun"].all()
    assert same[ACTION].equal(same["verb"])


def test_the_baseline_reads_all_words_in_one_space():
    """MMEN: no parts of speech, no space but that of actions."""
    net = toy.built(Model, parts=("caption",))
    assert "tags" not in Model.needs(net.config)
    batch = toy.batch(net)
    text = net.spaces(net.text_parts(batch.captions))
    assert list(text) == [ACTION]
    words, mask = batch.captions.words[0], batch.captions.mask[0]
    known = [net.words.weight[w] for w, m in zip(words, mask, strict=True) if m and w > 3]
    by_hand = perceptron(net.text["caption"], sum(known) / len(known))
    torch.testing.assert_close(text[ACTION][0], by_hand)


def test_the_shared_layer_starts_as_a_projection():
    """D3: its rows are orthogonal and of unit length, as those of a PCA are."""
    weight = toy.built(Model).combine.weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(len(weight)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", ["full", "concat", "caption"])
def test_a_checkpoint_tells_its_combination(variant):
    """Learnt where it has that layer, the baseline where there is one encoder per side."""
    config = toy.config_of(Model, **Model.variants[variant])
    net = Released(config, toy.sizes(Model, config)).eval()
    again = config_of(official_weights(net))[0]
    assert again.parts == config.parts
    assert variant == "caption" or again.combination == config.combination
    assert again.margin == 1.0


def test_a_combination_that_fails_in_the_release_is_refused():
    """Its sum and its maximum crash."""
    config = toy.config_of(Model)
    weights = official_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="comb_func 'sum' is none of"):
        config_of(weights, {"comb_func": "sum"})


def test_the_release_swaps_the_halves_while_training():
    """Its loss is that of (noun, verb), its scores those of (verb, noun)."""
    config = toy.config_of(Model)
    torch.manual_seed(0)
    net = Released(config, toy.sizes(Model, config)).eval()
    parts = net.text_parts(toy.batch(net).captions)
    halves = net.combine[0].weight.chunk(2, 1)
    swapped = torch.cat([parts["noun"], parts["verb"]], 1)
    affine = swapped @ torch.cat(halves, 1).T + net.combine[0].bias
    norm = net.combine[1]
    torch.testing.assert_close(
        net.training_spaces(parts)[ACTION],
        torch.nn.functional.normalize(affine / (1 + norm.eps) ** 0.5, dim=1),
    )


def test_defaults_are_the_published_sizes():
    """256 numbers in every space, word vectors of 100."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 4096}))
    assert net.combine.weight.shape == (256, 512)
    assert net.text["verb"][0].weight.shape == (256, 100)
    assert net.video["noun"][0].weight.shape == (256, 4096)
