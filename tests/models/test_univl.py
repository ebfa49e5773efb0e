"""Luo et al. 2020, equation by equation, against sums written out longhand."""

import math

import pytest
import torch

from kb.repro.toy import narrated
from models.official.univl import Released, config_of
from models.parts.contract import DataSizes
from models.univl import Config, Model, mil_nce, pair_weights
from tests.models import longhand, toy
from tests.models.releases import official_weights

VIDEO = torch.tensor([0, 0, 0, 1, 1, 2])  # which video each clip was cut from


def softmax_loss(logits, right):
    """Minus log of the share of one of them."""
    values = [math.exp(float(value)) for value in logits.detach()]
    return -math.log(values[right] / sum(values))


def test_frames_are_normalised_before_the_transformer():
    """Eq. (1?): to mean 0 and variance 1 of a frame, padding unread."""
    net = toy.built(Model)
    clips = toy.batch(net).clips
    states, mask = net.encode_video(clips)
    x = clips.features["frames"]
    x = (x - x.mean(2, keepdim=True)) / x.var(2, unbiased=False, keepdim=True) ** 0.5
    for row in range(4):
        own = x[row][mask[row]]
        alone = net.video(own[None], torch.ones(1, len(own), dtype=torch.bool))
        torch.testing.assert_close(states[row][mask[row]], alone[0], rtol=1e-4, atol=1e-5)


def test_joint_scores_longhand():
    """Eq. (2?): means of the states, the first word left out; cosines or inner products."""
    net = toy.built(Model)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    cosines, products = (net.joint(text, video, unit=unit) for unit in (True, False))
    assert net(batch).equal(cosines)
    for i in range(4):
        t = text[0][i, 1:][text[1][i, 1:]].mean(0)
        for j in range(4):
            v = video[0][j][video[1][j]].mean(0)
            assert cosines[i, j].item() == pytest.approx(longhand.cosine(t, v), abs=1e-5)
            assert products[i, j].item() == pytest.approx(sum(t * v).item(), rel=1e-3, abs=1e-3)


def test_scores_of_the_cross_encoder_longhand():
    """Eq. (3?): a pair at a time; frames stand after `max_words` words, whatever the padding."""
    net = toy.built(Model, head="align")
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net(batch)
    for i in range(4):
        for j in range(4):
            t, v = text[0][i][text[1][i]], video[0][j][video[1][j]]
            position = [*range(len(t)), *(20 + place for place in range(len(v)))]
            segment = [0] * len(t) + [1] * len(v)
            every = torch.ones(1, len(position), dtype=torch.bool)
            arguments = (torch.tensor([segment]), torch.tensor([position]))
            c = net.cross(torch.cat([t, v])[None], every, *arguments)[0, 0]
            pooled = torch.tanh(net.pooler.weight @ c + net.pooler.bias)
            expected = net.score.weight[0] @ pooled + net.score.bias[0]
            torch.testing.assert_close(scores[i, j], expected, rtol=1e-4, atol=1e-5)


def test_the_margin_loss_longhand():
    """Eq. (4?), D5: wrong pairs of both directions over all pairs."""
    net = toy.built(Model)
    batch = toy.batch(net)
    total = longhand.triplet(net(batch).tolist(), 0.1, hardest=False, reduction="mean")
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-5)


def test_negatives_of_the_same_video_have_their_share():
    """Eq. (4?): hnr of a row for clips of one video, the rest for the others."""
    weights = pair_weights(torch.tensor([0, 0, 1, 1]), 0.8)
    assert weights[0].tolist() == pytest.approx([1.6, 1.6, 0.4, 0.4])
    net, s = toy.built(Model), torch.randn(6, 6)
    rows, columns = longhand.hinges(s.tolist(), 0.1)
    weights, total = pair_weights(VIDEO, 0.5), 0.0
    for i in range(6):
        for place, j in enumerate(k for k in range(6) if k != i):
            total += (
                rows[i][place] * weights[i, j] + columns[i][place] * weights[j, i]
            ).item() / 36
    assert net.margin_loss(s, VIDEO).item() == pytest.approx(total, rel=1e-4)


