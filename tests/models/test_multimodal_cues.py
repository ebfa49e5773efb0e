"""Mithun et al. 2018, space by space, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.multimodal_cues import OFFICIAL, Config, Model, rank_weight, sizes
from models.official._loading import official_names
from tests.models import longhand, toy


def unit(x):
    """A vector over its length."""
    return x / (x**2).sum() ** 0.5


def biased(**change):
    """A model in which a video without features has a place in each space."""
    net = toy.built(Model, **change)
    for space in net.spaces.values():
        torch.nn.init.normal_(space.visual.bias)
    return net


def test_a_space_reads_the_means_of_its_own_features():
    """Step (a): object the frames; activity motion, then audio, zeros where one is missing."""
    net, (_, clips) = biased(), toy.batch(Model)
    found = net.encode_video(clips)
    assert not all(mask.any(1).all() for mask in clips.mask.values())
    for i, cues in enumerate((["frames"], ["motion", "audio"])):
        layer = list(net.spaces.values())[i].visual
        for row in range(4):
            means = []
            for cue in cues:
                steps = clips.features[cue][row][clips.mask[cue][row]]
                zeros = torch.zeros(steps.shape[1])
                means.append(sum(steps) / len(steps) if len(steps) else zeros)
            wanted = unit(layer.weight @ torch.cat(means) + layer.bias)
            torch.testing.assert_close(found[row, i], wanted)


def test_a_sentence_is_the_last_state_of_each_space_s_own_gru():
    """Step (b): at the last true word, gate by gate; words and GRU are the space's own."""
    net, (captions, _) = toy.built(Model), toy.batch(Model)
    found = net.encode_text(captions)
    for i, space in enumerate(net.spaces.values()):
        for row, (words, mask) in enumerate(zip(captions.words, captions.mask, strict=True)):
            last = longhand.gru(space.gru, space.words(words[mask]))[-1]
            torch.testing.assert_close(found[row, i], unit(last))
    assert not torch.equal(found[:, 0], found[:, 1])


def test_scores_are_the_cosines_of_both_spaces_added_up():
    """Steps (c) and (d), one pair at a time."""
    net, (captions, clips) = biased(), toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            wanted = sum(longhand.cosine(text[i, k], video[j, k]) for k in range(2))
            assert scores[i, j].item() == pytest.approx(wanted, abs=1e-6)


def test_a_side_that_gives_the_zero_vector_scores_nothing():
    """D3: a video of no object, before its bias has learnt, and a caption of no word."""
    net, (captions, clips) = toy.built(Model, spaces=("object",)), toy.batch(Model)
    clips.mask["frames"][1] = captions.mask[2] = False
    scores = net(captions, clips)
    assert not scores[:, 1].any()
    assert not scores[2].any()


def test_a_pair_weighs_by_how_many_beat_it():
    """Step (e): from 1 + 1/B in front to 2 at the end; ties do not beat; beta 0 is no weight."""
    scores = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.5, 0.7], [0.9, 0.8, 0.3]])
    assert rank_weight(scores, 1.0).tolist() == pytest.approx([1 + 1 / 3, 1 + 1 / 2, 2.0])
    assert rank_weight(scores, 0.0).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0])
def test_the_loss_longhand(beta):
    """Eq. (3): in each space the hardest negative of each side, times the weight of its pair."""
    net, batch = toy.built(Model, beta=beta), toy.batch(Model)
    per_space = net.per_space(net.encode_text(batch[0]), net.encode_video(batch[1]))
    wanted = 0.0
    for s in per_space.tolist():
        rows, columns = longhand.hinges(s, 0.2)
        for i in range(4):
            better_videos = sum(s[i][j] > s[i][i] for j in range(4))
            better_captions = sum(s[j][i] > s[i][i] for j in range(4))
            wanted += (1 + beta / (4 - better_videos)) * max(rows[i])
            wanted += (1 + beta / (4 - better_captions)) * max(columns[i])
    assert net.loss(*batch).item() == pytest.approx(wanted, rel=1e-5)


def test_training_both_spaces_at_once_is_training_each():
    """D1: the gradient of a space is the one it has alone."""
    both, batch = toy.built(Model), toy.batch(Model)
    both.loss(*batch).backward()
    for name in ("object", "activity"):
        alone = toy.built(Model, spaces=(name,))
        alone.spaces[name].load_state_dict(both.spaces[name].state_dict())
        alone.loss(*batch).backward()
        for key, weight in alone.spaces[name].named_parameters():
            torch.testing.assert_close(weight.grad, both.spaces[name].get_parameter(key).grad)


def test_one_space_alone_reads_nothing_of_the_other():
    """The variant `object` has the frames' scores, whatever is heard."""
    net, (captions, clips) = toy.built(Model, spaces=("object",)), toy.batch(Model)
    before = net(captions, clips)
    for cue in ("audio", "motion"):
        clips.features[cue] += 1.0
    assert net(captions, clips).equal(before)


def weights_of(net):
    """Its weights under the official names."""
    own = net.state_dict()
    return {key: own[name] for key, name in official_names(net, OFFICIAL).items()}


def test_the_two_checkpoints_of_the_authors_make_one_model():
    """Each holds its video side and its text side in a list; flat names do as well."""
    net = toy.built(Model)
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
    batch = toy.batch(Model)
    for state in (weights, checkpoints):
        assert Model.from_official(state, net.config).eval()(*batch).equal(net(*batch))


@pytest.mark.parametrize("spaces", [("object", "activity"), ("object",), ("activity",)])
def test_sizes_are_read_from_official_weights(spaces):
    """Which spaces there are, and of what size; audio is half of the activity space's input."""
    experts = (("audio", 5), ("frames", 6), ("motion", 5))
    net = Model(replace(Config.small(), vocabulary=30, experts=experts, spaces=spaces))
    again = Model.from_official(weights_of(net))
    assert again.config.spaces == spaces
    assert dict(again.config.experts).items() <= dict(experts).items()
    shapes = {name: weight.shape for name, weight in again.named_parameters()}
    assert shapes == {name: weight.shape for name, weight in net.named_parameters()}


def test_weights_that_do_not_fit_are_refused_in_one_line():
    """A missing layer is named."""
    with pytest.raises(ValueError, match=r"object\.img_enc\.fc\.weight is missing"):
        sizes({})


def test_defaults_are_the_published_sizes():
    """ResNet-152 on one side, I3D and SoundNet on the other, 1024 numbers each way."""
    with torch.device("meta"):
        net = Model(Config())
    assert [space.visual.in_features for space in net.spaces.values()] == [2048, 2048]
    assert {space.visual.out_features for space in net.spaces.values()} == {1024}
    assert {space.gru.hidden_size for space in net.spaces.values()} == {1024}
