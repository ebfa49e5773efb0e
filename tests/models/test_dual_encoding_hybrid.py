"""Dong et al. 2021, step by step, against sums written out longhand."""

from math import log

import pytest
import torch

from models.dual_encoding_hybrid import OFFICIAL, Config, Model, MultiLevel
from models.official._loading import as_official, official_names
from tests.models import longhand, toy

RAGGED = torch.tensor([[True] * 4, [True] * 2 + [False] * 2, [True] + [False] * 3])


def side(**change):
    """A tiny encoder of 3-dimensional steps: level 1 has 2 numbers, states 2 x 2, filters 5."""
    torch.manual_seed(3)
    config = Config(**change)
    return MultiLevel(torch.nn.Identity(), (2, 3, 2, 5), (2, 3), config).eval()


def ragged():
    """Three sequences of 4, 2 and 1 steps, junk in the padding, and their level 1."""
    g = torch.Generator().manual_seed(5)
    x = torch.randn(3, 4, 3, generator=g).masked_fill(~RAGGED[..., None], 7.0)
    return torch.randn(3, 2, generator=g), x


def windows(net, states):
    """Each filter at each place where a window touches a state; the largest, nothing below 0."""
    found = []
    for k, conv in zip(net.kernels, net.filters, strict=True):
        for weight, bias in zip(conv.weight, conv.bias, strict=True):
            places = range(-(k - 1), len(states))
            sums = [
                bias
                + sum(weight[:, i] @ states[p + i] for i in range(k) if 0 <= p + i < len(states))
                for p in places
            ]
            found.append(max([torch.tensor(0.0), *sums]))
    return torch.stack(found)


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_a_side_is_its_states_its_windows_and_its_whole(pool):
    """Eqs. (1) to (3): levels 2, 3 and 1, over the true steps of each row."""
    net, (f1, x) = side(gru_pool=pool), ragged()
    for row, n in enumerate((4, 2, 1)):
        states = longhand.bigru(net.gru, x[row, :n])
        f2 = sum(states) / n if pool == "mean" else torch.stack(states).amax(0)
        wanted = torch.cat([f2, windows(net, states), f1[row]])
        torch.testing.assert_close(net(f1, x, RAGGED)[row], wanted)


def test_the_latent_space_has_unit_length_and_the_concepts_are_probabilities():
    """Eqs. (4) and (5), with running statistics that are not the identity."""
    net, (_, clips) = toy.built(Model), toy.batch(Model)
    u = []
    net.video.register_forward_hook(lambda *given: u.append(given[2]))
    for space in (net.video_space, net.video_concepts):
        space[1].running_mean.uniform_(-1, 1)
        space[1].running_var.uniform_(0.5, 2)
    found = net.encode_video(clips)
    for name, (affine, norm, _) in (("latent", net.video_space), ("concept", net.video_concepts)):
        for row, e in enumerate(found[name]):
            y = affine.weight @ u[0][row] + affine.bias
            y = (y - norm.running_mean) / (norm.running_var + 1e-5) ** 0.5
            y = y * norm.weight + norm.bias
            wanted = y / sum(y**2) ** 0.5 if name == "latent" else 1 / (1 + torch.exp(-y))
            torch.testing.assert_close(e, wanted)


def test_concepts_are_compared_by_what_they_share():
    """Eq. (6): sum of minima over sum of maxima, one pair at a time."""
    g = torch.Generator().manual_seed(1)
    p, q = torch.rand(3, 6, generator=g), torch.rand(4, 6, generator=g)
    found = Model.scores({"concept": p}, {"concept": q})["concept"]
    for i in range(3):
        for j in range(4):
            pairs = list(zip(p[i].tolist(), q[j].tolist(), strict=True))
            wanted = sum(map(min, pairs)) / sum(map(max, pairs))
            assert found[i, j].item() == pytest.approx(wanted, rel=1e-5)


def entropy(p, y):
    """Mean over rows and concepts."""
    cells = [
        -(b * log(a) + (1 - b) * log(1 - a))
        for row, named in zip(p.tolist(), y.tolist(), strict=True)
        for a, b in zip(row, named, strict=True)
    ]
    return sum(cells) / len(cells)


