"""Xiong et al. 2019, step by step, against sums written out longhand."""

from itertools import product

import pytest
import torch

from models.movie_synopsis_graph import Config, Model, Side, cosines
from models.official.movie_synopsis_graph import Released, config_of, keys, warp
from models.parts.assignment import assign
from models.parts.batch import ROLES, RoleGraph
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.releases import official_weights


def two_layers(net, x):
    """One node."""
    first, _, second = net
    return second.weight @ (first.weight @ x + first.bias).clamp(min=0) + second.bias


@torch.no_grad()
def test_sentences_and_shots_pass_two_layers_each_their_own():
    """Eq. (1) and D1: a sentence is the mean of its words."""
    net = toy.built(Model, graph=False)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    sentences = batch.captions.sentences
    rows = []
    for words, mask in zip(sentences.items.words, sentences.items.mask, strict=True):
        x = net.words.weight[words[mask]]
        rows.append(two_layers(net.text_appr, sum(x) / len(x)))
    torch.testing.assert_close(text.nodes["appr"][text.mask["appr"]], torch.stack(rows))
    frames, mask = batch.clips.features["frames"], batch.clips.mask["frames"]
    shots = [two_layers(net.video_appr, x) for x in frames[mask]]
    torch.testing.assert_close(video.nodes["appr"][video.mask["appr"]], torch.stack(shots))


@torch.no_grad()
def test_phrases_and_predicates_are_nodes_of_a_synopsis():
    """D3: agents and what they act on, by their mean word; joined where they share a predicate."""
    net = toy.built(Model)
    captions = toy.batch(net, 1).captions
    role = torch.tensor([[ROLES.index(r) for r in ("V", "ARGM-LOC", "ARG0", "ARG1", "V", "ARG0")]])
    members = torch.zeros(1, 6, 7, dtype=torch.bool)
    for node, words in enumerate(([2], [5], [0, 1], [3], [4], [])):  # the last has no word
        members[0, node, words] = True
    argument = torch.zeros(1, 6, 6, dtype=torch.bool)
    for predicate, phrase in ((0, 1), (0, 2), (0, 3), (4, 3), (4, 5)):
        argument[0, predicate, phrase] = True
    captions.graph = RoleGraph(members, role, argument)
    text, words = net.encode_text(captions), net.words(captions.words)[0]
    agents = torch.stack([(words[0] + words[1]) / 2, words[3]])
    torch.testing.assert_close(text.nodes["cast"][0], net.text_cast(agents))
    torch.testing.assert_close(text.nodes["action"][0], net.text_action(words[[2, 4]]))
    assert text.links["cast"].tolist() == [[[False, True], [False, False]]]
    assert text.links["action"].tolist() == [[[True, False], [True, True]]]


@pytest.mark.parametrize("regions", [True, False])
@torch.no_grad()
def test_cast_and_actions_of_a_clip_are_joined_by_time(regions):
    """D2: with the step they are in, and with each other in this step and the next."""
    dims = {"frames": 6, "motion": 4} | ({"regions": 7} if regions else {})
    net = toy.built(Model, toy.sizes(Model, toy.config_of(Model), dims=dims), max_cast=4)
    clips = toy.batch(net, 1).clips
    name = "regions" if regions else "frames"
    clips.features[name], clips.mask[name] = torch.randn(1, 8, dims[name]), torch.ones(1, 8) > 0
    clips.features[name][..., -1] = torch.arange(8) / 8
    clips.features["motion"], clips.mask["motion"] = torch.randn(1, 4, 4), torch.ones(1, 4) > 0
    video = net.encode_video(clips)
    rows = clips.features[name][0, ::2]  # four of eight, evenly spread
    torch.testing.assert_close(video.nodes["cast"][0], net.video_cast(rows))
    near = [[abs(i - j) == 1 for j in range(4)] for i in range(4)]
    assert video.links["cast"][0].tolist() == near
    assert video.links["action"][0].tolist() == torch.eye(4).bool().tolist()


@torch.no_grad()
def test_without_cast_or_actions_there_is_one_node_of_zeros():
    """It is joined to nothing."""
    net = toy.built(Model)
    batch = toy.batch(net)
    for name in ("regions", "motion"):
        batch.clips.mask[name][1] = False
    batch.captions.graph.members[1] = False
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    for side, name in ((text, "text"), (video, "video")):
        for kind in ("cast", "action"):
            layers = net.get_submodule(f"{name}_{kind}")
            width = next(layers.parameters()).shape[1]
            assert side.mask[kind][1].tolist()[:2] in ([True], [True, False])
            torch.testing.assert_close(side.nodes[kind][1, 0], layers(torch.zeros(width)))
            assert not side.links[kind][1].any()


