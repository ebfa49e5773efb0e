"""Dong et al. 2021, step by step, against sums written out longhand."""

from math import log

import pytest
import torch

from models.dual_encoding_hybrid import Config, Model
from models.official.dual_encoding_hybrid import Released, config_of
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.releases import official_weights


@pytest.mark.parametrize("pool", ["mean", "max"])
@torch.no_grad()
def test_a_side_is_its_states_its_windows_and_its_whole(pool):
    """Eqs. (1) to (3): levels 2, 3 and 1, over the true steps of each row."""
    net = toy.built(Model, gru_pool=pool)
    batch = toy.batch(net)
    frames, mask = batch.clips.features["frames"], batch.clips.mask["frames"]
    for row, u in enumerate(net.video(frames, mask)):
        x = frames[row][mask[row]]
        torch.testing.assert_close(u, longhand.multi_levels(net.video, sum(x) / len(x), x, pool))
    captions = batch.captions
    for row, u in enumerate(net.text(captions.bow, captions.words, captions.mask)):
        x = net.text.words.weight[captions.words[row][captions.mask[row]]]
        torch.testing.assert_close(u, longhand.multi_levels(net.text, captions.bow[row], x, pool))


def test_the_latent_space_has_unit_length_and_the_concepts_are_probabilities():
    """Eqs. (4) and (5), with running statistics that are not the identity."""
    net = toy.built(Model)
    clips, u = toy.batch(net).clips, []
    net.video.register_forward_hook(lambda *call: u.append(call[2]))
    for space in (net.video_space, net.video_concepts):
        space[1].running_mean.uniform_(-1, 1)
        space[1].running_var.uniform_(0.5, 2)
    spaces = net.encode_video(clips)
    for name, (affine, norm, _) in (("latent", net.video_space), ("concept", net.video_concepts)):
        for row, e in enumerate(spaces[name]):
            y = affine.weight @ u[0][row] + affine.bias
            y = (y - norm.running_mean) / (norm.running_var + 1e-5) ** 0.5
            y = y * norm.weight + norm.bias
            by_hand = y / sum(y**2) ** 0.5 if name == "latent" else 1 / (1 + torch.exp(-y))
            torch.testing.assert_close(e, by_hand)


def test_concepts_are_compared_by_what_they_share():
    """Eq. (6): sum of minima over sum of maxima, one pair at a time."""
    g = torch.Generator().manual_seed(1)
    p, q = torch.rand(3, 6, generator=g), torch.rand(4, 6, generator=g)
    scores = Model.scores({"concept": p}, {"concept": q})["concept"]
    for i in range(3):
        for j in range(4):
            pairs = list(zip(p[i].tolist(), q[j].tolist(), strict=True))
            by_hand = sum(map(min, pairs)) / sum(map(max, pairs))
            assert scores[i, j].item() == pytest.approx(by_hand, rel=1e-5)


def entropy(p, y):
    """Mean over rows and concepts."""
    cells = [
        -(b * log(a) + (1 - b) * log(1 - a))
        for row, named in zip(p.tolist(), y.tolist(), strict=True)
        for a, b in zip(row, named, strict=True)
    ]
    return sum(cells) / len(cells)


def test_the_loss_longhand():
    """Eqs. (7) to (9): a triplet in each space, and the concepts of both sides, times the batch."""
    net = toy.built(Model, margin=0.3, concept_margin=0.1)
    batch = toy.batch(net)
    y = torch.rand(4, 12, generator=torch.Generator().manual_seed(2))
    batch.captions.vectors["concepts"] = y
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.scores(text, video)
    by_hand = longhand.triplet(scores["latent"].tolist(), 0.3)
    by_hand += longhand.triplet(scores["concept"].tolist(), 0.1)
    by_hand += 4 * (entropy(text["concept"], y) + entropy(video["concept"], y))
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_scores_of_both_spaces_are_fused():
    """Eq. (10): 0.6 latent and 0.4 concept; one space alone is its own score."""
    net = toy.built(Model)
    batch = toy.batch(net)
    scores = net.scores(net.encode_text(batch.captions), net.encode_video(batch.clips))
    torch.testing.assert_close(net(batch), 0.6 * scores["latent"] + 0.4 * scores["concept"])
    for space in ("latent", "concept"):
        one = toy.built(Model, space=space)
        scores = one.scores(one.encode_text(batch.captions), one.encode_video(batch.clips))
        assert list(scores) == [space]
        assert one(batch).equal(scores[space])


