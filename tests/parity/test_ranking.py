"""What recorded ranks are held against where scores tie."""

import numpy as np
import pytest
import torch

from tests.parity.ranking import evaluated, intervals, metrics, nearest


def table():
    """Scores of four captions, two per video: caption 1 ties with a stranger's on its video."""
    return torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.3, 0.5 + 1e-8]])


def test_a_tie_leaves_an_interval_and_no_tie_a_point():
    """Caption 1 is first or second; caption 3 is first; each video's best caption is alone."""
    ends = intervals(table(), np.array([0, 0, 1, 1]))
    assert [end.tolist() for end in ends["t2v"]] == [[0, 0, 0, 0], [0, 1, 0, 0]]
    assert [end.tolist() for end in ends["v2t"]] == [[0, 0], [0, 0]]


def test_scores_that_float32_cannot_part_tie():
    """Whichever side of the right answer rounding puts a wrong one."""
    for gap in (-1e-8, 0.0, 1e-8):
        low, high = intervals(torch.tensor([[0.5, 0.5 + gap], [0.0, 1.0]]))["t2v"]
        assert (low.tolist(), high.tolist()) == ([0, 0], [1, 0])


@pytest.mark.parametrize(("official", "expected"), [(0, 0), (1, 1), (2, 1), (-1, 0), (0.5, 0.5)])
def test_a_recorded_rank_is_ours_within_the_tie_alone(official, expected):
    """Outside of the interval the nearer end is what it is compared with."""
    ours = nearest(np.array([official]), np.array([0.0]), np.array([1.0]))
    assert ours.tolist() == [expected]


def test_metrics_longhand():
    """Ranks 0, 4, 5, 20: recalls in percent, the median 4.5 floored or not, the mean from 1."""
    ranks = np.array([0.0, 4.0, 5.0, 20.0])
    assert metrics(ranks).tolist() == [25, 50, 75, 5, 8.25]
    assert metrics(ranks, floor=False).tolist() == [25, 50, 75, 5.5, 8.25]


def test_what_was_recorded_is_evaluated():
    """Arrays of the recording alone; a metric between those of both orders of the tie is ours."""
    owner, mean = np.array([0, 0, 1, 1]), [75.0, 100, 100, 1, 1.25]
    expected = {"out/t2v_ranks": np.array([0, 1, 0, 3]), "out/t2v_metrics": np.array(mean)}
    arrays = evaluated(expected, table(), owner)
    assert arrays.keys() == expected.keys()
    assert arrays["out/t2v_ranks"].tolist() == [0, 1, 0, 0]
    assert arrays["out/t2v_metrics"].tolist() == mean
