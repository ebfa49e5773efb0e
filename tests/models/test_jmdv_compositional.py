"""JMDV, clause by clause and frame by frame."""

import pytest
import torch

from models.jmdv_compositional import Config, Model, clauses, pyramid
from models.parts.batch import PREDICATE, ROLES, Captions, RoleGraph
from models.parts.contract import DataSizes
from tests.models import toy

ARG0, ARG1, OTHER = ROLES.index("ARG0"), ROLES.index("ARG1"), ROLES.index("ARGM-LOC")
# 0 <start>  1 the  2 red  3 dog  4 chases  5 a  6 cat  7 runs  8 home  9 <end>
HEADS = [0, 3, 3, 4, 4, 6, 4, 7, 7, 9]
PHRASES = [(ARG0, [1, 2, 3]), (PREDICATE, [4]), (ARG1, [5, 6]), (PREDICATE, [7]), (OTHER, [8])]


def sentence(arguments, *, words=range(4, 14), phrases=PHRASES):
    """One caption of these words with its roles; `arguments`: (predicate, argument) rows."""
    ids = torch.tensor([list(words)])
    members = torch.zeros(1, len(phrases), 10, dtype=torch.bool)
    argument = torch.zeros(1, len(phrases), len(phrases), dtype=torch.bool)
    for node, (_, columns) in enumerate(phrases):
        members[0, node, columns] = True
    for pair in arguments:
        argument[0][pair] = True
    graph = RoleGraph(members, torch.tensor([[role for role, _ in phrases]]), argument)
    mask = torch.ones(1, 10, dtype=torch.bool)
    return Captions(ids, mask, graph=graph, heads=torch.tensor([HEADS]))


def node(net, left, right):
    """A parent, and the squared distance of its children from their reconstruction."""
    children = torch.cat([left, right])
    p = torch.tanh(net.compose.W @ children + net.compose.b)
    rebuilt = net.compose.rebuild.weight @ p + net.compose.rebuild.bias
    return p, sum((children - rebuilt) ** 2)


def test_a_clause_is_composed_along_its_dependencies():
    """Eqs. (1), (2) and (4): the verb with the object, then the subject with both, by head words."""
    net = toy.built(Model)
    dog, chases, cat = (net.words[4 + column] for column in (3, 4, 6))
    low, low_error = node(net, chases, cat)
    high, high_error = node(net, dog, low)
    root, error = net.read(sentence([(1, 0), (1, 2)], phrases=PHRASES[:3]))
    torch.testing.assert_close(root[0], high)
    torch.testing.assert_close(error[0], low_error + high_error)


def test_what_a_clause_lacks_is_left_out():
    """Eq. (2): without an object subject and verb alone; without both the verb's own vector."""
    net = toy.built(Model)
    dog, chases = net.words[7], net.words[8]
    high, error = node(net, dog, chases)
    root, errors = net.read(sentence([(1, 0)], phrases=PHRASES[:2]))
    torch.testing.assert_close((root[0], errors[0]), (high, error))
    root, errors = net.read(sentence([], phrases=PHRASES[1:2]))
    torch.testing.assert_close(root[0], chases)
    assert errors.tolist() == [0.0]


def test_a_sentence_is_the_mean_of_its_clauses():
    """Eq. (3): two verbs, the second without arguments that count."""
    net = toy.built(Model)
    dog, chases, cat, runs = (net.words[4 + column] for column in (3, 4, 6, 7))
    first, _ = node(net, dog, node(net, chases, cat)[0])
    root, _ = net.read(sentence([(1, 0), (1, 2), (3, 4)]))
    torch.testing.assert_close(root[0], (first + runs) / 2)


def test_who_does_it_to_whom_is_told_by_the_tree_alone():
    """The same words with subject and object exchanged: two roots, and one bag."""
    ways = [sentence([(1, 0), (1, 2)]) for _ in range(2)]
    ways[1].graph.role[0, [0, 2]] = torch.tensor([ARG1, ARG0])
    for name, same in (("full", False), ("bag", True)):
        net = toy.built(Model, **Model.variants[name])
        left, right = (net.encode_text(one) for one in ways)
        assert torch.allclose(left, right) is same


