"""Chen et al. 2020, node by node and frame by frame, against loops written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.hgr import Model, official_prefixes, sizes
from models.official._loading import official_names
from models.parts.batch import ROLES, RoleGraph
from models.parts.graphs import to_slots
from tests.models import longhand, toy


def side(**change):
    """A small model, a toy batch and its encoded captions and clips."""
    net, batch = toy.built(Model, **change), toy.batch(Model)
    return net, batch, net.encode_text(batch[0]), net.encode_video(batch[1])


def states(net, captions, row):
    """The mean of both directions at each true word of one caption."""
    words = net.words(captions.words[row][captions.mask[row]])
    both = longhand.bigru(net.gru, words)
    return [(one[: len(one) // 2] + one[len(one) // 2 :]) / 2 for one in both]


def softmax(scores):
    """Weights of a list of numbers."""
    total = sum(torch.exp(torch.as_tensor(s)) for s in scores)
    return [torch.exp(torch.as_tensor(s)) / total for s in scores]


def nodes_of(net, captions, row):
    """Event, then slot -> vector of the nodes that are there, before they hear each other."""
    h = states(net, captions, row)
    weight = softmax([net.word_attention(one)[0] for one in h])
    found = {0: sum(w * one for w, one in zip(weight, h, strict=True))}
    graph = captions.graph
    seen = {True: 0, False: 0}
    slot_of = {}
    for node in range(graph.role.shape[1]):
        held = [h[i] for i in range(len(h)) if graph.members[row, node, i]]
        action = ROLES[graph.role[row, node]] == "V"
        limit = net.config.actions if action else net.config.entities
        if held and seen[action] < limit:
            slot = 1 + seen[action] + (0 if action else net.config.actions)
            top = torch.stack([max(dim) for dim in zip(*held, strict=True)])
            found[slot] = top * net.roles.weight[graph.role[row, node]]
            slot_of[node] = slot
            seen[action] += 1
    edges = {(slot_of[n], 0) for n in slot_of if graph.role[row, n] == 0}
    for a, b in graph.argument[row].nonzero().tolist():
        if a in slot_of and b in slot_of:
            edges |= {(slot_of[a], slot_of[b]), (slot_of[b], slot_of[a])}
    return found, edges


def test_nodes_are_what_their_words_say():
    """Eqs. (1) to (4): without a graph layer, a node is the maximum over its words, times its role."""
    net, (captions, _), text, _ = side(graph_layers=0)
    for row in range(4):
        found, _ = nodes_of(net, captions, row)
        torch.testing.assert_close(text.event[row], found.pop(0))
        slots = torch.cat([text.parts["action"][row], text.parts["entity"][row]])
        there = torch.cat([text.present["action"][row], text.present["entity"][row]])
        assert {n + 1 for n in range(len(there)) if there[n]} == set(found)
        for slot, x in found.items():
            torch.testing.assert_close(slots[slot - 1], x)


@pytest.mark.parametrize("attention", [True, False])
def test_nodes_hear_those_an_edge_comes_from(attention):
    """Eqs. (5) and (6): attention over sources, or their mean; then residual and norm."""
    net, (captions, _), text, _ = side(graph_attention=attention)
    layer = net.graph[0]
    for row in range(4):
        x, edges = nodes_of(net, captions, row)
        slots = torch.cat([text.event[row][None], *(text.parts[n][row] for n in text.parts)])
        for target, own in x.items():
            sources = [b for a, b in sorted(edges) if a == target]
            scores = [
                sum(layer.query(own) * layer.key(x[b])) / layer.query(own).shape[0] ** 0.5
                if attention
                else torch.tensor(0.0)
                for b in sources
            ]
            heard = sum(w * x[b] for w, b in zip(softmax(scores), sources, strict=True))
            y = own + layer.context.weight @ heard if sources else own
            y = (y - y.mean()) / (y.var(correction=0) + layer.norm.eps) ** 0.5
            torch.testing.assert_close(slots[target], y, rtol=1e-4, atol=1e-5)


def test_the_event_hears_nobody():
    """No edge ends in it: other phrases leave its vector as it is."""
    net, (captions, _), text, _ = side()
    captions.graph.argument[:] = False
    captions.graph.role[:] = 0
    torch.testing.assert_close(net.encode_text(captions).event, text.event)


def test_frames_stand_in_three_spaces():
    """Eq. (7): an affine map a level; the event's frames are pooled by attention."""
    net, (_, clips), _, video = side()
    for row in range(4):
        x = clips.features["frames"][row][clips.mask["frames"][row]]
        e = [net.frames["event"].weight @ one + net.frames["event"].bias for one in x]
        weight = softmax([net.frame_attention(one)[0] for one in e])
        torch.testing.assert_close(
            video.event[row], sum(w * one for w, one in zip(weight, e, strict=True))
        )
        for level in ("action", "entity"):
            e = x @ net.frames[level].weight.mT + net.frames[level].bias
            torch.testing.assert_close(video.parts[level][row, : len(x)], e)


