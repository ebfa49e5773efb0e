"""Stacked cross attention, word by word and step by step."""

import math

import pytest
import torch

from models.parts.stacked import (
    mean_cosine,
    soft_maximum,
    text_to_video,
    to_unit,
    video_to_text,
)

LENGTHS, STEPS = (3, 1, 2), (2, 3)
WORD_MASK = torch.arange(4) < torch.tensor(LENGTHS)[:, None]
STEP_MASK = torch.arange(4) < torch.tensor(STEPS)[:, None]


def sides(d=5):
    """Three captions of up to three words, two videos of up to three steps; padding is no number."""
    torch.manual_seed(0)
    words, steps = torch.randn(3, 4, d), torch.randn(2, 4, d)
    words[~WORD_MASK], steps[~STEP_MASK] = float("nan"), float("nan")
    return words, steps


def attended(query, context, sharpness):
    """Each query vector's cosine with the mixture of context vectors that it attends to."""
    dot = [[float(sum(q * c)) for c in context] for q in query]
    damped = [[s if s > 0 else 0.1 * s for s in row] for row in dot]
    norms = [math.sqrt(sum(row[m] ** 2 for row in damped)) for m in range(len(context))]
    cosines = []
    for n, q in enumerate(query):
        e = [math.exp(sharpness * damped[n][m] / norms[m]) for m in range(len(context))]
        mixture = sum(w / sum(e) * c for w, c in zip(e, context, strict=True))
        cosines.append(float(sum(q * mixture) / (q.norm() * mixture.norm())))
    return cosines


@pytest.mark.parametrize("sharpness", [1.0, 9.0])
def test_words_attend_to_steps_longhand(sharpness):
    """One cosine per word of each caption with each video; zeros at the padding."""
    words, steps = sides()
    cosines = text_to_video(words, WORD_MASK, steps, STEP_MASK, sharpness)
    for t, n in enumerate(LENGTHS):
        for v, m in enumerate(STEPS):
            expected = attended(words[t, :n], steps[v, :m], sharpness)
            assert cosines[t, v, :n].tolist() == pytest.approx(expected, abs=1e-5)
            assert not cosines[t, v, n:].any()


@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_steps_attend_to_words_longhand(sharpness):
    """One cosine per step of each video with each caption, captions first all the same."""
    words, steps = sides()
    cosines = video_to_text(words, WORD_MASK, steps, STEP_MASK, sharpness)
    for t, n in enumerate(LENGTHS):
        for v, m in enumerate(STEPS):
            expected = attended(steps[v, :m], words[t, :n], sharpness)
            assert cosines[t, v, :m].tolist() == pytest.approx(expected, abs=1e-5)
            assert not cosines[t, v, m:].any()


def test_cosines_become_scores_longhand():
    """Their mean, or a soft maximum, over the steps that count; zero where none does."""
    cosines = torch.tensor([[[0.5, 0.1, 9.0], [0.2, -0.4, 9.0]], [[9.0] * 3] * 2])
    mask = torch.tensor([[[True, True, False]], [[False] * 3]])
    mean, soft = mean_cosine(cosines, mask), soft_maximum(cosines, mask, 6.0)
    assert mean[0].tolist() == pytest.approx([0.3, -0.1])
    for j, pair in enumerate(((0.5, 0.1), (0.2, -0.4))):
        expected = math.log(sum(math.exp(6 * r) for r in pair)) / 6
        assert soft[0, j].item() == pytest.approx(expected)
    assert not mean[1].any()
    assert not soft[1].any()


def test_vectors_become_unit_but_for_a_grain():
    """X / (|x| + 1e-8); zeros stay zeros."""
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    torch.testing.assert_close(to_unit(x), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_empty_captions_and_videos_score_zero_and_send_finite_gradients():
    """Whichever side attends."""
    words, steps = (x.nan_to_num().requires_grad_() for x in sides())
    word_mask, step_mask = WORD_MASK.clone(), STEP_MASK.clone()
    word_mask[1], step_mask[0] = False, False
    t2v = text_to_video(words, word_mask, steps, step_mask)
    v2t = video_to_text(words, word_mask, steps, step_mask)
    for cosines in (t2v, v2t):
        assert not cosines[1].any()
        assert not cosines[:, 0].any()
        assert cosines.any()
    (mean_cosine(t2v, word_mask[:, None]) + soft_maximum(v2t, step_mask[None])).sum().backward()
    assert words.grad.isfinite().all()
    assert steps.grad.isfinite().all()
    assert not words.grad[~word_mask].any()
