"""Song and Soleymani 2019, step by step, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from kb.repro.optimisers import LearningRate
from models.official._loading import official_names
from models.official.pvse import KEYS, Released, ReleasedConfig, config_of
from models.pvse import Config, Model, diversity
from tests.models import longhand, toy

K = 4


def sides(net, batch):
    """Parts of both sides without padding, row by row, with the encoder that reads them."""
    captions, clips = batch.captions, batch.clips
    frames, mask = clips.features["frames"], clips.mask["frames"]
    for row in range(len(captions.words)):
        yield row, net.text, net.words(captions.words[row][captions.mask[row]])
        yield row, net.video, frames[row][mask[row]]


def built(**change):
    """A small model and a toy batch."""
    net = toy.built(Model, **change)
    return net, toy.batch(net)


def read(net, batch):
    """Encoder -> (e, r) of its side."""
    return {net.text: net.read_text(batch.captions), net.video: net.read_video(batch.clips)}


def attended(encoder, x, head):
    """The parts pooled by one head, and its weights."""
    scores = [encoder.heads.weight[head] @ torch.tanh(encoder.hidden.weight @ part) for part in x]
    weights = [torch.exp(score) for score in scores]
    return sum(w * part for w, part in zip(weights, x, strict=True)) / sum(weights), weights


def whole(encoder, x):
    """g: each direction's state once it has read everything."""
    half = encoder.gru.hidden_size
    states = longhand.bigru(encoder.gru, x)
    return torch.cat([states[-1][:half], states[0][half:]])


def test_the_global_vector_is_the_last_state_of_each_direction():
    """Eq. (1): forward at the last part, backward at the first; the padding is not read."""
    net, batch = built(heads=1, attention=False)
    encoded = read(net, batch)
    for row, encoder, x in sides(net, batch):
        g = whole(encoder, x)
        torch.testing.assert_close(encoded[encoder][0][row, 0], g / (g @ g) ** 0.5)


def test_each_head_weighs_the_parts_and_the_padding_gets_nothing():
    """Eq. (2): a softmax over the true parts."""
    net, batch = built()
    captions, clips = batch.captions, batch.clips
    for encoder, x, mask in (
        (net.text, net.words(captions.words), captions.mask),
        (net.video, clips.features["frames"], clips.mask["frames"]),
    ):
        attention = encoder.attention(x, mask)
        assert not attention[~mask].any()
        for row in range(4):
            for head in range(K):
                _, weights = attended(encoder, x[row][mask[row]], head)
                expected = torch.stack(weights) / sum(weights)
                torch.testing.assert_close(attention[row, mask[row], head], expected)


def test_a_vector_is_the_global_one_and_the_residual_of_its_head():
    """Eqs. (3) and (4): residual, layer norm, unit length, one head at a time."""
    net, batch = built()
    encoded = read(net, batch)
    for row, encoder, x in sides(net, batch):
        e, r = encoded[encoder]
        affine = encoder.affine[0]
        for head in range(K):
            pooled, _ = attended(encoder, x, head)
            residual = 1 / (1 + torch.exp(-(affine.weight @ pooled + affine.bias)))
            torch.testing.assert_close(r[row, head], residual)
            y = whole(encoder, x) + residual
            y = (y - y.mean()) / (y.var(unbiased=False) + 1e-5) ** 0.5
            y = y * encoder.norm.weight + encoder.norm.bias
            torch.testing.assert_close(e[row, head], y / (y @ y) ** 0.5)


def test_a_score_is_that_of_the_closest_two_vectors():
    """Eq. (5): the largest of sixteen cosines, one pair at a time."""
    net, batch = built()
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            expected = max(longhand.cosine(a, b) for a in text[i] for b in video[j])
            assert scores[i, j].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("hardest", [True, False])
def test_the_triplet_loss_longhand(hardest):
    """Eq. (6): both directions; a mean over all pairs counts the right ones as zeros."""
    net, batch = built(hardest=hardest)
    scores = net(batch)
    expected = longhand.triplet(scores.tolist(), 0.1, hardest=hardest, reduction="mean")
    assert net.ranking(scores).item() == pytest.approx(expected, rel=1e-5)


def test_alike_residuals_cost():
    """Eq. (7): cosines between the heads, squared, summed, rooted, over K squared."""
    net, batch = built()
    for _, r in read(net, batch).values():
        cosines = [
            [longhand.cosine(one[a], one[b]) for a in range(K) for b in range(K) if a != b]
            for one in r
        ]
        expected = sum(sum(c**2 for c in row) ** 0.5 / K**2 for row in cosines) / 4
        assert diversity(r).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("released", [True, False])
def test_the_discrepancy_longhand(released):
    """Eq. (8), and Q1: the released kernel takes the distance itself, not its square."""
    net, batch = (official() if released else toy.built(Model)), toy.batch(toy.built(Model))
    text, video = (e.detach().flatten(0, 1) for e, _ in read(net, batch).values())

    def mean(x, y):
        gaps = [sum((a - b) ** 2) for a in x for b in y]
        return sum(torch.exp(-0.5 * (gap**0.5 if released else gap)) for gap in gaps) / len(gaps)

    expected = mean(text, text) - 2 * mean(text, video) + mean(video, video)
    assert net.discrepancy(text, video).item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_losses_are_weighted():
    """Eq. (9): 1, 0.1 and 0.01; with one vector per side only the first is left."""
    net, batch = built()
    (text, r), (video, q) = read(net, batch).values()
    gap = net.discrepancy(text.flatten(0, 1), video.flatten(0, 1))
    expected = net.ranking(net(batch)) + 0.1 * (diversity(r) + diversity(q)) + 0.01 * gap
    torch.testing.assert_close(net.loss(batch), expected)
    one, batch = built(heads=1)
    assert one.loss(batch).equal(one.ranking(one(batch)))