@pytest.mark.parametrize("fusion", ["embed", "sim"])
def test_scores_longhand(fusion):
    """Eqs. (8) to (11): the event's cosine; what each phrase finds in the frames it looks at."""
    net, _, text, video = side(fusion=fusion)
    scores, levels = net.similarity(text, video), net.levels(text, video)
    for i in range(4):
        for j in range(4):
            wanted = [longhand.cosine(text.event[i], video.event[j])]
            for level in ("action", "entity"):
                e = video.parts[level][j][video.present[level][j]].detach()
                found = []
                for phrase in text.parts[level][i][text.present[level][i]].detach():
                    cosines = [longhand.cosine(one, phrase) for one in e]
                    near = [max(0.0, c) for c in cosines]
                    norm = max(sum(n**2 for n in near) ** 0.5, 1e-10)
                    w = softmax([net.config.sharpness * n / norm for n in near])
                    if fusion == "sim":
                        found.append(float(sum(a * c for a, c in zip(w, cosines, strict=True))))
                    else:
                        seen = sum(a * one for a, one in zip(w, e, strict=True))
                        found.append(longhand.cosine(seen, phrase))
                wanted.append(sum(found) / len(found) if found else 0.0)
            assert levels[:, i, j].tolist() == pytest.approx(wanted, abs=1e-5)
            assert scores[i, j].item() == pytest.approx(sum(wanted) / 3, abs=1e-5)


@pytest.mark.parametrize("direction", ["t2v", "v2t", "both"])
@pytest.mark.parametrize("hardest", [1, 2, None])
def test_the_loss_longhand(direction, hardest):
    """Eq. (12): the k hardest wrong pairs of a row, or all of them, averaged a direction."""
    net, batch = toy.built(Model, direction=direction, hardest=hardest), toy.batch(Model)
    rows, columns = longhand.hinges(net(*batch).tolist(), net.config.margin)
    wanted = {"t2v": [rows], "v2t": [columns], "both": [rows, columns]}[direction]
    total = 0.0
    for lines in wanted:
        top = [sorted(line, reverse=True)[: hardest or len(line)] for line in lines]
        total += sum(map(sum, top)) / sum(map(len, top))
    assert net.loss(*batch).item() == pytest.approx(total, rel=1e-5)


def test_the_losses_of_the_levels_are_weighed():
    """The fused score first, then event, action, entity."""
    weights = (1.0, 0.2, 0.3, 0.4)
    net, batch = toy.built(Model, weights=weights), toy.batch(Model)
    levels = net.levels(net.encode_text(batch[0]), net.encode_video(batch[1]))
    scores = [levels.mean(0), *levels]
    wanted = sum(
        w * longhand.triplet(s.tolist(), net.config.margin, reduction="mean")
        for w, s in zip(weights, scores, strict=True)
    )
    assert net.loss(*batch).item() == pytest.approx(wanted, rel=1e-5)


def test_slots_are_filled_in_order_and_the_rest_is_left_out():
    """Too many verbs, a node whose words are all beyond the limit, one that has half of them."""
    members = torch.zeros(1, 5, 6, dtype=torch.bool)
    for node, words in enumerate([(0,), (5,), (1, 4), (2,), (3,)]):
        members[0, node, list(words)] = True
    role = torch.tensor([[0, 0, 3, 0, 0]])
    argument = torch.zeros(1, 5, 5, dtype=torch.bool)
    argument[0, [0, 3, 4], 2] = True
    found = to_slots(RoleGraph(members, role, argument), torch.ones(1, 4, dtype=torch.bool), 2, 2)
    assert [row.nonzero()[:, 0].tolist() for row in found.members[0]] == [[0], [2], [1], []]
    assert found.role.tolist() == [[0, 0, 3, 0]]
    assert found.argument[0].nonzero().tolist() == [[0, 2], [1, 2]]


