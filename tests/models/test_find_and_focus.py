"""Shao et al. 2018, sentence by sentence and clip by clip, against loops written out longhand."""

from itertools import permutations

import pytest
import torch

from models.find_and_focus import Config, Curves, Model, groups, windows
from models.parts.contract import DataSizes
from tests.models import longhand, toy


def encoded(**change):
    """A small model, a toy batch, its sides and its score table, without gradients."""
    net = toy.built(Model, **change)
    batch = toy.batch(net)
    with torch.no_grad():
        return (
            net,
            batch,
            net.encode_text(batch.captions),
            net.encode_video(batch.clips),
            net(batch),
        )


def mean_word(net, captions, row):
    """The mean vector of the true words of one text."""
    words = net.words.weight[captions.words[row][captions.mask[row]]]
    return sum(words) / len(words)


def affine(layer, x):
    """W x + b."""
    return layer[0].weight @ x + layer[0].bias


def runs(r, shares):
    """Every maximal run of the frames of one curve above each share of its range, each once."""
    found = set()
    for share in shares:
        high = [1 - (max(r) - x) / max(max(r) - min(r), 1e-6) >= share for x in r]
        at = 0
        while at < len(r):
            end = at
            while end < len(r) and high[end]:
                end += 1
            found |= {(at, end)} if end > at else set()
            at = end + 1
    return found


def test_find_is_the_cosine_of_means():
    """Eq. (1): words of the whole paragraph, frames of the whole video."""
    net, batch, _, _, scores = encoded(focus=False)
    for t in range(4):
        p = affine(net.paragraph, mean_word(net, batch.captions, t))
        for v in range(4):
            frames = batch.clips.features["frames"][v][batch.clips.mask["frames"][v]]
            x = affine(net.video, sum(frames) / len(frames))
            assert scores[t, v].item() == pytest.approx(longhand.cosine(p, x), abs=1e-6)


def test_runs_above_every_share_are_found_once():
    """Eq. (3), with padding whose relevance is higher than any."""
    g = torch.Generator().manual_seed(1)
    for n in (1, 2, 5, 9):
        r, mask = torch.rand(2, 9, generator=g), (torch.arange(9) < n).expand(2, -1)
        r = r.masked_fill(~mask, 7.0)
        start, end, found = groups(r, mask, (0.9, 0.6, 0.3, 0.1))
        for row in range(2):
            spans = list(zip(start[row][found[row]], end[row][found[row]], strict=True))
            got = [(int(a), int(b)) for a, b in spans]
            assert sorted(got) == sorted(runs(r[row, :n].tolist(), (0.9, 0.6, 0.3, 0.1)))


def test_windows_end_with_their_video():
    """Of one, two, four frames; whole: one for each video that has a frame."""
    mask = torch.tensor([[True] * 4, [True, True, True, False], [False] * 4])
    start, end, found = windows(mask)
    spans = [
        [(int(a), int(b)) for a, b, there in zip(s, e, f, strict=True) if there]
        for s, e, f in zip(start, end, found, strict=True)
    ]
    assert spans[0] == [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (2, 4), (0, 4)]
    assert spans[1] == [(0, 1), (1, 2), (2, 3), (0, 2), (2, 3), (0, 3)]
    assert spans[2] == []
    whole = windows(mask, whole=True)
    assert whole[1][:, 0].tolist() == [4, 3, 0]
    assert whole[2][:, 0].tolist() == [True, True, False]


def test_a_clip_is_the_mean_of_its_frames():
    """Eq. (4): of any span with any sentence."""
    q, f = torch.nn.functional.normalize(torch.randn(2, 3, 5), dim=2), torch.randn(4, 6, 5)
    start, end = torch.tensor([0, 2, 5]), torch.tensor([6, 4, 6])
    s = Curves.of_frames(q, f).of(*(x.expand(2, 3, 4, -1) for x in (start, end)))
    for t, n, v, k in torch.cartesian_prod(*map(torch.arange, (2, 3, 4, 3))).tolist():
        clip = f[v, start[k] : end[k]].mean(0)
        assert s[t, n, v, k].item() == pytest.approx(longhand.cosine(q[t, n], clip), abs=1e-5)


def best_matching(table, u):
    """The greatest sum over all ways to give each of u copies of the rows a column or none."""
    rows = [row for row in table for _ in range(u)]
    columns = [*range(len(table[0])), *[None] * len(rows)]
    return max(
        sum(row[c] for row, c in zip(rows, way, strict=True) if c is not None)
        for way in set(permutations(columns, len(rows)))
    )