def test_dropout_is_on_words_on_the_global_vector_and_on_residuals():
    """In training, where it is not 0 as published: that share of each is zero, once."""
    assert Config().dropout == 0.0
    config = replace(Config(), dropout=0.4, word_dim=40)
    net = Model(config, toy.sizes(Model, config)).train()
    shares, encoder = [], net.text
    encoder.forward = lambda x, mask: shares.append(zeros(x[mask])) or (x, None)
    batch = toy.batch(net, n=20)
    net.read_text(batch.captions)
    del encoder.forward
    x, mask = net.words(batch.captions.words), batch.captions.mask
    shares += [zeros(encoder.whole(x, mask)), zeros(encoder.residuals(x, mask))]
    assert shares == pytest.approx([0.4] * 3, abs=0.03)


def zeros(x):
    """Share of the numbers that are 0."""
    return (x == 0).float().mean().item()


def official(**change):
    """A small model as the checkpoints were trained."""
    torch.manual_seed(0)
    config = ReleasedConfig(**vars(replace(Config.small(), **change)))
    return Released(config, toy.sizes(Model, config)).eval()


def test_the_released_checkpoints_read_one_part_backwards():
    """Q2: both halves of g stand at the last part; the backward recurrence learns nothing."""
    net = official(heads=1, attention=False)
    batch = toy.batch(net)
    encoded = read(net, batch)
    for row, encoder, x in sides(net, batch):
        g = longhand.bigru(encoder.gru, x)[-1]
        torch.testing.assert_close(encoded[encoder][0][row, 0], g / (g @ g) ** 0.5)
    net.loss(batch).backward()
    assert not net.video.gru.weight_hh_l0_reverse.grad.any()
    assert net.video.gru.weight_hh_l0.grad.any()


def test_the_rate_waits_for_a_plateau():
    """D5: after more than ten epochs without a best score it is halved; rising scores keep it."""
    schedule = Model.recipe.schedule
    assert (schedule.lr_rule, schedule.lr_patience, schedule.lr_factor) == ("plateau", 10, 0.5)
    for scores, factor in ((range(30), 1.0), ([1.0] * 12, 0.5), ([1.0] * 11, 1.0)):
        weight = torch.nn.Parameter(torch.zeros(1))
        steps = torch.optim.SGD([weight], lr=1.0)
        rate = LearningRate(steps, schedule, per_epoch=1)
        steps.step()
        for score in scores:
            rate.after_epoch(float(score))
        assert steps.param_groups[0]["lr"] == factor


def weights_of(net):
    """The weights of a model under the official names."""
    own = net.state_dict()
    return {key: own[name] for key, name in official_names(net, KEYS).items()}


@pytest.mark.parametrize("change", [{}, {"heads": 1}, {"heads": 1, "attention": False}])
@pytest.mark.parametrize("legacy", [True, False])
def test_sizes_are_read_from_official_weights(change, legacy):
    """Heads, attention and sizes show in the weights; without options the checkpoints' form."""
    net = toy.built(Model, **change)
    config, data = config_of(weights_of(net), {} if legacy else {"legacy": False})
    assert vars(config) == vars(net.config) | {"legacy": legacy}
    assert (data.vocabulary, data.dims) == (net.data.vocabulary, net.data.dims)
    batch = toy.batch(net)
    again = Model.from_official(weights_of(net), config)
    assert again(batch).allclose(net(batch)) is not legacy
    plain = Model.from_official(weights_of(net), net.config)(batch)
    assert plain.allclose(again(batch)) is legacy


def test_a_checkpoint_of_several_gpus_with_its_cnn_is_read():
    """`module.` before the names, a ResNet among the weights, options beside them."""
    weights = {f"module.{key}": weight for key, weight in weights_of(official()).items()}
    weights["module.img_enc.cnn.conv1.weight"] = torch.ones(3, 3)
    again = Model.from_official({"model": weights, "epoch": 3})
    assert again.words.weight.equal(weights["module.txt_enc.embed.weight"])
    assert isinstance(again, Released)


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named, and so is an unknown one; order embeddings are another method."""
    with pytest.raises(ValueError, match=r"txt_enc\.embed\.weight is missing"):
        config_of({})
    weights = weights_of(official()) | {"img_enc.fc.weight": torch.ones(2, 2)}
    with pytest.raises(ValueError, match=r"img_enc\.fc\.weight is unknown"):
        Model.from_official(weights)
    with pytest.raises(ValueError, match="order embeddings"):
        config_of(weights, {"order": True})


def test_several_vectors_need_attention():
    """Without it they would be the same."""
    with pytest.raises(ValueError, match="heads=1"):
        toy.built(Model, attention=False)


def test_defaults_are_the_published_sizes():
    """Vectors of 1024 numbers, from word vectors of 300 and features of 512."""
    data = replace(toy.sizes(Model, Config()), dims={"frames": 512})
    with torch.device("meta"):
        net = Model(Config(), data)
    assert net.text.affine[0].weight.shape == (1024, 300)
    assert net.video.affine[0].weight.shape == (1024, 512)
    assert net.text.gru.hidden_size == 512
