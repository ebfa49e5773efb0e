"""Mithun et al. 2018, space by space, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.multimodal_cues import Config, Model, rank_weight
from models.official._loading import official_names
from models.official.multimodal_cues import KEYS, config_of
from models.parts.batch import Batch, Clips
from tests.models import longhand, toy


def unit(x):
    """A vector over its length."""
    return x / (x**2).sum() ** 0.5


def built(**change):
    """A small model, in which a video without features has a place in each space, and a batch."""
    net = toy.built(Model, **change)
    for space in net.spaces.values():
        torch.nn.init.normal_(space.visual[0].bias)
    return net, toy.batch(net)


def test_a_space_reads_the_means_of_its_own_features():
    """Step (a): object the frames; activity motion, then audio, zeros where one is missing."""
    net, batch = built()
    clips, encoded = batch.clips, net.encode_video(batch.clips)
    assert not all(mask.any(1).all() for mask in clips.mask.values())
    for i, cues in enumerate((["frames"], ["motion", "audio"])):
        layer = list(net.spaces.values())[i].visual[0]
        for row in range(4):
            means = []
            for cue in cues:
                steps = clips.features[cue][row][clips.mask[cue][row]]
                zeros = torch.zeros(steps.shape[1])
                means.append(sum(steps) / len(steps) if len(steps) else zeros)
            expected = unit(layer.weight @ torch.cat(means) + layer.bias)
            torch.testing.assert_close(encoded[row, i], expected)


def test_a_sentence_is_the_last_state_of_each_space_s_own_gru():
    """Step (b): at the last true word, gate by gate; words and GRU are the space's own."""
    net, batch = built()
    captions, encoded = batch.captions, net.encode_text(batch.captions)
    for i, space in enumerate(net.spaces.values()):
        for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
            last = longhand.gru(space.gru, space.words(words[mask]))[-1]
            torch.testing.assert_close(encoded[row, i], unit(last))
    assert not torch.equal(encoded[:, 0], encoded[:, 1])


def test_scores_are_the_cosines_of_both_spaces_added_up():
    """Steps (c) and (d), one pair at a time."""
    net, batch = built()
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            expected = sum(longhand.cosine(text[i, k], video[j, k]) for k in range(2))
            assert scores[i, j].item() == pytest.approx(expected, abs=1e-6)


def test_a_side_that_gives_the_zero_vector_scores_nothing():
    """D3: a video of no object, its bias at its start of zero, and a caption of no word."""
    net = toy.built(Model, spaces=("object",))
    batch = toy.batch(net)
    batch.clips.mask["frames"][1] = batch.captions.mask[2] = False
    scores = net(batch)
    assert not scores[:, 1].any()
    assert not scores[2].any()


def test_a_pair_weighs_by_its_rank():
    """Step (e): from 1 + 1/B in front to 2 at the end; ties do not beat; beta 0 is no weight."""
    scores = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.5, 0.7], [0.9, 0.8, 0.3]])
    assert rank_weight(scores, 1.0).tolist() == pytest.approx([1 + 1 / 3, 1 + 1 / 2, 2.0])
    assert rank_weight(scores, 0.0).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0])
def test_the_loss_longhand(beta):
    """Eq. (3): in each space the hardest negative of each side, times the weight of its pair."""
    net, batch = built(beta=beta)
    per_space = net.per_space(net.encode_text(batch.captions), net.encode_video(batch.clips))
    expected = 0.0
    for s in per_space.tolist():
        rows, columns = longhand.hinges(s, 0.2)
        for i in range(4):
            better_videos = sum(s[i][j] > s[i][i] for j in range(4))
            better_captions = sum(s[j][i] > s[i][i] for j in range(4))
            expected += (1 + beta / (4 - better_videos)) * max(rows[i])
            expected += (1 + beta / (4 - better_captions)) * max(columns[i])
    assert net.loss(batch).item() == pytest.approx(expected, rel=1e-5)