@pytest.mark.parametrize("u", [1, 2])
def test_focus_longhand(u):
    """Eqs. (2) to (7): the best clips of each sentence, shared out by the best of all matchings."""
    changes = {"proposals": 2, "clips_per_sentence": u, "focus_weight": 0.7}
    net, batch, text, video, scores = encoded(**changes)
    sentences = batch.captions.sentences
    q = torch.stack(
        [
            affine(net.sentence, mean_word(net, sentences.items, n))
            for n in range(len(sentences.owner))
        ]
    ).detach()
    for t in range(2):
        own = q[sentences.owner == t]
        for v in range(4):
            x = batch.clips.features["frames"][v][batch.clips.mask["frames"][v]]
            f = torch.stack([affine(net.clip, one) for one in x]).detach()
            clips = set()
            for one in own:
                relevance = [longhand.cosine(one, frame) for frame in f]
                fit = {
                    (a, b): longhand.cosine(one, f[a:b].mean(0))
                    for a, b in runs(relevance, net.config.shares)
                }
                clips |= set(sorted(fit, key=fit.get)[-2:])
            table = [[longhand.cosine(one, f[a:b].mean(0)) for a, b in clips] for one in own]
            focus = best_matching(table, u) / (u * len(own))
            find = (text.whole[t] @ video.whole[v]).item()
            assert scores[t, v].item() == pytest.approx(find + 0.7 * focus, abs=1e-5)


def test_without_localising_the_whole_video_is_the_clip():
    """One clip, which one sentence may have."""
    _, _, text, video, scores = encoded(clips="whole", clips_per_sentence=1, focus_weight=0.7)
    for t in range(4):
        q = text.sentences[t][text.mask[t]]
        for v in range(4):
            mean = video.frames[v][video.mask[v]].mean(0)
            fit = max(0.0, *(longhand.cosine(one, mean) for one in q), 0.0)
            find = (text.whole[t] @ video.whole[v]).item()
            assert scores[t, v].item() == pytest.approx(find + 0.7 * fit / len(q), abs=1e-5)


def test_the_loss_longhand():
    """Eq. (8): all wrong pairs of both levels, the mean over either table."""
    net = toy.built(Model, margin=0.4)
    batch = toy.batch(net)
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    items = batch.clips.segments.items
    x = [f[m].mean(0) for f, m in zip(items.features["frames"], items.mask["frames"], strict=True)]
    clips = [affine(net.clip, one) for one in x]
    q = text.sentences[text.mask]
    s = [[longhand.cosine(a, b) for b in clips] for a in q]
    total = 0.0
    for table in ((text.whole @ video.whole.mT).tolist(), s):
        by_row, by_column = longhand.hinges(table, 0.4)
        terms = [x for lines in (by_row, by_column) for line in lines for x in line]
        total += sum(terms) / len(table) ** 2
    assert net.loss(batch).item() == pytest.approx(total, rel=1e-5)


def test_a_test_reads_no_annotated_clip():
    """Other segments, the same scores; find alone asks for none."""
    net, batch, _, _, scores = encoded()
    batch.clips.segments.items.features["frames"] += 1.0
    batch.clips.segments.span += 9.0
    with torch.no_grad():
        assert net(batch).equal(scores)
    assert Model.needs(Config(focus=False)) == {"words", "frames"}


def test_focus_tells_videos_of_one_mean_apart():
    """A clip fits a sentence in one video; in the other its frames are spread over all of them."""
    net = toy.built(Model, DataSizes(30, dims={"frames": 4}), common=4, clips_per_sentence=1)
    torch.nn.init.eye_(net.clip[0].weight)
    act, other = torch.tensor([3.0, 0, 0, 0]), torch.tensor([0, 3.0, 0, 0])
    clear = torch.stack([other, act, act, other])
    mixed = (act + other).expand(4, -1) / 2
    q = torch.tensor([[[1.0, 0, 0, 0]]])
    mask = torch.ones(2, 4, dtype=torch.bool)
    focus = net.focus(q, torch.ones(1, 1, dtype=torch.bool), torch.stack([clear, mixed]), mask)
    assert focus[0].tolist() == pytest.approx([1.0, 0.5**0.5], abs=1e-5)
