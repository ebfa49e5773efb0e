"""Song and Soleymani 2019, step by step, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.official._loading import official_names
from models.pvse import OFFICIAL, Config, Model, diversity, sizes
from tests.models import longhand, toy

K = 4


def sides(net, batch):
    """Parts of both sides without padding, row by row, with the encoder that reads them."""
    captions, clips = batch
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for row in range(len(captions.words)):
        yield row, net.text, net.words(captions.words[row][captions.mask[row]])
        yield row, net.video, frames[row][mask[row]]


def read(net, batch):
    """Encoder -> (e, r) of its side."""
    return {net.text: net.read_text(batch[0]), net.video: net.read_video(batch[1])}


def attended(encoder, x, head):
    """What one head sees of the parts, and how it weighs them."""
    scores = [encoder.heads.weight[head] @ torch.tanh(encoder.hidden.weight @ part) for part in x]
    weights = [torch.exp(score) for score in scores]
    return sum(w * part for w, part in zip(weights, x, strict=True)) / sum(weights), weights


def whole(encoder, x):
    """g: each direction's state once it has read everything."""
    half = encoder.gru.hidden_size
    states = longhand.bigru(encoder.gru, x)
    return torch.cat([states[-1][:half], states[0][half:]])


def test_a_side_as_a_whole_is_what_each_direction_ends_with():
    """Eq. (1): forward at the last part, backward at the first; the padding is not read."""
    net, batch = toy.built(Model, heads=1, attention=False), toy.batch(Model)
    found = read(net, batch)
    for row, encoder, x in sides(net, batch):
        g = whole(encoder, x)
        torch.testing.assert_close(found[encoder][0][row, 0], g / (g @ g) ** 0.5)


def test_each_head_weighs_the_parts_and_the_padding_gets_nothing():
    """Eq. (2): a softmax over the true parts."""
    net, (captions, clips) = toy.built(Model), toy.batch(Model)
    for encoder, x, mask in (
        (net.text, net.words(captions.words), captions.mask),
        (net.video, clips.features["frames"], clips.mask["frames"]),
    ):
        found = encoder.attention(x, mask)
        assert not found[~mask].any()
        for row in range(4):
            for head in range(K):
                _, weights = attended(encoder, x[row][mask[row]], head)
                wanted = torch.stack(weights) / sum(weights)
                torch.testing.assert_close(found[row, mask[row], head], wanted)


def test_a_vector_is_the_whole_and_what_its_head_sees():
    """Eqs. (3) and (4): residual, layer norm, unit length, one head at a time."""
    net, batch = toy.built(Model), toy.batch(Model)
    found = read(net, batch)
    for row, encoder, x in sides(net, batch):
        e, r = found[encoder]
        for head in range(K):
            seen, _ = attended(encoder, x, head)
            residual = 1 / (1 + torch.exp(-(encoder.affine.weight @ seen + encoder.affine.bias)))
            torch.testing.assert_close(r[row, head], residual)
            y = whole(encoder, x) + residual
            y = (y - y.mean()) / (y.var(unbiased=False) + 1e-5) ** 0.5
            y = y * encoder.norm.weight + encoder.norm.bias
            torch.testing.assert_close(e[row, head], y / (y @ y) ** 0.5)


def test_a_score_is_that_of_the_closest_two_vectors():
    """Eq. (5): the largest of sixteen cosines, one pair at a time."""
    net, batch = toy.built(Model), toy.batch(Model)
    text, video = net.encode_text(batch[0]), net.encode_video(batch[1])
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            wanted = max(longhand.cosine(a, b) for a in text[i] for b in video[j])
            assert scores[i, j].item() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("hardest", [True, False])
def test_the_triplet_loss_longhand(hardest, reduction):
    """Eq. (6): both directions; a mean over all pairs counts the right ones as zeros."""
    net, batch = toy.built(Model, hardest=hardest, reduction=reduction), toy.batch(Model)
    scores = net(*batch)
    wanted = longhand.triplet(scores.tolist(), 0.1, hardest=hardest, reduction=reduction)
    assert net.ranking(scores).item() == pytest.approx(wanted, rel=1e-5)