def sides(g, rows, columns, width=5):
    """A synopsis and a clip of so many nodes of each kind, with edges at random."""
    made = []
    for counts in (rows, columns):
        nodes = {k: torch.randn(1, n, width, generator=g) for k, n in counts.items()}
        mask = {k: torch.ones(1, n) > 0 for k, n in counts.items()}
        cast = torch.rand(1, counts["cast"], counts["cast"], generator=g) < 0.5
        does = torch.rand(1, counts["cast"], counts["action"], generator=g) < 0.5
        made.append(Side(nodes, mask, {"cast": cast, "action": does}))
    return made


def table(text, video, kind):
    """Cosines of all nodes of one pair."""
    return [[longhand.cosine(a, b) for b in video.nodes[kind][0]] for a in text.nodes[kind][0]]


def flows(n, m, *, ordered):
    """Every way to give each of m shots to one of n sentences, or to none."""
    for ways in product([*range(n), None], repeat=m):
        used = [way for way in ways if way is not None]
        if not ordered or used == sorted(used):
            yield ways


@pytest.mark.parametrize("flow", ["ordered", "any-order"])
def test_the_best_of_all_flows_is_found(flow):
    """Eqs. (2) and (3): no order of shots and sentences has more, whatever is left unused."""
    g, net = torch.Generator().manual_seed(1), toy.built(Model, flow=flow)
    for n, m in ((1, 1), (2, 4), (3, 4), (4, 2)):
        text, video = sides(
            g, {"appr": n, "cast": 1, "action": 1}, {"appr": m, "cast": 1, "action": 1}
        )
        c = table(text, video, "appr")
        best = max(
            sum(c[way][shot] for shot, way in enumerate(ways) if way is not None)
            for ways in flows(n, m, ordered=flow == "ordered")
        )
        assert net.event_flow(text, video).item() == pytest.approx(best / m, abs=1e-6)


def test_pooled_sides_are_compared_by_their_means():
    """The baseline: no shot meets a sentence."""
    net = toy.built(Model, graph=False, flow="pooled")
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net(batch)
    for t in range(4):
        for v in range(4):
            x = text.nodes["appr"][t][text.mask["appr"][t]].mean(0)
            y = video.nodes["appr"][v][video.mask["appr"][v]].mean(0)
            assert scores[t, v].item() == pytest.approx(longhand.cosine(x, y), abs=1e-6)


def test_the_graph_score_longhand():
    """Eqs. (4) to (7): matched nodes, and edges of which both ends are matched, by direction."""
    g, net = torch.Generator().manual_seed(2), toy.built(Model, action_weight=0.3)
    for _ in range(5):
        text, video = sides(
            g, {"appr": 1, "cast": 3, "action": 2}, {"appr": 1, "cast": 5, "action": 3}
        )
        partner, value = {}, {}
        for kind, weight in (("cast", 1.0), ("action", 0.3)):
            c, there = cosines(text, video, kind)
            y = assign(c, there)[0, 0]
            partner[kind] = [row.nonzero()[0, 0].item() if row.any() else None for row in y]
            c = table(text, video, kind)
            value[kind] = [
                0.0 if p is None else weight * c[a][p] for a, p in enumerate(partner[kind])
            ]
        total = sum(value["cast"]) + sum(value["action"])
        for kind in ("cast", "action"):
            for a, i in enumerate(partner["cast"]):
                for b, j in enumerate(partner[kind]):
                    if None not in {i, j} and text.links[kind][0, a, b]:
                        there = video.links[kind][0, i, j].item()
                        total += there * (value["cast"][a] + value[kind][b]) / 2
        assert net.graph(text, video).item() == pytest.approx(total / 5, abs=1e-6)


def test_the_score_and_the_loss_longhand():
    """Eqs. (8) and (9): hinges of both directions, the mean over all cells of the table."""
    net = toy.built(Model, flow_weight=0.7, margin=0.4)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.graph(text, video) + 0.7 * net.event_flow(text, video)
    torch.testing.assert_close(net(batch), scores)
    rows, columns = longhand.hinges(scores.tolist(), 0.4)
    by_hand = sum(term for lines in (rows, columns) for line in lines for term in line) / 16
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_the_event_flow_alone_needs_no_roles():
    """Nor motion."""
    assert Model.needs(Config()) == {"words", "frames", "sentences", "graph", "motion"}
    assert Model.needs(Config(graph=False)) == {"words", "frames", "sentences"}


