"""Wu and Ngo 2020, step by step, against sums written out longhand."""

from math import log

import pytest
import torch

from models.dual_task_avs import Config, Model
from models.official.dual_task_avs import Released, config_of
from models.parts.contract import DataSizes
from tests.models import longhand, toy
from tests.models.releases import official_weights


@torch.no_grad()
def test_a_side_is_its_states_its_windows_and_its_whole():
    """Eqs. (1) to (3): levels 2, 3 and 1, over the true steps of each row."""
    net = toy.built(Model)
    batch = toy.batch(net)
    frames, mask = batch.clips.features["frames"], batch.clips.mask["frames"]
    for row, u in enumerate(net.video(frames, mask)):
        x = frames[row][mask[row]]
        torch.testing.assert_close(u, longhand.multi_levels(net.video, sum(x) / len(x), x))
    captions = batch.captions
    for row, u in enumerate(net.text(captions.bow, captions.words, captions.mask)):
        x = net.text.words.weight[captions.words[row][captions.mask[row]]]
        torch.testing.assert_close(u, longhand.multi_levels(net.text, captions.bow[row], x))


def normed(affine, norm, x):
    """An affine map and a batch norm with running statistics, of one row."""
    y = (affine.weight @ x + affine.bias - norm.running_mean) / (norm.running_var + 1e-5) ** 0.5
    return y * norm.weight + norm.bias


def test_concepts_are_decoded_from_the_unit_embedding_of_the_video():
    """Eqs. (4) and (5), with running statistics that are not the identity."""
    net = toy.built(Model)
    batch, u = toy.batch(net), {}
    for side in ("text", "video"):
        net.get_submodule(side).register_forward_hook(lambda *call, s=side: u.update({s: call[2]}))
    for space in (net.text_space, net.video_space, net.decoder):
        space[1].running_mean.uniform_(-1, 1)
        space[1].running_var.uniform_(0.5, 2)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    for name, side, space in (
        ("text", text, net.text_space),
        ("video", video, net.video_space),
    ):
        for row, f in enumerate(side["embedding"]):
            y = normed(space[0], space[1], u[name][row])
            torch.testing.assert_close(f, y / sum(y**2) ** 0.5)
    for f, p in zip(video["embedding"], video["concepts"], strict=True):
        torch.testing.assert_close(p, 1 / (1 + torch.exp(-normed(*net.decoder[:2], f))))
    assert text["concepts"].equal(batch.captions.vectors["mentions"])


def cross_entropy(p, y):
    """B of each concept of one video."""
    return [-log(a + 1e-5) if named else -log(1 - a + 1e-5) for a, named in zip(p, y, strict=True)]


def by_class(p, y, weight):
    """Both means of b of one video, weighted."""
    b = cross_entropy(p, y)
    named = [one for one, k in zip(b, y, strict=True) if k]
    others = [one for one, k in zip(b, y, strict=True) if not k]
    return weight * sum(named) / len(named) + (1 - weight) * sum(others) / len(others)


@pytest.mark.parametrize("concept_loss", ["class-sensitive", "plain", None])
def test_the_loss_longhand(concept_loss):
    """Eqs. (6) to (8): the hardest negatives of both directions, and a video's concepts."""
    net = toy.built(Model, margin=0.3, mentioned_weight=0.4, concept_loss=concept_loss)
    batch = toy.batch(net)
    y = batch.captions.vectors.get("video-mentions", torch.zeros(0)).tolist()
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    by_hand = longhand.triplet(net.embedding_scores(text, video).tolist(), 0.3)
    for row, named in enumerate(y):
        p = video["concepts"][row].tolist()
        b = cross_entropy(p, named)
        plain = concept_loss == "plain"
        by_hand += sum(b) / len(b) if plain else by_class(p, named, 0.4)
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_a_video_without_a_concept_is_left_out_of_the_concepts_loss():
    """Any number of them: value and gradient are those of the rest."""
    net = toy.built(Model)
    p = torch.rand(4, 6, generator=torch.Generator().manual_seed(1), requires_grad=True)
    y = torch.tensor([[0.0, 1, 0, 0, 1, 0], [0] * 6, [1, 0, 0, 0, 0, 0], [0] * 6])
    rest = [0, 2]
    loss = net.tagging(p, y)
    by_hand = sum(by_class(p[row].tolist(), y[row].tolist(), 0.2) for row in rest)
    assert loss.item() == pytest.approx(by_hand, rel=1e-5)
    loss.backward()
    assert p.grad.isfinite().all()
    assert not p.grad[[1, 3]].any()
    assert net.tagging(p, 0 * y).item() == 0


def test_concepts_that_are_likely_are_added_up():
    """Eq. (9): each of the query's with more than one half; the others count nothing."""
    g = torch.Generator().manual_seed(2)
    q, p = torch.tensor([[1.0, 0, 1, 1], [0, 0, 0, 0]]), torch.rand(3, 4, generator=g)
    scores = Model.concept_scores({"concepts": q}, {"concepts": p}).tolist()
    for j in range(3):
        likely = [a for a, named in zip(p[j].tolist(), q[0], strict=True) if named and a > 0.5]
        assert scores[0][j] == pytest.approx(sum(likely))
        assert scores[1][j] == 0