def test_mil_nce_longhand():
    """Eq. (5?): one middle clip of each video."""
    s, total = torch.randn(6, 6), 0.0
    for anchor, own in ((1, (0, 1, 2)), (4, (3, 4)), (5, (5,))):
        bag = sum(math.exp(s[k, anchor]) for k in own)
        every = sum(math.exp(s[k, anchor]) for k in range(6))
        every += sum(math.exp(s[anchor, k]) for k in range(6) if k not in own)
        total += math.log(every / bag) / 3
    assert mil_nce(s, VIDEO).item() == pytest.approx(total, rel=1e-5)


def masked_batch(net):
    """A narrated batch in which word 1 of each text and frame 0 of each clip are masked."""
    batch = narrated(toy.batch(net))
    batch.captions.words += 4 * (batch.captions.mask & (batch.captions.words < 4))
    hidden, lost = torch.zeros(4, 7, dtype=torch.bool), torch.zeros(4, 8, dtype=torch.bool)
    hidden[:, 1], lost[:, 0] = True, True
    net.masked = lambda *_: (hidden, lost)
    blank = toy.picked(batch, range(4))
    blank.captions.words = batch.captions.words.masked_fill(hidden, 3)
    blank.clips.features = {
        "frames": batch.clips.features["frames"].masked_fill(lost[..., None], 0)
    }
    return batch, net.encode_text(blank.captions), net.encode_video(blank.clips)


def test_masked_words_frames_and_narrations_longhand():
    """Eqs. (6?), (7?) and (8?): each guess among all words, or all true frames of the batch."""
    net = toy.built(Model)
    batch, text, video = masked_batch(net)
    terms, both = net.losses(batch), net.both(text, video)
    words, mask = batch.captions.words, batch.captions.mask
    x, x_mask = net.feature_norm(batch.clips.features["frames"]), batch.clips.mask["frames"]
    frames, first = x[x_mask], (x_mask.sum(1).cumsum(0) - x_mask.sum(1)).tolist()
    of_words, of_frames, written = 0.0, 0.0, []
    for row in range(4):
        c = both[0][row]
        of_words += softmax_loss(net.word_head(c[1], net.text.words.weight), words[row, 1]) / 4
        guess = net.frame_head(c[7], net.video.words.weight.mT)
        of_frames += softmax_loss(frames @ guess, first[row]) / 4
        length = int(mask[row].sum())
        read = words[row : row + 1, : length - 1], torch.ones(1, length - 1, dtype=torch.bool)
        logits = net.decoder(net.text, *read, c[None], both[1][row : row + 1])[0]
        written += [softmax_loss(logits[p], words[row, p + 1]) for p in range(length - 1)]
    assert terms["words"].item() == pytest.approx(of_words, rel=1e-4)
    assert terms["frames"].item() == pytest.approx(of_frames, rel=1e-4)
    assert terms["caption"].item() == pytest.approx(sum(written) / len(written), rel=1e-4)


def test_alignment_and_the_sum_longhand():
    """Eqs. (9?) and (10?): each masked text among the masked clips; five terms, joint unmasked."""
    net = toy.built(Model)
    batch, text, video = masked_batch(net)
    terms, scores = net.losses(batch), net.align(text, video)
    aligned = sum(softmax_loss(scores[row], row) for row in range(4)) / 4
    assert terms["align"].item() == pytest.approx(aligned, rel=1e-4)
    s = net.joint(net.encode_text(batch.captions), net.encode_video(batch.clips), unit=False)
    torch.testing.assert_close(terms["joint"], mil_nce(s, batch.clips.video))
    assert net.loss(batch).item() == pytest.approx(sum(t.item() for t in terms.values()), rel=1e-4)


