"""Chen et al. 2020, node by node and frame by frame, against loops written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.hgr import Config, GraphLayer, Model
from models.official._loading import official_names
from models.official.hgr import Released, ReleasedConfig, config_of, keys
from models.parts.batch import ROLES, RoleGraph
from models.parts.graphs import to_slots
from tests.models import longhand, toy


def side(**change):
    """A small model, a toy batch and its encoded captions and clips."""
    net = toy.built(Model, **change)
    batch = toy.batch(net)
    return net, batch, net.encode_text(batch.captions), net.encode_video(batch.clips)


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
    """(slot -> vector of the nodes that are there, before any message; edges (target, source))."""
    h = states(net, captions, row)
    weight = softmax([net.word_attention(one)[0] for one in h])
    vectors = {0: sum(w * one for w, one in zip(weight, h, strict=True))}
    graph = captions.graph
    seen = {True: 0, False: 0}
    slot_of = {}
    for node in range(graph.role.shape[1]):
        members = [h[i] for i in range(len(h)) if graph.members[row, node, i]]
        action = ROLES[graph.role[row, node]] == "V"
        limit = net.config.actions if action else net.config.entities
        if members and seen[action] < limit:
            slot = 1 + seen[action] + (0 if action else net.config.actions)
            top = torch.stack([max(dim) for dim in zip(*members, strict=True)])
            vectors[slot] = top * net.roles.weight[graph.role[row, node]]
            slot_of[node] = slot
            seen[action] += 1
    edges = {(slot_of[n], 0) for n in slot_of if graph.role[row, n] == 0}
    for a, b in graph.argument[row].nonzero().tolist():
        if a in slot_of and b in slot_of:
            edges |= {(slot_of[a], slot_of[b]), (slot_of[b], slot_of[a])}
    return vectors, edges


def test_a_node_is_the_maximum_over_its_words_times_its_role():
    """Eqs. (1) to (4): without a graph layer, and the event is its words weighted by attention."""
    net, batch, text, _ = side(graph_layers=0)
    for row in range(4):
        vectors, _ = nodes_of(net, batch.captions, row)
        torch.testing.assert_close(text.event[row], vectors.pop(0))
        slots = torch.cat([text.parts["action"][row], text.parts["entity"][row]])
        there = torch.cat([text.present["action"][row], text.present["entity"][row]])
        assert {n + 1 for n in range(len(there)) if there[n]} == set(vectors)
        for slot, x in vectors.items():
            torch.testing.assert_close(slots[slot - 1], x)


@pytest.mark.parametrize("attention", [True, False])
def test_a_node_adds_the_message_of_its_neighbours(attention):
    """Eqs. (5) and (6): attention over the sources, or their mean; then residual and norm."""
    net, batch, text, _ = side(graph_attention=attention)
    layer = net.graph[0]
    for row in range(4):
        x, edges = nodes_of(net, batch.captions, row)
        slots = torch.cat([text.event[row][None], *(text.parts[n][row] for n in text.parts)])
        for target, own in x.items():
            sources = [b for a, b in sorted(edges) if a == target]
            scores = [
                sum(layer.query(own) * layer.key(x[b])) / layer.query(own).shape[0] ** 0.5
                if attention
                else torch.tensor(0.0)
                for b in sources
            ]
            message = sum(w * x[b] for w, b in zip(softmax(scores), sources, strict=True))
            y = own + layer.context.weight @ message if sources else own
            y = (y - y.mean()) / (y.var(correction=0) + layer.norm.eps) ** 0.5
            torch.testing.assert_close(slots[target], y, rtol=1e-4, atol=1e-5)


def test_the_event_gets_no_message():
    """Eq. (6): no edge ends in it, and other phrases leave its vector as it is."""
    net, batch, text, _ = side()
    batch.captions.graph.argument[:] = False
    batch.captions.graph.role[:] = 0
    torch.testing.assert_close(net.encode_text(batch.captions).event, text.event)


@pytest.mark.parametrize("rate", [0.5, 0.25])
def test_messages_have_a_dropout_of_their_own(rate):
    """Eq. (6) in training: that share of a message is zero, the rest is scaled; the node is whole."""
    torch.manual_seed(0)
    config = replace(Config.small(), graph_dropout=rate, dropout=0.0, common=64)
    layer = GraphLayer(config).train()
    x, edge = torch.randn(8, 16, 64), torch.ones(8, 16, 16, dtype=torch.bool)
    layer.norm = torch.nn.Identity()
    message = layer(x, edge) - x
    expected = layer.eval()(x, edge) - x
    dropped = message.abs() < 1e-6
    assert dropped.float().mean().item() == pytest.approx(rate, abs=0.03)
    torch.testing.assert_close(
        message[~dropped], expected[~dropped] / (1 - rate), rtol=1e-4, atol=1e-5
    )


def test_words_and_frames_drop_out_before_they_are_read():
    """In training a fifth of a word vector and of a projected frame is zero; a message: a half."""
    net = Model(Config(), toy.sizes(Model, Config())).train()
    assert net.dropout.p == 0.2
    assert [layer.dropout.p for layer in net.graph] == [0.5]
    frames = net.project(torch.ones(4, 8, net.data.dims["frames"]))
    assert list(frames) == ["event", "action", "entity"]
    for e in frames.values():
        assert (e == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)
    read = []
    net.gru.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].data))
    with torch.no_grad():
        net.read(toy.batch(net).captions)
    assert (read[0] == 0).float().mean().item() == pytest.approx(0.2, abs=0.03)


def test_frames_lie_in_three_spaces():
    """Eq. (7): an affine map per level; the event's frames are pooled by attention."""
    net, batch, _, video = side()
    for row in range(4):
        x = batch.clips.features["frames"][row][batch.clips.mask["frames"][row]]
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
    """Eqs. (8) to (11): the event's cosine; each phrase against the frames it attends to."""
    net, _, text, video = side(fusion=fusion)
    scores, levels = net.similarity(text, video), net.levels(text, video)
    for i in range(4):
        for j in range(4):
            expected = [longhand.cosine(text.event[i], video.event[j])]
            for level in ("action", "entity"):
                e = video.parts[level][j][video.present[level][j]].detach()
                by_phrase = []
                for phrase in text.parts[level][i][text.present[level][i]].detach():
                    cosines = [longhand.cosine(one, phrase) for one in e]
                    near = [max(0.0, c) for c in cosines]
                    norm = max(sum(n**2 for n in near) ** 0.5, 1e-10)
                    w = softmax([net.config.sharpness * n / norm for n in near])
                    if fusion == "sim":
                        by_phrase.append(float(sum(a * c for a, c in zip(w, cosines, strict=True))))
                    else:
                        attended = sum(a * one for a, one in zip(w, e, strict=True))
                        by_phrase.append(longhand.cosine(attended, phrase))
                expected.append(sum(by_phrase) / len(by_phrase) if by_phrase else 0.0)
            assert levels[:, i, j].tolist() == pytest.approx(expected, abs=1e-5)
            assert scores[i, j].item() == pytest.approx(sum(expected) / 3, abs=1e-5)