def test_the_released_warp_uses_every_shot_and_every_sentence():
    """Q1: a shot may serve two sentences; the score is a sentence's cosine with its shots' sum."""
    assert sorted(warp(torch.eye(3).tolist())) == [(0, 0), (1, 1), (2, 2)]
    assert sorted(warp([[0.0, 0.0, 0.0]])) == [(0, 0), (0, 1), (0, 2)]
    g, paper = torch.Generator().manual_seed(3), toy.built(Model)
    net = Released(paper.config, paper.data)
    text, video = sides(g, {"appr": 2, "cast": 1, "action": 1}, {"appr": 4, "cast": 1, "action": 1})
    y = net.path(text, video)[0, 0]
    assert y.any(0).all()
    assert y.any(1).all()
    shots = [video.nodes["appr"][0][row].sum(0) for row in y]
    c = [longhand.cosine(a, b) for a, b in zip(text.nodes["appr"][0], shots, strict=True)]
    assert net.event_flow(text, video).item() == pytest.approx(sum(c) / 2, abs=1e-6)


def monotone(m, n):
    """Every path from the first cell to the last by steps to a neighbour."""
    if (m, n) == (1, 1):
        return [[(0, 0)]]
    before = [(m - 1, n - 1), (m - 1, n), (m, n - 1)]
    return [[*path, (m - 1, n - 1)] for i, j in before if i and j for path in monotone(i, j)]


def test_the_released_warp_misprices_the_last_row_and_column():
    """Q2: its path is monotone, and in some tables not the cheapest."""
    g, missed = torch.Generator().manual_seed(4), 0
    for _ in range(50):
        c = torch.rand(3, 4, generator=g).tolist()
        costs = {tuple(path): sum(1 - c[i][j] for i, j in path) for path in monotone(3, 4)}
        path = tuple(sorted(warp(c)))
        assert path in costs
        missed += costs[path] > min(costs.values()) + 1e-9
    assert 0 < missed < 50


def test_released_nodes_are_matched_by_all_cosines_and_none_stays_alone():
    """Q3 and Q4: three are matched where two would weigh more; the rest go to the last candidate."""
    paper = toy.built(Model)
    net = Released(paper.config, paper.data)
    c = torch.tensor([[[[0.27, 0.24, -0.2], [-0.6, 0.11, 0.28], [-0.5, -0.4, 0.13]]]])
    there = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    assert net.match(c, there)[0, 0].int().argmax(1).tolist() == [0, 1, 2]
    c = torch.tensor([[[[0.5, -0.1], [0.3, -0.2], [-0.3, -0.4]]]])
    y = net.match(c, torch.ones(1, 1, 3, 2, dtype=torch.bool))[0, 0]
    assert y.tolist() == [[True, False], [False, True], [False, True]]


@pytest.mark.parametrize("change", [{}, {"graph": False}])
def test_a_checkpoint_of_the_released_code_is_read(change):
    """Sizes come from the weights; words are the user's."""
    paper = toy.built(Model, **change)
    net = Released(paper.config, paper.data).eval()
    weights, batch = official_weights(net), toy.batch(net)
    assert len(keys(net.config)) == (10 if net.config.graph else 4)
    again = Model.from_official(weights).eval()
    again.words = net.words
    assert again(batch).allclose(net(batch))
    with pytest.raises(ValueError, match="all negatives count"):
        config_of(weights, {"max_violation": True})


def test_defaults_are_the_published_sizes():
    """2348 and 300 to 256 by 1024 and 256; actions 512; the cast 512, the identity at the start."""
    data = DataSizes(9_000, dims={"frames": 2348, "regions": 512, "motion": 512})
    net = Model(Config(), data)
    assert [tuple(net.video_appr[i].weight.shape) for i in (0, 2)] == [(1024, 2348), (256, 1024)]
    assert [tuple(net.text_appr[i].weight.shape) for i in (0, 2)] == [(256, 300), (256, 256)]
    assert [tuple(net.video_action[i].weight.shape) for i in (0, 2)] == [(256, 512), (256, 256)]
    assert net.video_cast[0].weight.equal(torch.eye(512))
    assert 0.009 < net.video_appr[0].weight.std() < 0.011