def test_every_text_and_clip_has_something_masked():
    """D4: a word that is no mark, a true frame."""
    net = toy.built(Model, masked=0.0)
    batch = toy.batch(net)
    words, mask = batch.captions.words, batch.captions.mask
    hidden, lost = net.masked(words, mask, batch.clips.mask["frames"])
    assert hidden.sum(1).equal((mask & (words > 3)).any(1).long())
    assert lost.sum(1).tolist() == [1] * 4
    assert not (lost & ~batch.clips.mask["frames"]).any()


def test_pre_training_by_joint_scores_alone():
    """`mil-nce` and `margin`: of narrated clips; otherwise the loss is that of fine-tuning."""
    for name in ("mil-nce", "margin"):
        net = toy.built(Model, pretraining=name)
        batch = toy.batch(net)
        cut = narrated(batch)
        text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
        s, of = net.joint(text, video, unit=name == "margin"), cut.clips.video
        expected = net.margin_loss(s, of) if name == "margin" else mil_nce(s, of)
        torch.testing.assert_close(net.loss(cut), expected)
        torch.testing.assert_close(net.loss(batch), net.margin_loss(net(batch)))


def test_as_released_a_caption_s_own_clip_is_in_the_mean():
    """Q1: 2m on the diagonal, weighted as the other cells."""
    released, net, s = toy.built(Released), toy.built(Model), torch.randn(6, 6)
    for video, own in ((None, 6.0), (VIDEO, pair_weights(VIDEO, 0.5).trace().item())):
        difference = released.margin_loss(s, video) - net.margin_loss(s, video)
        assert difference.item() == pytest.approx(2 * 0.1 * own / 36, rel=1e-3)


def test_as_released_padding_is_written():
    """Q2: the mean is over `max_words` steps; after the last word, word 0 is right."""
    net = toy.built(Released)
    batch, text, video = masked_batch(net)
    both, total = net.both(text, video), 0.0
    words, mask = batch.captions.words, batch.captions.mask
    read, true, target = net.narration(words, mask)
    assert read.shape == target.shape == (4, 20)
    logits = net.decoder(net.text, read, true, *both)
    for row in range(4):
        length = int(mask[row].sum())
        right = [*words[row, 1:length].tolist(), *[0] * (21 - length)]
        total += sum(softmax_loss(logits[row, p], right[p]) for p in range(20)) / 80
    assert net.caption(words, mask, both).item() == pytest.approx(total, rel=1e-4)


def test_as_released_mil_nce_is_tested_by_inner_products():
    """Q3."""
    net = toy.built(Released)
    batch = toy.batch(net)
    config = Released.Config(**vars(net.config) | {"inner_products": True})
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    net.config = config
    assert net(batch).equal(net.joint(text, video, unit=False))


def test_sizes_are_read_from_official_weights():
    """What is tied or not used is left out; the options tell what no weight does."""
    net = toy.built(Released)
    weights = official_weights(net) | {"bert.pooler.dense.bias": torch.ones(2)}
    again = Model.from_official(weights | {"cls.predictions.decoder.weight": torch.ones(2, 2)})
    assert again.data == DataSizes(30, dims={"frames": 6})
    assert again.config.text == (64, 1, 128, 1)
    assert again.config.pretraining == "all"
    options = {"heads": 4, "max_words": 20, "after_cross": True, "use_mil": True, "margin": 0.3}
    config, _ = config_of(weights, options)
    assert config.text == (64, 4, 128, 1)
    assert (config.max_words, config.head, config.margin) == (20, "align", 0.3)
    assert config.inner_products


def test_defaults_are_the_published_sizes():
    """BERT-base, six blocks over frames, two over both, three that write."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims={"frames": 1024}))
    stacks = (net.text.blocks, net.video.blocks, net.cross.blocks, net.decoder.blocks)
    assert [len(stack.layers) for stack in stacks] == [12, 6, 2, 3]
    assert net.video.words.in_features == 1024