def test_the_loss_longhand():
    """Eq. (12): the hardest negative of each row and column, averaged in each direction."""
    net, batch, _, _ = side()
    expected = longhand.triplet(net(batch).tolist(), net.config.margin, reduction="mean")
    assert net.loss(batch).item() == pytest.approx(expected, rel=1e-5)


def test_the_first_epochs_count_all_negatives():
    """D5: the mean over them, as often as the configuration says; then Eq. (12)."""
    net, batch, _, _ = side(all_negatives_epochs=2)
    hardest = net.loss(batch).item()
    rows, columns = longhand.hinges(net(batch).tolist(), net.config.margin)
    losses = []
    for epoch in range(4):
        net.on_epoch(epoch)
        losses.append(net.loss(batch).item())
    mean = (sum(map(sum, rows)) + sum(map(sum, columns))) / 12
    assert losses == pytest.approx([mean, mean, hardest, hardest], rel=1e-5)
    assert mean < hardest
    assert Config().all_negatives_epochs == 0


def test_the_losses_of_the_levels_are_weighted():
    """Eq. (12): of the fused score first, then event, action, entity."""
    weights = (1.0, 0.2, 0.3, 0.4)
    net, batch, text, video = side(weights=weights)
    levels = net.levels(text, video)
    expected = sum(
        w * longhand.triplet(s.tolist(), net.config.margin, reduction="mean")
        for w, s in zip(weights, [levels.mean(0), *levels], strict=True)
    )
    assert net.loss(batch).item() == pytest.approx(expected, rel=1e-5)


def test_slots_are_filled_in_order_and_the_rest_is_left_out():
    """Too many verbs, a node whose words are all beyond the limit, one with half of them."""
    members = torch.zeros(1, 5, 6, dtype=torch.bool)
    for node, words in enumerate([(0,), (5,), (1, 4), (2,), (3,)]):
        members[0, node, list(words)] = True
    role = torch.tensor([[0, 0, 3, 0, 0]])
    argument = torch.zeros(1, 5, 5, dtype=torch.bool)
    argument[0, [0, 3, 4], 2] = True
    slots = to_slots(RoleGraph(members, role, argument), torch.ones(1, 4, dtype=torch.bool), 2, 2)
    assert [row.nonzero()[:, 0].tolist() for row in slots.members[0]] == [[0], [2], [1], []]
    assert slots.role.tolist() == [[0, 0, 3, 0]]
    assert slots.argument[0].nonzero().tolist() == [[0, 2], [1, 2]]


def test_a_long_video_is_sampled_from_its_first_frame_to_its_last():
    """Halves are rounded to even; a short one has all its frames."""
    net, batch, _, video = side(max_frames=3)
    frames = batch.clips.features["frames"]
    for row, count in enumerate(batch.clips.mask["frames"].sum(1).tolist()):
        rows = [0, round((count - 1) / 2), count - 1] if count > 3 else range(count)
        e = frames[row, list(rows)] @ net.frames["action"].weight.mT + net.frames["action"].bias
        assert video.present["action"][row].sum() == len(rows)
        torch.testing.assert_close(video.parts["action"][row, : len(rows)], e)


