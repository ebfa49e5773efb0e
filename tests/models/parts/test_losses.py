"""Terms of ranking losses, longhand."""

import math

import pytest
import torch

from models.parts.losses import (
    hardest,
    hinge_terms,
    info_nce_terms,
    mil_nce_terms,
    semi_hard,
    weighted_by_rank,
)


def test_hinge_terms_longhand():
    """Row i holds caption i against wrong videos, column j video j against wrong captions."""
    scores = torch.tensor([[0.9, 0.8, 0.1], [0.5, 0.6, 0.7], [0.0, 0.2, 0.3]])
    by_caption, by_video = hinge_terms(scores, 0.2)
    for i in range(3):
        for j in range(3):
            caption = max(0, 0.2 + scores[i, j] - scores[i, i]) if i != j else 0
            video = max(0, 0.2 + scores[i, j] - scores[j, j]) if i != j else 0
            assert by_caption[i, j].item() == pytest.approx(float(caption))
            assert by_video[i, j].item() == pytest.approx(float(video))


def test_the_field_s_reductions_are_one_line_each():
    """Sums and means that published codes hide come out of one pair of matrices."""
    scores = torch.tensor([[1.0, 0.9], [0.7, 0.6]])
    by_caption, by_video = hinge_terms(scores, 0.2)
    total, n = by_caption.sum() + by_video.sum(), 2
    torch.testing.assert_close(by_caption, torch.tensor([[0, 0.1], [0.3, 0]]))
    torch.testing.assert_close(by_video, torch.tensor([[0, 0.5], [0, 0]]))
    assert total.item() == pytest.approx(0.9)
    assert (by_caption.mean() + by_video.mean()).item() == pytest.approx(0.9 / n**2)
    assert sum(terms.sum() for terms in hardest(by_caption, by_video)).item() == pytest.approx(0.9)


SCORES = torch.tensor([[0.9, 0.8, 0.1], [0.5, 0.6, 0.75], [0.0, 0.2, 0.3]])


def test_the_hardest_negative_is_a_caption_s_row_and_a_video_s_column():
    """One term per caption and one per video, of the closest wrong partner."""
    of_captions, of_videos = hardest(*hinge_terms(SCORES, 0.2))
    for i in range(3):
        rows = [max(0, 0.2 + SCORES[i, j] - SCORES[i, i]) for j in range(3) if j != i]
        columns = [max(0, 0.2 + SCORES[j, i] - SCORES[i, i]) for j in range(3) if j != i]
        assert of_captions[i].item() == pytest.approx(float(max(rows)))
        assert of_videos[i].item() == pytest.approx(float(max(columns)))


def test_a_semi_hard_negative_is_below_its_positive():
    """What is above the positive, or at it, has no term; what is outside the margin never had."""
    by_caption, _ = hinge_terms(SCORES, 0.2)
    terms = semi_hard(by_caption, 0.2)
    for i in range(3):
        for j in range(3):
            below = SCORES[i, i] - 0.2 < SCORES[i, j] < SCORES[i, i]
            expected = 0.2 + SCORES[i, j] - SCORES[i, i] if below and i != j else 0.0
            assert terms[i, j].item() == pytest.approx(float(expected))
    assert (by_caption > 0).sum() > (terms > 0).sum() > 0


def test_terms_are_weighted_by_rank_within_a_row():
    """The two largest of each row count ten times, the rest a tenth."""
    terms = torch.tensor([[0.1, 0.4, 0.3, 0.2], [0.0, 0.0, 0.5, 0.1]])
    weighted = weighted_by_rank(terms, 2, 10.0, 0.1)
    expected = torch.tensor([[0.01, 4.0, 3.0, 0.02], [0.0, 0.0, 5.0, 1.0]])
    torch.testing.assert_close(weighted, expected)
    torch.testing.assert_close(weighted_by_rank(terms, 9, 10.0, 0.1), 10 * terms)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_info_nce_longhand(temperature):
    """Both directions' share of the positive, at a temperature."""
    of_captions, of_videos = info_nce_terms(SCORES, temperature)
    e = [[math.exp(SCORES[i, j] / temperature) for j in range(3)] for i in range(3)]
    for i in range(3):
        row, column = sum(e[i]), sum(e[j][i] for j in range(3))
        assert of_captions[i].item() == pytest.approx(-math.log(e[i][i] / row), rel=1e-5)
        assert of_videos[i].item() == pytest.approx(-math.log(e[i][i] / column), rel=1e-5)


def test_info_nce_at_any_size_of_scores():
    """Scores of thousands neither overflow nor vanish."""
    of_captions, of_videos = info_nce_terms(1e4 * SCORES)
    assert of_captions.isfinite().all()
    assert of_videos[0].item() == 0


BAGS = torch.tensor([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]], dtype=torch.bool)


def mil_nce_by_hand(scores, bags, i, positives):
    """Video i's term, its bag counted `positives` times in the denominator."""
    captions, videos = range(len(scores)), range(len(scores[0]))
    own = [t for t in captions if bags[t][i]]
    p = sum(math.exp(scores[t][i]) for t in own)
    n = sum(math.exp(scores[t][i]) for t in captions if t not in own)
    n += sum(math.exp(scores[t][j]) for t in own for j in videos if j != i)
    return math.log(positives * p + n) - math.log(p)


def test_mil_nce_longhand():
    """A bag against other captions of its video's column and other videos of its captions' rows."""
    torch.manual_seed(0)
    scores = 3 * torch.randn(5, 3)
    terms = mil_nce_terms(scores, BAGS)
    for i in range(3):
        once, twice = (mil_nce_by_hand(scores.tolist(), BAGS.tolist(), i, n) for n in (1, 2))
        assert terms[i].item() == pytest.approx(once, rel=1e-5)
        assert torch.nn.functional.softplus(terms[i]).item() == pytest.approx(twice, rel=1e-5)


def test_bags_of_one_are_one_softmax_over_both_directions():
    """With one caption per video the positive stands once among its row and its column."""
    terms = mil_nce_terms(SCORES, torch.eye(3, dtype=torch.bool))
    for i in range(3):
        others = [j for j in range(3) if j != i]
        e = [math.exp(SCORES[i, j]) for j in others] + [math.exp(SCORES[j, i]) for j in others]
        positive = math.exp(SCORES[i, i])
        assert terms[i].item() == pytest.approx(-math.log(positive / (positive + sum(e))), rel=1e-5)


@pytest.mark.parametrize("columns", [1, 3])
def test_a_video_without_a_caption_has_no_term(columns):
    """Its term and its gradient are zero or finite, also where there is one video alone."""
    scores = torch.randn(5, columns, requires_grad=True)
    bags = BAGS[:, :columns].clone()
    bags[:, 0] = False
    terms = mil_nce_terms(scores, bags)
    terms.sum().backward()
    assert terms[0] == 0
    assert terms.isfinite().all()
    assert scores.grad.isfinite().all()