def test_a_sentence_without_a_verb_is_the_mean_of_its_words():
    """D4, and the variants: the bag of three vectors, phrases by all their words."""
    captions = sentence([(1, 0), (1, 2)])
    net = toy.built(Model)
    captions.graph.role[0, [1, 3]] = OTHER
    expected = net.words[4:14].mean(0)
    torch.testing.assert_close(net.encode_text(captions)[0], expected)
    captions = sentence([(1, 0), (1, 2)], phrases=PHRASES[:3])
    net = toy.built(Model, text="bag")
    dog, chases, cat = (net.words[4 + column] for column in (3, 4, 6))
    torch.testing.assert_close(net.encode_text(captions)[0], (dog + chases + cat) / 3)
    net = toy.built(Model, text="bag", all_words=True)
    subject, object_ = net.words[[5, 6, 7]].mean(0), net.words[[9, 10]].mean(0)
    torch.testing.assert_close(net.encode_text(captions)[0], (subject + net.words[8] + object_) / 3)


def test_a_predicate_takes_its_first_argument_of_a_role():
    """Two objects: the first one's head; words that the mask leaves out are nobody's."""
    phrases = [(PREDICATE, [4]), (ARG1, [5, 6]), (ARG1, [8])]
    captions = sentence([(0, 1), (0, 2)], phrases=phrases)
    chosen, there = clauses(captions, all_words=False)
    assert chosen[0, 0].nonzero().tolist() == [[1, 4], [2, 6]]
    assert there[0].tolist() == [[False, True, True], [False] * 3, [False] * 3]
    captions.mask[0, 4:] = False
    assert not clauses(captions, all_words=False)[1].any()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_pyramid_is_the_whole_and_its_halves(count):
    """Eq. (5) and D5: the middle of an odd number is in both halves; padding is in none."""
    x = torch.randn(1, 7, 4)
    rows = x[0, :count]
    half = (count + 1) // 2
    expected = torch.cat([rows.mean(0), rows[:half].mean(0), rows[count - half :].mean(0)])
    mask = torch.arange(7)[None] < count
    torch.testing.assert_close(pyramid(x, mask)[0], expected)


def longhand(net, batch):
    """Each video in the space, both layers by hand."""
    first, _, last = net.video
    frames, mask = batch.clips.features["frames"], batch.clips.mask["frames"]
    rows = pyramid(frames, mask)
    return [last.weight @ torch.tanh(first.weight @ x + first.bias) + last.bias for x in rows]


def test_scores_are_squared_distances_and_the_loss_is_of_right_pairs_alone():
    """Eqs. (6), (7) and (8)."""
    net = toy.built(Model, reconstruction=0.3).requires_grad_(False)
    batch = toy.batch(net)
    y, (root, errors) = longhand(net, batch), net.read(batch.captions)
    scores = [[-float(sum((a - b) ** 2)) for b in y] for a in root]
    torch.testing.assert_close(net(batch), torch.tensor(scores))
    right = [-scores[i][i] + 0.3 * float(errors[i]) for i in range(4)]
    assert net.loss(batch).item() == pytest.approx(sum(right) / 4, rel=1e-5)


def test_reconstruction_keeps_the_roots_apart():
    """Trained on videos that are all alike, roots fall together without it, and less so with it."""
    spread = {}
    for weight in (0.0, 3.0):
        net = toy.built(Model, reconstruction=weight).train()
        batch = toy.batch(net, 8)
        batch.clips.features["frames"][:] = 1.0
        optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
        for _ in range(100):
            optimiser.zero_grad()
            net.loss(batch).backward()
            optimiser.step()
        spread[weight] = net.encode_text(batch.captions).var(0).sum().item()
    assert spread[3.0] > 2 * spread[0.0]


def test_only_what_is_learnt_is_a_weight():
    """Word vectors never are, nor is a fixed language model: both stay with the checkpoint."""
    for name, parts in (("full", {"compose", "video"}), ("text-frozen", {"video"})):
        net = toy.built(Model, **Model.variants[name])
        assert {weight.partition(".")[0] for weight, _ in net.named_parameters()} == parts
        assert {"words", "compose.W"} <= set(net.state_dict())


def test_the_pyramid_may_be_left_out():
    """The mean of the video alone: a third of the width."""
    net = toy.built(Model, pyramid=False)
    assert net.video[0].in_features == toy.FRAMES


def test_defaults_are_the_listed_sizes():
    """Word vectors, nodes and the space of 300, two layers for the video."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 2048}))
    assert net.compose.W.shape == (300, 600)
    assert net.video[0].weight.shape == (1024, 3 * 2048)