def test_alike_residuals_cost():
    """Eq. (7): cosines between the heads, squared, summed, rooted, over K squared."""
    net, batch = toy.built(Model), toy.batch(Model)
    for _, r in read(net, batch).values():
        cosines = [
            [longhand.cosine(one[a], one[b]) for a in range(K) for b in range(K) if a != b]
            for one in r
        ]
        wanted = sum(sum(c**2 for c in row) ** 0.5 / K**2 for row in cosines) / 4
        assert diversity(r).item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("released", [True, False])
def test_the_discrepancy_longhand(released):
    """Eq. (8), and Q1: the released kernel takes the distance itself, not its square."""
    net, batch = toy.built(Model, as_released=released), toy.batch(Model)
    text, video = (e.detach().flatten(0, 1) for e, _ in read(net, batch).values())

    def mean(x, y):
        gaps = [sum((a - b) ** 2) for a in x for b in y]
        return sum(torch.exp(-0.5 * (gap**0.5 if released else gap)) for gap in gaps) / len(gaps)

    wanted = mean(text, text) - 2 * mean(text, video) + mean(video, video)
    assert net.discrepancy(text, video).item() == pytest.approx(wanted.item(), rel=1e-4)


def test_the_losses_are_weighted():
    """Eq. (9): 1, 0.1 and 0.01; with one vector a side only the first is left."""
    net, batch = toy.built(Model), toy.batch(Model)
    (text, r), (video, q) = read(net, batch).values()
    apart = net.discrepancy(text.flatten(0, 1), video.flatten(0, 1))
    wanted = net.ranking(net(*batch)) + 0.1 * (diversity(r) + diversity(q)) + 0.01 * apart
    torch.testing.assert_close(net.loss(*batch), wanted)
    one = toy.built(Model, heads=1)
    assert one.loss(*batch).equal(one.ranking(one(*batch)))


def test_the_released_checkpoints_read_one_part_backwards():
    """Q2: both halves of g stand at the last part; the backward recurrence learns nothing."""
    net = toy.built(Model, heads=1, attention=False, legacy=True)
    batch = toy.batch(Model)
    found = read(net, batch)
    for row, encoder, x in sides(net, batch):
        g = longhand.bigru(encoder.gru, x)[-1]
        torch.testing.assert_close(found[encoder][0][row, 0], g / (g @ g) ** 0.5)
    net.loss(*batch).backward()
    assert not net.video.gru.weight_hh_l0_reverse.grad.any()
    assert net.video.gru.weight_hh_l0.grad.any()


def released(net):
    """The weights of a model under the official names."""
    own = net.state_dict()
    return {key: own[name] for key, name in official_names(net, OFFICIAL).items()}


@pytest.mark.parametrize("change", [{}, {"heads": 1}, {"heads": 1, "attention": False}])
def test_sizes_are_read_from_official_weights(change):
    """Heads, attention and sizes are told by the weights; the rest is as the checkpoints were."""
    net = toy.built(Model, **change)
    again = Model.from_official(released(net))
    kept = {"legacy": True, "as_released": True}
    assert again.config == replace(net.config, **kept)
    again.config = net.config
    again.text.legacy = again.video.legacy = False
    torch.testing.assert_close(again(*toy.batch(Model)), net(*toy.batch(Model)))


def test_a_checkpoint_of_several_gpus_with_its_cnn_is_read():
    """`module.` before the names, a ResNet among the weights, options beside them."""
    weights = {f"module.{key}": weight for key, weight in released(toy.built(Model)).items()}
    weights["module.img_enc.cnn.conv1.weight"] = torch.ones(3, 3)
    again = Model.from_official({"model": weights, "epoch": 3})
    assert again.words.weight.equal(weights["module.txt_enc.embed.weight"])


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named, and so is an unknown one."""
    with pytest.raises(ValueError, match=r"txt_enc\.embed\.weight is missing"):
        sizes({})
    weights = released(toy.built(Model)) | {"img_enc.fc.weight": torch.ones(2, 2)}
    with pytest.raises(ValueError, match=r"img_enc\.fc\.weight is unknown"):
        Model.from_official(weights)


def test_several_vectors_need_attention():
    """What would tell them apart is said to be missing."""
    with pytest.raises(ValueError, match="heads=1"):
        toy.built(Model, attention=False)


def test_defaults_are_the_published_sizes():
    """Vectors of 1024 numbers, from word vectors of 300 and features of 512."""
    with torch.device("meta"):
        net = Model(Config())
    assert net.text.affine.weight.shape == (1024, 300)
    assert net.video.affine.weight.shape == (1024, 512)
    assert net.text.gru.hidden_size == 512
