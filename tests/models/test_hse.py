"""Zhang et al. 2018, step by step, against sums written out longhand."""

from itertools import chain

import pytest
import torch

from models.hse import Config, Model
from models.official.hse import MODULES, Released, config_of
from models.parts.contract import DataSizes
from models.parts.nested import mean_scores, pad_parts
from tests.models import longhand, toy
from tests.models.releases import official_weights


def states(gru, steps, begin):
    """States of a GRU from a given first state, one gate at a time."""
    h, rows = begin, []
    for step in steps:
        r, z, n = (gru.weight_ih_l0 @ step + gru.bias_ih_l0).chunk(3)
        rh, zh, nh = (gru.weight_hh_l0 @ h + gru.bias_hh_l0).chunk(3)
        z = torch.sigmoid(z + zh)
        h = (1 - z) * torch.tanh(n + torch.sigmoid(r + rh) * nh) + z * h
        rows.append(h)
    return torch.stack(rows)


def parts_of(nested, row):
    """Rows of the parts of one whole."""
    return (nested.owner == row).nonzero()[:, 0].tolist()


def both_levels(net, x, mask, nested, part_x, part_mask):
    """(context, parts, whole) of every row of one side, with loops."""
    part, whole = net.level["part"], net.level["whole"]
    zero, rows = torch.zeros(part.hidden_size), []
    for row in range(len(x)):
        context = states(part, x[row][mask[row]], zero).amax(0)
        parts = [states(part, part_x[k][part_mask[k]], zero).amax(0) for k in parts_of(nested, row)]
        rows.append((context, parts, states(whole, parts, context).amax(0)))
    return rows


def text_rows(net, captions):
    """The same of the paragraphs."""
    items = captions.sentences.items
    words = net.words(captions.words)
    inner = net.words(items.words)
    return both_levels(net.text, words, captions.mask, captions.sentences, inner, items.mask)


def video_rows(net, clips):
    """The same of the videos."""
    items = clips.segments.items
    x, mask = clips.features["frames"], clips.mask["frames"]
    inner = (items.features["frames"], items.mask["frames"])
    return both_levels(net.video, x, mask, clips.segments, *inner)


def ranking(a, b, margin=0.2):
    """L of two lists of vectors: all negatives of both directions over n * n."""
    n = len(a)
    s = [[longhand.cosine(x, y) for y in b] for x in a]
    rows, columns = longhand.hinges(s, margin)
    return sum(t for lines in (rows, columns) for line in lines for t in line) / n**2


def test_both_levels_longhand():
    """Eqs. (1) and (2): maxima of states; level 2 starts from the context of the whole."""
    net = toy.built(Model)
    batch = toy.batch(net)
    for side, rows in (
        (net.read_text(batch.captions), text_rows(net, batch.captions)),
        (net.read_video(batch.clips), video_rows(net, batch.clips)),
    ):
        contexts, parts, wholes = zip(*rows, strict=True)
        torch.testing.assert_close(side.context, torch.stack(contexts))
        torch.testing.assert_close(side.parts.embedding, torch.stack(list(chain(*parts))))
        torch.testing.assert_close(side.whole, torch.stack(wholes))