def test_the_latent_space_alone_needs_no_concepts():
    """What the data need not have is not asked for."""
    assert "concepts" in Model.needs(Config())
    assert "concepts" not in Model.needs(Config(space="latent"))


def test_no_more_concepts_than_the_data_name():
    """512, or as many as there are."""
    for concepts, k in ((5, 5), (64, 12)):
        net = toy.built(Model, concepts=concepts)
        assert net.text_concepts[0].out_features == k
        assert net.loss(toy.batch(net)).isfinite()


def test_dropout_is_on_levels_two_and_three_and_on_the_latent_space():
    """D4: where it takes everything, the concepts are told from level 1, and nothing is latent."""
    net = toy.built(Model, dropout=1.0).train()
    batch = toy.batch(net)
    u = net.text(batch.captions.bow, batch.captions.words, batch.captions.mask)
    assert not u[:, :-12].any()
    assert u[:, -12:].equal(batch.captions.bow)
    for spaces in (net.encode_text(batch.captions), net.encode_video(batch.clips)):
        assert not spaces["latent"].any()
        assert spaces["concept"].std(0).gt(0).all()


def released(**change):
    """A released model and the paper's with the same weights."""
    paper = toy.built(Model, **change)
    net = Released(paper.config, paper.data).eval()
    net.load_state_dict(paper.state_dict())
    return net, paper


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_released_encoders_read_the_padding(pool):
    """Q1 to Q3: padding reaches states, windows and the maximum; in the paper's it does not."""
    (net, paper), mask = released(gru_pool=pool), torch.arange(5) < torch.tensor([[5], [2]])
    x = torch.randn(2, 5, toy.FRAMES)
    for model, depends in ((net, True), (paper, False)):
        together, alone = model.video(x, mask)[1], model.video(x[1:, :2], mask[1:, :2])[0]
        assert together.allclose(alone, atol=1e-5) != depends


def test_a_released_maximum_is_never_below_the_padding():
    """Q3: the zeros of the padding take part; in the longest row there are none."""
    net, paper = released(gru_pool="max")
    mask = torch.tensor([[True, True], [True, False]])
    states = -torch.ones(2, 2, 2 * net.config.text_rnn) * mask[..., None]
    assert net.text.pooled(states, mask)[:, 0].tolist() == [-1, 0]
    assert paper.text.pooled(states, mask)[:, 0].tolist() == [-1, -1]


def test_the_released_scores_are_scaled_by_the_table_at_hand():
    """Q4: the smallest fused score can be 0 and the largest 1, whatever the pairs."""
    net, _ = released()
    batch = toy.batch(net)
    scores = net.scores(net.encode_text(batch.captions), net.encode_video(batch.clips))
    low = {k: s.min().item() for k, s in scores.items()}
    high = {k: s.max().item() for k, s in scores.items()}
    for i in range(4):
        for j in range(4):
            parts = {k: (s[i, j].item() - low[k]) / (high[k] - low[k]) for k, s in scores.items()}
            by_hand = 0.6 * parts["latent"] + 0.4 * parts["concept"]
            assert net(batch)[i, j].item() == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize("change", [{}, {"space": "latent"}, {"levels": (2, 3)}])
def test_a_checkpoint_of_the_released_code_is_read(change):
    """A list of four parts gives sizes and scores."""
    net, _ = released(**change)
    weights, batch = official_weights(net), toy.batch(net)
    parts = [
        {k.removeprefix(p): v for k, v in weights.items() if k.startswith(p)}
        for p in ("vid_encoding.", "text_encoding.", "vid_mapping.", "text_mapping.")
    ]
    again = Model.from_official({"model": parts}).eval()
    assert again(batch).equal(net(batch))


def test_options_that_are_not_the_paper_s_are_refused():
    """Those with one value in the paper."""
    net, _ = released()
    for option in ({"measure": "order"}, {"measure_2": "cosine"}, {"cost_style": "mean"}):
        with pytest.raises(ValueError, match="is not the paper's"):
            config_of(official_weights(net), option)


def test_defaults_are_the_published_sizes():
    """Video 1024 + 4 x 512 + 4096, text 1024 + 3 x 512 + bag, to 1536 dimensions and 512 concepts."""
    data = DataSizes(9_000, 8_000, {"frames": 4096}, {"concepts": 512})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert (net.video.out, net.text.out) == (1024 + 4 * 512 + 4096, 1024 + 3 * 512 + 8_000)
    assert (net.text_space[0].out_features, net.text_concepts[0].out_features) == (1536, 512)