def test_scores_of_both_searches_are_fused():
    """Eq. (10) and D3: the concepts' as a mean over the query's, by their share."""
    net = toy.built(Model, concept_share=0.4)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    by_f, by_c = net.embedding_scores(text, video), net.concept_scores(text, video)
    count = batch.captions.vectors["mentions"].sum(1)[:, None]
    torch.testing.assert_close(net(batch), 0.6 * by_f + 0.4 * by_c / count)
    batch.captions.vectors["mentions"].zero_()
    torch.testing.assert_close(net(batch), 0.6 * by_f)


def test_one_task_needs_no_concepts():
    """Without their loss there is no decoder, and the score is the embedding's."""
    assert {"mentions", "video-mentions"} <= Model.needs(Config())
    assert not {"mentions", "video-mentions"} & Model.needs(Config(concept_loss=None))
    net = toy.built(Model, concept_loss=None)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    assert list(text) == list(video) == ["embedding"]
    assert net(batch).equal(net.embedding_scores(text, video))


def test_both_tasks_move_the_encoder_of_videos():
    """The concepts' loss alone has a gradient there."""
    net = toy.built(Model)
    batch = toy.batch(net)
    p = net.encode_video(batch.clips)["concepts"]
    net.tagging(p, batch.captions.vectors["video-mentions"]).backward()
    assert all(w.grad.any() for w in net.video.gru.parameters())


def test_a_dropped_concept_is_as_likely_as_not():
    """D4: dropout is before the sigmoid, and after levels 2 and 3 on either side."""
    net = toy.built(Model, dropout=1.0).train()
    batch = toy.batch(net)
    assert net.encode_video(batch.clips)["concepts"].eq(0.5).all()
    u = net.text(batch.captions.bow, batch.captions.words, batch.captions.mask)
    assert not u[:, :-12].any()
    assert u[:, -12:].equal(batch.captions.bow)


def released(**change):
    """A released model and the paper's with the same weights."""
    paper = toy.built(Model, **change)
    net = Released(paper.config, paper.data).eval()
    net.load_state_dict(paper.state_dict())
    return net, paper


def test_released_encoders_read_the_padding():
    """Q1 and Q2: padding reaches states and windows; in the paper's it does not."""
    (net, paper), mask = released(), torch.arange(5) < torch.tensor([[5], [2]])
    x = torch.randn(2, 5, toy.FRAMES)
    for model, depends in ((net, True), (paper, False)):
        together, alone = model.video(x, mask)[1], model.video(x[1:, :2], mask[1:, :2])[0]
        assert together.allclose(alone, atol=1e-5) != depends


def test_the_released_scores_are_scaled_query_by_query():
    """Q3: by the extremes over the videos at hand; a query of equal scores has zeros."""
    net, _ = released()
    batch = toy.batch(net)
    batch.captions.vectors["mentions"][2] = 0
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    by_f = net.embedding_scores(text, video).tolist()
    by_c = net.concept_scores(text, video).tolist()
    for i in range(4):
        for j in range(4):
            e = (by_f[i][j] - min(by_f[i])) / (max(by_f[i]) - min(by_f[i]))
            extent = max(by_c[i]) - min(by_c[i])
            c = (by_c[i][j] - min(by_c[i])) / extent if extent else 0.0
            assert net(batch)[i, j].item() == pytest.approx(0.7 * e + 0.3 * c, abs=1e-5)


@pytest.mark.parametrize("change", [{}, {"concept_loss": None}, {"levels": (2, 3)}])
def test_a_checkpoint_of_the_released_code_is_read(change):
    """A list of two parts gives sizes and scores."""
    net, _ = released(**change)
    weights, batch = official_weights(net), toy.batch(net)
    parts = [
        {k.removeprefix(p): v for k, v in weights.items() if k.startswith(p)}
        for p in ("vid_network.", "text_encoding.")
    ]
    again = Model.from_official({"model": parts}).eval()
    assert again(batch).equal(net(batch))


def test_options_that_are_not_the_paper_s_are_refused():
    """Those with one value in the paper."""
    net, _ = released()
    for option in ({"measure": "order"}, {"max_violation": False}, {"cost_style": "mean"}):
        with pytest.raises(ValueError, match="is not the paper's"):
            config_of(official_weights(net), option)


def test_defaults_are_the_published_sizes():
    """Video 2048 + 4 x 512 + 4096, text 1024 + 3 x 512 + bag, to 2048 dimensions and all concepts."""
    data = DataSizes(12_000, 11_500, {"frames": 4096}, {"mentions": 11_147})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert (net.video.out, net.text.out) == (2048 + 4 * 512 + 4096, 1024 + 3 * 512 + 11_500)
    assert (net.text_space[0].out_features, net.decoder[0].out_features) == (2048, 11_147)