def test_a_long_video_keeps_frames_that_are_evenly_apart():
    """From the first to the last, halves rounded to even; a short one keeps all."""
    net, (_, clips) = toy.built(Model, max_frames=3), toy.batch(Model)
    video = net.encode_video(clips)
    counts = clips.mask["frames"].sum(1).tolist()
    for row, count in enumerate(counts):
        kept = [0, round((count - 1) / 2), count - 1] if count > 3 else range(count)
        e = clips.features["frames"][row, list(kept)] @ net.frames["action"].weight.mT
        e = e + net.frames["action"].bias
        assert video.present["action"][row].sum() == len(kept)
        torch.testing.assert_close(video.parts["action"][row, : len(kept)], e)


def test_a_caption_without_a_verb_scores_zero_on_that_level():
    """It is told apart by event and entities alone."""
    net, (captions, _), _, video = side()
    captions.graph.members[1] &= captions.graph.role[1][:, None] != 0
    levels = net.levels(net.encode_text(captions), video)
    assert levels[1, 1].tolist() == [0.0] * 4
    assert levels[2, 1].all()


def test_the_global_baseline_reads_no_graph():
    """Means of words and frames, one space."""
    net, (captions, clips) = toy.built(Model, levels=("event",), pooling="mean"), toy.batch(Model)
    captions.graph = None
    text, video = net.encode_text(captions), net.encode_video(clips)
    for row in range(4):
        h, x = states(net, captions, row), clips.features["frames"][row][clips.mask["frames"][row]]
        torch.testing.assert_close(text.event[row], sum(h) / len(h))
        mean = net.frames["event"].weight @ (sum(x) / len(x)) + net.frames["event"].bias
        torch.testing.assert_close(video.event[row], mean)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"shared": True, "graph_layers": 2},
        {"roles": 0, "graph_attention": False},
        {"graph_layers": 0},
        {"levels": ("event",), "pooling": "mean"},
    ],
)
def test_official_weights_tell_their_sizes(change):
    """A checkpoint in the authors' form, one dictionary a side, gives the same scores."""
    net, batch = toy.built(Model, **change), toy.batch(Model)
    names = official_names(net, official_prefixes(net.config))
    official = {theirs: net.state_dict()[ours] for theirs, ours in names.items()}
    assert len(official) == len(net.state_dict())
    parts = {
        prefix: {
            key.removeprefix(f"{prefix}."): w
            for key, w in official.items()
            if key.startswith(prefix)
        }
        for prefix in ("video_encoder", "text_encoder")
    }
    told = sizes(official)
    limits = {name: getattr(net.config, name) for name in ("actions", "entities", "max_words")}
    loaded = Model.from_official(parts, replace(told, **limits)).eval()
    torch.testing.assert_close(loaded(*batch), net(*batch))
    for name in ("vocabulary", "word_dim", "common", "frame_dim", *change):
        assert getattr(told, name) == getattr(net.config, name), name


def test_weights_that_do_not_fit_are_named():
    """One line says which key is missing or unknown."""
    net = toy.built(Model)
    names = official_names(net, official_prefixes(net.config))
    official = {theirs: net.state_dict()[ours] for theirs, ours in names.items()}
    del official["text_encoder.rnn.weight_hh_l0"]
    official["text_encoder.mystery"] = torch.zeros(2)
    with pytest.raises(ValueError, match=r"mystery is unknown.*weight_hh_l0 is missing"):
        Model.from_official(official, net.config)
    with pytest.raises(ValueError, match=r"we\.weight is missing"):
        Model.from_official({})


def test_easy_epochs_count_all_negatives():
    """While the loop says so, the hardest wrong pair is one among the others."""
    net, batch = toy.built(Model), toy.batch(Model)
    every = toy.built(Model, hardest=None).loss(*batch)
    assert net.loss(*batch) > every
    net.easy = True
    torch.testing.assert_close(net.loss(*batch), every)