def test_training_both_spaces_at_once_is_training_each():
    """D1: the gradient of a space is the one it has alone."""
    both, batch = built()
    both.loss(batch).backward()
    for name in ("object", "activity"):
        alone = toy.built(Model, spaces=(name,))
        alone.spaces[name].load_state_dict(both.spaces[name].state_dict())
        alone.loss(batch).backward()
        for key, weight in alone.spaces[name].named_parameters():
            torch.testing.assert_close(weight.grad, both.spaces[name].get_parameter(key).grad)


def test_one_space_alone_reads_nothing_of_the_other():
    """The variant `object` needs the frames alone, `activity` the motion, with audio or without."""
    both, batch = built()
    for name, needed in (("object", "frames"), ("activity", "motion")):
        config = replace(both.config, spaces=(name,))
        assert Model.needs(config) == {"words", needed}
        net = Model(config, replace(both.data, dims={needed: both.data.dims[needed]})).eval()
        features = {needed: batch.clips.features[needed]}
        clips = Clips(features, {needed: batch.clips.mask[needed]})
        assert net(Batch(batch.captions, clips)).isfinite().all()
    assert Model.needs(both.config) == {"words", "frames", "motion"}


def weights_of(net):
    """Its weights under the official names."""
    own = net.state_dict()
    return {key: own[name] for key, name in official_names(net, KEYS).items()}


def test_the_two_checkpoints_of_the_authors_make_one_model():
    """Each holds its video side and its text side in a list; flat names do as well."""
    net, batch = equal_halves(("object", "activity"))
    weights = weights_of(net)
    checkpoints = {}
    for name in ("object", "activity"):
        parts = [
            {
                key.removeprefix(f"{name}.{side}."): weight
                for key, weight in weights.items()
                if key.startswith(f"{name}.{side}.")
            }
            for side in ("img_enc", "txt_enc")
        ]
        checkpoints[name] = {"model": parts, "epoch": 3}
    for state in (weights, checkpoints):
        assert Model.from_official(state, net.config).eval()(batch).equal(net(batch))


@pytest.mark.parametrize("spaces", [("object", "activity"), ("object",), ("activity",)])
def test_sizes_are_read_from_official_weights(spaces):
    """Which spaces there are, and of what size; audio is half of the activity space's input."""
    net, batch = equal_halves(spaces)
    config, data = config_of(weights_of(net), {"margin": 0.3, "beta": 2.0})
    assert config == replace(net.config, margin=0.3, beta=2.0)
    assert data.vocabulary == net.data.vocabulary
    assert data.dims.items() <= net.data.dims.items()
    assert Model.from_official(weights_of(net)).eval()(batch).equal(net(batch))


def equal_halves(spaces):
    """A small model whose motion is as wide as its audio, and a batch."""
    config = toy.config_of(Model, spaces=spaces)
    sizes = replace(toy.sizes(Model, config), dims={"audio": 5, "frames": 6, "motion": 5})
    net = toy.built(Model, sizes, spaces=spaces)
    return net, toy.batch(net)


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named, and so is an option that is not the paper's."""
    with pytest.raises(ValueError, match=r"object\.img_enc\.fc\.weight is missing"):
        config_of({})
    with pytest.raises(ValueError, match="num_layers 2"):
        config_of({}, {"num_layers": 2})


def test_defaults_are_the_published_sizes():
    """ResNet-152 on one side, I3D and SoundNet on the other, 1024 numbers each way."""
    dims = {"audio": 1024, "frames": 2048, "motion": 1024}
    with torch.device("meta"):
        net = Model(Config(), replace(toy.sizes(Model, Config()), dims=dims))
    layers = [space.visual[0] for space in net.spaces.values()]
    assert {(layer.in_features, layer.out_features) for layer in layers} == {(2048, 1024)}
    assert {space.gru.hidden_size for space in net.spaces.values()} == {1024}


def test_words_and_layers_start_as_the_authors_have_them():
    """Words in U(-0.1, 0.1); W Xavier uniform, its bias at zero."""
    for space in toy.built(Model).spaces.values():
        bound = (6 / sum(space.visual[0].weight.shape)) ** 0.5
        assert 0.09 < space.words.weight.abs().max() <= 0.1
        assert 0.9 * bound < space.visual[0].weight.abs().max() <= bound
        assert not space.visual[0].bias.any()