@pytest.mark.parametrize("direction", ["both", "t2v", "v2t"])
def test_the_loss_longhand(direction):
    """Eqs. (7) to (9): a triplet in each space, and the concepts of both sides, times the batch."""
    net = toy.built(Model, direction=direction, margin=0.3, concept_margin=0.1)
    captions, clips = toy.batch(Model)
    y = torch.rand(captions.bow.shape, generator=torch.Generator().manual_seed(2))
    captions.vectors["concepts"] = y
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores = net.scores(text, video)
    wanted = longhand.triplet(scores["latent"].tolist(), 0.3, direction=direction)
    wanted += longhand.triplet(scores["concept"].tolist(), 0.1, direction=direction)
    wanted += 4 * (entropy(text["concept"], y) + entropy(video["concept"], y))
    assert net.loss(captions, clips).item() == pytest.approx(wanted, rel=1e-5)


def test_scores_of_both_spaces_are_fused():
    """Eq. (10): 0.6 latent and 0.4 concept; one space alone is its own score."""
    net, batch = toy.built(Model), toy.batch(Model)
    scores = net.scores(net.encode_text(batch[0]), net.encode_video(batch[1]))
    torch.testing.assert_close(net(*batch), 0.6 * scores["latent"] + 0.4 * scores["concept"])
    for space in ("latent", "concept"):
        alone = toy.built(Model, space=space)
        found = alone.scores(alone.encode_text(batch[0]), alone.encode_video(batch[1]))
        assert list(found) == [space]
        assert alone(*batch).equal(found[space])


def test_released_quirks_let_the_batch_in():
    """Q1 to Q3: padding reaches the states, the windows and the maximum; off, it does not."""
    for change in ({}, {"gru_pool": "max"}):
        net, (f1, x) = side(**change), ragged()
        alone = net(f1[2:], x[2:, :1], RAGGED[2:, :1])
        torch.testing.assert_close(net(f1, x, RAGGED)[2:], alone)
        released = side(as_released=True, **change)
        assert not released(f1, x, RAGGED)[2:].allclose(alone, atol=1e-3)


def test_the_released_scores_are_scaled_by_the_table_at_hand():
    """Q4: the smallest fused score can be 0 and the largest 1, whatever the pairs."""
    net, batch = toy.built(Model, as_released=True), toy.batch(Model)
    scores = net.scores(net.encode_text(batch[0]), net.encode_video(batch[1]))
    low = {k: s.min().item() for k, s in scores.items()}
    high = {k: s.max().item() for k, s in scores.items()}
    for i in range(4):
        for j in range(4):
            parts = {k: (s[i, j].item() - low[k]) / (high[k] - low[k]) for k, s in scores.items()}
            wanted = 0.6 * parts["latent"] + 0.4 * parts["concept"]
            assert net(*batch)[i, j].item() == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("change", [{}, {"space": "latent"}, {"whole": False}])
def test_sizes_are_read_from_official_weights(change):
    """Without a config the released weights give the same scores, from their list of four parts."""
    net, batch = toy.built(Model, as_released=True, **change), toy.batch(Model)
    own, names = net.state_dict(), official_names(net, OFFICIAL)
    assert set(names.values()) == set(own)
    weights = {
        key: as_official(own[name], own[name][None])
        if ".filters." in name and name.endswith("weight")
        else own[name]
        for key, name in names.items()
    }
    parts = [
        {k.removeprefix(p): v for k, v in weights.items() if k.startswith(p)}
        for p in ("vid_encoding.", "text_encoding.", "vid_mapping.", "text_mapping.")
    ]
    again = Model.from_official({"model": parts}).eval()
    assert again(*batch).equal(net(*batch))


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing part is named."""
    with pytest.raises(ValueError, match=r"rnn\.weight_hh_l0 is missing"):
        Model.from_official({"text_mapping.tag_fc.bias": torch.ones(3)})


def test_defaults_are_the_published_sizes():
    """Video 1024 + 4 x 512 + 4096, text 1024 + 3 x 512 + bag, to 1536 dimensions and 512 concepts."""
    with torch.device("meta"):
        net = Model()
    assert (net.video.out, net.text.out) == (1024 + 4 * 512 + 4096, 1024 + 3 * 512 + 10_000)
    assert (net.text_space[0].out_features, net.text_concepts[0].out_features) == (1536, 512)
