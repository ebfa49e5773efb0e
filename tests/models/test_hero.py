"""Li et al. 2020, equation by equation, against sums written out longhand."""

import math

import pytest
import torch

from models.hero import Config, Model
from models.official.hero import Released, ReleasedConfig, config_of
from models.parts.contract import DataSizes
from models.parts.subtitles import spoken_segments
from tests.models import longhand, toy
from tests.models.releases import official_weights


def normalised(norm, x):
    """One vector at mean 0 and variance 1, then scaled and moved."""
    centred = x - sum(x) / len(x)
    return centred / (sum(centred**2) / len(x) + norm.eps).sqrt() * norm.weight + norm.bias


def mapped(layers, x):
    """Normalised, an affine map, ReLU."""
    return (layers[2].weight @ normalised(layers[0], x) + layers[2].bias).clamp(min=0)


def segment_states(net, frames, words):
    """Frames, then words, of one segment in the first transformer; places count from 0 on both."""
    kind = net.text.segments.weight[1]
    steps = []
    for place, features in enumerate(frames):
        x = net.frame[1].weight @ normalised(net.frame[0], features) + net.frame[1].bias
        x = x + net.frame_places.positions.weight[place] + kind
        steps.append(normalised(net.frame_places.norm, x))
    for place, word in enumerate(words):
        x = net.text.words.weight[word] + net.text.positions.weight[place] + kind
        steps.append(normalised(net.text.norm, x))
    return net.text.blocks(torch.stack(steps)[None])[0]


def segments_of(clips, row):
    """(frames, words) of each segment: lines of speech, or all frames of a video without any."""
    frames = int(clips.mask["frames"][row].sum())
    lines = {}
    for place in range(int(clips.speech.mask[row].sum())):
        lines.setdefault(int(clips.speech.line[row, place]), []).append(place)
    if not lines:
        yield list(range(frames)), [1]
    for places in lines.values():
        begin = clips.speech.seconds[row, places[0], 0]
        end = clips.speech.seconds[row, places[-1], 1]
        shown = [n for n in range(frames) if n < end and n + 1 > begin]  # frames of one second
        yield shown, [2, *(int(clips.speech.ids[row, place]) for place in places)]