def test_scores_are_cosines_of_the_wholes():
    """Eq. (3), one pair at a time."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video = text_rows(net, batch.captions), video_rows(net, batch.clips)
    scores = net(batch)
    for i in range(4):
        for j in range(4):
            by_hand = longhand.cosine(text[i][2], video[j][2])
            assert scores[i, j].item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("correspondence", ["pairs", "groups", None])
def test_the_ranking_losses_longhand(correspondence):
    """Eqs. (4) to (8): wholes, contexts, each side within itself, parts one by one or by block."""
    change = {"reconstruct_parts": 0.0, "reconstruct_steps": 0.0, "margin": 0.7}
    net = toy.built(Model, correspondence=correspondence, **change)
    batch = toy.batch(net)
    text, video = text_rows(net, batch.captions), video_rows(net, batch.clips)
    p, v = [row[2] for row in text], [row[2] for row in video]
    s, c = (list(chain(*(row[1] for row in side))) for side in (text, video))
    total = ranking(p, v, 0.7) + ranking([row[0] for row in text], [row[0] for row in video], 0.7)
    total += (ranking(p, p, 0.7) + ranking(v, v, 0.7)) / 2
    if correspondence is not None:
        total += (ranking(s, s, 0.7) + ranking(c, c, 0.7)) / 2
    if correspondence == "pairs":
        total += ranking(s, c, 0.7)
    if correspondence == "groups":
        means = [
            [
                sum(longhand.cosine(a, b) for a in t[1] for b in w[1]) / len(t[1]) / len(w[1])
                for w in video
            ]
            for t in text
        ]
        rows, columns = longhand.hinges(means, 0.7)
        total += sum(t for lines in (rows, columns) for line in lines for t in line) / 16
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-5)


def e(decoder, wholes, targets, steps):
    """Weighted E of one side: parts from their whole, steps from their decoded part."""
    zero = torch.zeros(decoder.to_parts.hidden_size)
    far, far_steps = [], []
    at = 0
    for whole, parts in zip(wholes, targets, strict=True):
        decoded = states(decoder.to_parts, [whole] * len(parts), zero)
        for part, target in zip(decoded, parts, strict=True):
            far.append(sum((part - target) ** 2) ** 0.5)
            first = torch.zeros(decoder.to_steps.hidden_size)
            again = states(decoder.to_steps, [part] * len(steps[at]), first)
            far_steps += [sum((x - y) ** 2) ** 0.5 for x, y in zip(again, steps[at], strict=True)]
            at += 1
    return 0.3 * sum(far) / len(far) + 0.2 * sum(far_steps) / len(far_steps)


def test_reconstruction_longhand():
    """Eqs. (9) and (10): the whole read as often as it has parts, a part as often as its steps."""
    weights = {"reconstruct_parts": 0.3, "reconstruct_steps": 0.2}
    net = toy.built(Model, **weights)
    batch = toy.batch(net)
    text, video = net.read_text(batch.captions), net.read_video(batch.clips)
    for decoder, side, rows in (
        (net.text, text, text_rows(net, batch.captions)),
        (net.video, video, video_rows(net, batch.clips)),
    ):
        steps = [x[m] for x, m in zip(side.parts.x, side.parts.mask, strict=True)]
        by_hand = e(decoder, [row[2] for row in rows], [row[1] for row in rows], steps)
        ours = net.reconstruction(decoder, side.whole, side.parts)
        assert ours.item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_targets_of_the_reconstruction_get_no_gradient():
    """Decoded clips come to their targets, not the other way round."""
    net = toy.built(Model)
    x, target = torch.ones(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    net.distance(x, target).backward()
    assert x.grad.any()
    assert target.grad is None


def test_data_without_moments_have_the_flat_model():
    """It reads words and frames alone, scores by the contexts, and trains on them."""
    assert Model.needs(Config()) == {"words", "frames", "sentences", "segments"}
    net = toy.built(Model, hierarchy=False)
    assert Model.needs(net.config) == {"words", "frames"}
    batch = toy.batch(net)
    assert batch.captions.sentences is None
    assert batch.clips.segments is None
    s = net(batch).tolist()
    by_hand = longhand.triplet(s, 0.2, hardest=False, reduction="mean")
    assert net.loss(batch).item() == pytest.approx(by_hand, rel=1e-5)


def test_a_whole_without_a_part_is_its_context_s_business_alone():
    """No part: an empty sequence at level 2, scores that are finite, the other rows as before."""
    net = toy.built(Model)
    batch = toy.batch(net)
    whole = net(batch)
    nested = batch.clips.segments
    keep = nested.owner != 1
    nested.owner, nested.span = nested.owner[keep], nested.span[keep]
    for items in (nested.items.features, nested.items.mask):
        items["frames"] = items["frames"][keep]
    scores = net(batch)
    assert scores.isfinite().all()
    torch.testing.assert_close(scores[:, [0, 2, 3]], whole[:, [0, 2, 3]])


def test_long_clips_are_thinned():
    """Steps floor(k n / 80) of n, those of parts and of wholes."""
    net = toy.built(Model, max_frames=3)
    clips = toy.batch(net).clips
    x, mask = net.frames(clips)
    assert mask.sum(1).max() == 3
    n = int(clips.mask["frames"][0].sum())
    wanted = clips.features["frames"][0][[k * n // 3 for k in range(3)]]
    torch.testing.assert_close(x[0], wanted)


def test_parts_are_laid_out_by_their_owner():
    """Two wholes of one and of two parts, one without any; means over their blocks."""
    x, owner = torch.arange(6.0).view(3, 2), torch.tensor([0, 2, 2])
    padded, mask = pad_parts(x, owner, 3)
    assert mask.tolist() == [[True, False], [False, False], [True, True]]
    assert padded[2].tolist() == [[2.0, 3.0], [4.0, 5.0]]
    means = mean_scores(torch.arange(9.0).view(3, 3), owner, owner, 3)
    assert means.tolist() == [[0.0, 0.0, 1.5], [0.0, 0.0, 0.0], [4.5, 0.0, 6.0]]


def test_matrices_start_gate_by_gate():
    """Xavier's bound is that of one gate, not of three stacked; biases start at zero."""
    gru = toy.built(Model).video.level["whole"]
    bound = (6 / (gru.input_size + gru.hidden_size)) ** 0.5
    assert bound * 0.95 < gru.weight_ih_l0.abs().max() <= bound
    assert not gru.bias_ih_l0.any()


def test_steps_alone_cannot_be_reconstructed():
    """They are decoded from decoded parts."""
    with pytest.raises(ValueError, match="decoded from decoded parts"):
        toy.built(Model, reconstruct_parts=0.0)


@pytest.mark.parametrize("variant", ["full", "no-reconstruction"])
def test_a_checkpoint_is_a_list_of_parts(variant):
    """Four encoders, and the decoders where it was trained with them."""
    config = toy.config_of(Model, **Model.variants[variant])
    net = Released(config, toy.sizes(Model, config)).eval()
    weights, batch = official_weights(net), toy.batch(net)
    parts = [
        {k.removeprefix(f"{m}."): w for k, w in weights.items() if k.startswith(f"{m}.")}
        for m in MODULES
    ]
    again = Model.from_official({"model": [part for part in parts if part]}).eval()
    assert again(batch).equal(net(batch))
    assert bool(again.config.reconstruct_parts) is (variant == "full")


def test_a_pooling_that_is_none_is_refused():
    """Of the recorded options."""
    config = toy.config_of(Model)
    weights = official_weights(Released(config, toy.sizes(Model, config)))
    with pytest.raises(ValueError, match="rnn_type 'sum' is none of"):
        config_of(weights, {"rnn_type": "sum"})


def test_defaults_are_the_published_sizes():
    """1,024 numbers at both levels over words of 300."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(9_000, dims={"frames": 2048}))
    part, whole = net.video.level["part"], net.video.level["whole"]
    assert (part.input_size, part.hidden_size) == (2048, 1024)
    assert (whole.input_size, whole.hidden_size) == (1024, 1024)
    assert net.text.to_steps.hidden_size == 300