def test_a_caption_without_a_verb_scores_zero_on_that_level():
    """The other levels score it."""
    net, batch, _, video = side()
    graph = batch.captions.graph
    graph.members[1] &= graph.role[1][:, None] != 0
    levels = net.levels(net.encode_text(batch.captions), video)
    assert levels[1, 1].tolist() == [0.0] * 4
    assert levels[2, 1].all()


@pytest.mark.parametrize("pooling", ["attention", "mean"])
def test_the_event_alone_needs_no_graph(pooling):
    """Neither the variant `event` nor `global` asks for roles, and both score without them."""
    change = {"levels": ("event",), "pooling": pooling}
    assert Model.needs(toy.config_of(Model, **change)) == {"words", "frames"}
    assert Model.needs(toy.config_of(Model)) == {"words", "frames", "graph"}
    net = toy.built(Model, **change)
    batch = toy.batch(net)
    assert batch.captions.graph is None
    assert net(batch).isfinite().all()


def test_the_global_baseline_longhand():
    """Means of words and frames, one space."""
    net, batch, text, video = side(levels=("event",), pooling="mean")
    for row in range(4):
        h = states(net, batch.captions, row)
        x = batch.clips.features["frames"][row][batch.clips.mask["frames"][row]]
        torch.testing.assert_close(text.event[row], sum(h) / len(h))
        mean = net.frames["event"].weight @ (sum(x) / len(x)) + net.frames["event"].bias
        torch.testing.assert_close(video.event[row], mean)


def released(**change):
    """A released model and its weights under the official names."""
    torch.manual_seed(0)
    config = ReleasedConfig(**vars(replace(Config.small(), **change)))
    return with_weights(Released(config, toy.sizes(Model, config)).eval())


def with_weights(net):
    """A model and its weights under the official names."""
    own = net.state_dict()
    official = {theirs: own[ours] for theirs, ours in official_names(net, keys(net.config)).items()}
    assert len(official) == len(own)
    return net, official


def parted(official):
    """The authors' form: one dictionary per side."""
    sides = ("video_encoder.", "text_encoder.")
    return {
        side.rstrip("."): {k.removeprefix(side): w for k, w in official.items() if side in k}
        for side in sides
    }


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"graph_layers": 2},
        {"roles": 0, "graph_attention": False},
        {"graph_layers": 0, "graph_attention": False},
        {"levels": ("event",), "pooling": "mean", "roles": 0, "graph_layers": 0}
        | {"graph_attention": False},
    ],
)
def test_official_weights_give_sizes_and_scores(change):
    """A checkpoint in the authors' form is the model it was; options set what weights do not show."""
    net, official = released(**change)
    limits = {"num_verbs": 3, "num_nouns": 12, "max_words": 52, "max_frames": 16}
    limits["num_roles"] = change.get("roles", 16)
    config, data = config_of(official, limits)
    assert replace(config, all_negatives_epochs=2) == net.config
    assert (data.vocabulary, data.dims) == (net.data.vocabulary, net.data.dims)
    loaded = Model.from_official(parted(official), config).eval()
    batch = toy.batch(net)
    torch.testing.assert_close(loaded(batch), net(batch))


def test_the_released_option_of_one_space_for_all_levels():
    """Q1: frames are projected once, and every level reads them there."""
    torch.manual_seed(0)
    config = ReleasedConfig(**vars(Config.small()), shared=True)
    net, official = with_weights(Released(config, toy.sizes(Model, config)).eval())
    assert list(net.frames) == ["event"]
    video = net.encode_video(toy.batch(net).clips)
    assert video.parts["action"].equal(video.parts["entity"])
    assert config_of(official)[0].shared


def test_weights_that_do_not_fit_are_named():
    """One line says which key is missing or unknown."""
    net, official = released()
    del official["text_encoder.rnn.weight_hh_l0"]
    official["text_encoder.mystery"] = torch.zeros(2)
    with pytest.raises(ValueError, match=r"mystery is unknown.*weight_hh_l0 is missing"):
        Model.from_official(official, net.config)
    with pytest.raises(ValueError, match=r"we\.weight is missing"):
        Model.from_official({})


@pytest.mark.parametrize("option", [{"max_violation": False}, {"hard_topk": 3}])
def test_a_loss_that_is_not_the_paper_s_is_refused(option):
    """All negatives, or several hard ones, are options of the release alone."""
    with pytest.raises(ValueError, match="hardest negative alone"):
        config_of({}, option)


def test_defaults_are_the_published_sizes():
    """1,024 numbers a node, word vectors of 300, ResNet-152 frames of 2,048."""
    data = replace(toy.sizes(Model, Config()), dims={"frames": 2048})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert {layer.weight.shape for layer in net.frames.values()} == {(1024, 2048)}
    assert (net.words.embedding_dim, net.gru.hidden_size) == (300, 1024)
    assert net.roles.weight.shape == (16, 1024)
    assert net.graph[0].query.out_features == 512