def test_a_frame_is_itself_and_its_state_in_every_segment_longhand():
    """Eqs. (1?) and (2?), D3: lines of speech and the frames they overlap, sums over segments."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    x, mask = clips.features["frames"], clips.mask["frames"]
    got = net.fuse(x, net.segments(clips, mask))
    for row in range(4):
        u = [mapped(net.own, one) for one in x[row][mask[row]]]
        for frames, words in segments_of(clips, row):
            states = segment_states(net, [x[row, n] for n in frames], words)
            for place, n in enumerate(frames):
                u[n] = u[n] + states[place]
        torch.testing.assert_close(got[row][mask[row]], torch.stack(u), rtol=1e-4, atol=1e-5)


def test_a_frame_of_two_segments_is_read_in_both():
    """Eq. (2?): two lines within one second, and a third without a frame of its own."""
    net = toy.built(Model)
    clips = toy.picked(toy.batch(net), [0]).clips
    speech = clips.speech
    speech.mask[:], speech.ids[:] = True, 7
    speech.seconds[0] = torch.tensor([[0.1, 0.3]] * 2 + [[0.5, 0.8]] * 2 + [[50.0, 60.0]] * 2)
    parts = spoken_segments(clips.mask["frames"], clips.seconds["frames"], speech)
    assert parts.frames_mask.sum(1).tolist() == [1, 1, 0]
    x = clips.features["frames"]
    alone = segment_states(net, [x[0, 0]], [2, 7, 7])[0]
    got = net.fuse(x, net.segments(clips, clips.mask["frames"]))[0]
    torch.testing.assert_close(got[0], mapped(net.own, x[0, 0]) + 2 * alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got[1], mapped(net.own, x[0, 1]), rtol=1e-4, atol=1e-5)


def test_frames_of_a_video_are_read_in_the_order_of_time():
    """Eq. (3?): positions added, normalised, true frames only; nothing of it without those blocks."""
    net, flat = toy.built(Model), toy.built(Model, temporal_blocks=0)
    clips = toy.batch(net).clips
    u = net.fuse(clips.features["frames"], net.segments(clips, clips.mask["frames"]))
    f, mask = net.encode_video(clips)
    for row in range(4):
        steps = [
            normalised(net.temporal.norm, one + net.temporal.positions.weight[place])
            for place, one in enumerate(u[row][mask[row]])
        ]
        alone = net.temporal.blocks(torch.stack(steps)[None])[0]
        torch.testing.assert_close(f[row][mask[row]], alone, rtol=1e-4, atol=1e-5)
    clips.features["frames"] = clips.features["frames"].masked_fill(~mask[..., None], 0.0)
    u = flat.fuse(clips.features["frames"], flat.segments(clips, mask))
    torch.testing.assert_close(flat.encode_video(clips)[0], u)


def test_without_the_first_transformer_frames_are_only_themselves():
    """Eq. (2?): no-cross reads no speech at all."""
    net = toy.built(Model, cross_modal=False)
    assert Model.needs(net.config) == {"words", "frames"}
    x = toy.batch(net).clips.features["frames"]
    torch.testing.assert_close(net.fuse(x, None)[0, 0], mapped(net.own, x[0, 0]))


def test_without_subtitles_a_video_is_one_segment():
    """Eq. (1?): video-only, all frames beside one word."""
    net = toy.built(Model, subtitles=False)
    assert Model.needs(net.config) == {"words", "frames"}
    clips = toy.batch(net).clips
    x, mask = clips.features["frames"], clips.mask["frames"]
    got = net.fuse(x, net.segments(clips, mask))
    for row in range(4):
        own = list(x[row][mask[row]])
        states = segment_states(net, own, [1])
        expected = [mapped(net.own, one) + states[place] for place, one in enumerate(own)]
        torch.testing.assert_close(got[row][mask[row]], torch.stack(expected), rtol=1e-4, atol=1e-5)


def test_a_caption_longhand():
    """Eq. (4?): without its end token; first transformer, self-attention, weights of words."""
    net = toy.built(Model)
    captions = toy.batch(net).captions
    got = net.encode_text(captions)
    for row in range(4):
        words = captions.words[row][captions.mask[row]].tolist()
        words = words[:-1] if words[-1] == 2 else words
        x = [mapped(net.query, state) for state in segment_states(net, [], words)]
        x = [
            normalised(net.query_places.norm, one + net.query_places.positions.weight[place])
            for place, one in enumerate(x)
        ]
        steps = torch.stack(x)[None]
        read = net.attention(steps, steps, steps)[0][0]
        x = [normalised(net.attention_norm, one + r) for one, r in zip(x, read, strict=True)]
        weights = [math.exp(sum(net.importance.weight[0] * one).item()) for one in x]
        mixed = sum(w * one for w, one in zip(weights, x, strict=True)) / sum(weights)
        torch.testing.assert_close(got[row], mixed, rtol=1e-4, atol=1e-5)


def test_a_score_is_the_cosine_of_the_nearest_frame():
    """Eq. (5?), D6: padding is no frame, and a video without any scores 0."""
    net = toy.built(Model)
    batch = toy.batch(net)
    batch.clips.mask["frames"][3] = False
    q, (f, mask) = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net(batch)
    for i in range(4):
        for j in range(3):
            nearest = max(longhand.cosine(q[i], one) for one in f[j][mask[j]])
            assert scores[i, j].item() == pytest.approx(nearest, abs=1e-5)
    assert scores[:, 3].tolist() == [0.0] * 4


S = [[0.5, 0.45, 0.2], [0.1, 0.3, 0.35], [0.6, 0.2, 0.1], [0.2, 0.3, 0.15]]
OWNER = [0, 1, 2, 2]


def weighted(terms, hard, pool):
    """The mean, the largest terms times 10 and the others times 0.1 where that is switched on."""
    order = sorted(terms, reverse=True)
    if hard:
        order = [t * (10 if place < pool else 0.1) for place, t in enumerate(order)]
    return sum(order) / len(order)


@pytest.mark.parametrize("hard", [False, True])
def test_the_loss_longhand(hard):
    """Eqs. (6?) and (7?): a video has a term for each of its captions, with wrong captions only."""
    net = toy.built(Model, hard_pool=1)
    net.hard = hard
    by_caption, by_video = net.losses(torch.tensor(S), torch.tensor(OWNER))
    ours = [0.0, 0.0]
    for q, own in enumerate(OWNER):
        right = S[q][own]
        videos = [max(0.0, 0.1 + S[q][j] - right) for j in range(3) if j != own]
        captions = [max(0.0, 0.1 + S[p][own] - right) for p in range(4) if OWNER[p] != own]
        ours[0] += 10 * weighted(videos, hard, 1) / 4
        ours[1] += 10 * weighted(captions, hard, 1) / 4
    assert [by_caption.item(), by_video.item()] == pytest.approx(ours, rel=1e-5)
    batch = toy.batch(net)
    assert net.loss(batch).item() == pytest.approx(sum(net.losses(net(batch), batch.owners)).item())


def test_a_single_video_has_no_loss():
    """Eq. (6?): nothing to be told from."""
    net = toy.built(Model)
    batch = toy.picked(toy.batch(net), [0])
    assert net.loss(batch).item() == 0.0


def test_hard_pairs_weigh_more_from_an_epoch_on():
    """Eq. (7?), D4: from the middle of training, or never."""
    net = toy.built(Model)
    for epoch, hard in ((0, False), (9, False), (10, True), (19, True), (0, False)):
        net.on_epoch(epoch)
        assert net.hard is hard
    never = toy.built(Model, hard_from=None)
    never.on_epoch(50)
    assert never.hard is False


def released(**changes):
    """A small released model."""
    config = ReleasedConfig(**(vars(toy.config_of(Model)) | changes))
    torch.manual_seed(0)
    return Released(config, toy.sizes(Model, config)).eval()


def test_the_release_scores_a_video_without_frames_far_below_all():
    """Q1: as padding is scored."""
    net = released()
    batch = toy.batch(net)
    batch.clips.mask["frames"][3] = False
    assert net(batch)[:, 3].tolist() == [-1e4] * 4


def test_the_smooth_loss_of_the_release_longhand():
    """Q3: log(1 + exp(wrong - right)), without a margin."""
    net = released(ranking="lse")
    by_caption = net.losses(torch.tensor(S), torch.tensor(OWNER))[0]
    total = sum(
        math.log(1 + math.exp(S[q][j] - S[q][own]))
        for q, own in enumerate(OWNER)
        for j in range(3)
        if j != own
    )
    assert by_caption.item() == pytest.approx(10 * total / 8, rel=1e-5)


def test_moments_of_the_release_longhand():
    """Q2: inner products in windows of five frames, padding among them; -1 is no target."""
    net = released()
    batch = toy.batch(net)
    q, (f, mask) = net.encode_text(batch.captions), net.encode_video(batch.clips)
    start, end = net.moments(q, (f, mask))
    query = net.moment_query.weight @ q[1] + net.moment_query.bias
    products = [0.0, 0.0, *(sum(query * one).item() for one in f[2]), 0.0, 0.0]
    for scores, head in ((start, net.start), (end, net.end)):
        filters = head.weight[0, 0].tolist()
        for n in range(f.shape[1]):
            window = sum(w * x for w, x in zip(filters, products[n : n + 5], strict=True))
            expected = window if mask[2, n] else -1e4
            assert scores[1, 2, n].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    targets = torch.tensor([[0, 1], [-1, -1], [-1, -1], [-1, -1]])
    loss = net.moment_loss(q, (f, mask), torch.arange(4), targets)
    own = (start[0, 0].log_softmax(0)[0] + end[0, 0].log_softmax(0)[1]).item()
    assert loss.item() == pytest.approx(-0.01 * own, rel=1e-4)


def test_a_checkpoint_tells_its_sizes():
    """Widths and blocks from the weights, the rest from the recorded options."""
    net = released()
    options = {"heads": 4, "video_only": True, "ranking": "lse", "pool": 20, "lw": 8.0}
    config, data = config_of(official_weights(net), options)
    assert config.text == net.config.text
    assert (config.temporal_blocks, config.positions, config.max_frames) == (1, 64, 32)
    assert (config.subtitles, config.ranking, config.hard_pool) == (False, "lse", 20)
    assert config.loss_weight == 8.0
    assert (data.vocabulary, dict(data.dims)) == (30, {"frames": 6})


def test_defaults_are_the_published_sizes():
    """768 numbers, six blocks for segments, three for videos."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 4352}))
    assert net.own[2].weight.shape == (768, 4352)
    assert (len(net.text.blocks.layers), len(net.temporal.blocks.layers)) == (6, 3)
