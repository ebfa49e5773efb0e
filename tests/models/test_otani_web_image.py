"""Otani et al. 2016, step by step, against sums written out longhand."""

import pytest
import torch

from models.official.otani_web_image import Released, config_of
from models.otani_web_image import Config, Model
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.releases import official_weights


def two_layers(branch, x):
    """One item through both layers of a branch."""
    first, _, second, _ = branch
    return torch.tanh(second.weight @ torch.tanh(first.weight @ x + first.bias) + second.bias)


def video_rows(net, clips):
    """X of each video."""
    frames, mask = clips.features["frames"], clips.mask["frames"]
    rows = [[two_layers(net.video, x) for x in frames[v][mask[v]]] for v in range(len(frames))]
    return [sum(row) / len(row) for row in rows]


def query_rows(net, captions):
    """Y of each caption."""
    rows = []
    for sentence, found in zip(captions.vectors["bert"], captions.images, strict=True):
        images = [two_layers(net.images, x) for x in found]
        rows.append((two_layers(net.sentence, sentence) + sum(images) / len(images)) / 2)
    return rows


def test_frames_are_mapped_one_by_one_and_then_averaged():
    """Eqs. (1) and (2): the mean is taken after both layers."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    torch.testing.assert_close(net.encode_video(clips), torch.stack(video_rows(net, clips)))


def test_a_query_is_its_sentence_and_the_images_found_for_it():
    """Eqs. (3) and (4): each branch has weights of its own."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    torch.testing.assert_close(net.encode_text(captions), torch.stack(query_rows(net, captions)))


def distances(net, batch):
    """Euclidean distance of every query from every video."""
    queries, videos = query_rows(net, batch.captions), video_rows(net, batch.clips)
    return [[(sum((y - x) ** 2) ** 0.5).item() for x in videos] for y in queries]


def test_the_nearest_video_has_the_highest_score():
    """Eq. (5): minus the distance, which is not squared."""
    net = toy.built(Model)
    batch = toy.batch(net)
    torch.testing.assert_close(net(batch), -torch.tensor(distances(net, batch)))


@pytest.mark.parametrize("margin", [5.0, 0.5])
def test_the_loss_longhand(margin):
    """Eq. (6) and D4: right pairs near, wrong ones beyond the margin, both kinds alike."""
    net = toy.built(Model, margin=margin)
    batch = toy.batch(net)
    d, n = distances(net, batch), range(4)
    right = sum(d[i][i] for i in n) / 4
    wrong = sum(max(margin - d[i][j], 0) for i in n for j in n if i != j) / 12
    assert net.loss(batch).item() == pytest.approx((right + wrong) / 2, rel=1e-5)


def test_a_query_may_be_a_sentence_or_images_alone():
    """The poster's VS and VI: the other's branch is not there, and its view is not read."""
    for query, view, branch in (("sentence", "bert", "sentence"), ("images", "web", "images")):
        assert Model.needs(Config(query=query)) == {"words", "frames", view}
        net = toy.built(Model, query=query)
        assert {name.partition(".")[0] for name in net.state_dict()} == {"video", branch}
    assert Model.needs(Config()) == {"words", "frames", "bert", "web"}
    net = toy.built(Model, query="sentence")
    captions = toy.batch(net).captions
    by_hand = [two_layers(net.sentence, x) for x in captions.vectors["bert"]]
    torch.testing.assert_close(net.encode_text(captions), torch.stack(by_hand))


def test_a_query_that_equals_its_video_has_a_finite_gradient():
    """A distance of zero pulls nowhere."""
    net = toy.built(Model)
    x = torch.ones(2, 3, requires_grad=True)
    net.similarity(x, torch.ones(2, 3)).sum().backward()
    assert x.grad.isfinite().all()


def test_the_released_branch_goes_into_a_model_of_given_sizes():
    """Without sizes of sentence and images they are skip-thoughts' and the frames'."""
    net = toy.built(Model)
    weights = official_weights(Released(net.config, net.data))
    config, data = config_of(weights)
    assert (config.hidden, config.common) == (net.config.hidden, net.config.common)
    frame = net.data.dims["frames"]
    assert data == DataSizes(dims={"frames": frame}, vectors={"bert": 4800, "web": frame})
    assert Model.from_official(weights).sentence[0].in_features == 4800


def test_defaults_are_the_published_sizes():
    """4096 and 4800 to 1000 to 300, on each branch."""
    data = DataSizes(dims={"frames": 4096}, vectors={"bert": 4800, "web": 1024})
    with torch.device("meta"):
        net = Model(Config(), data)
    for branch, width in ((net.video, 4096), (net.sentence, 4800), (net.images, 1024)):
        shapes = [tuple(layer.weight.shape) for layer in (branch[0], branch[2])]
        assert shapes == [(1000, width), (300, 1000)]
