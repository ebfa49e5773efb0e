"""Every array that official evaluators recorded is met by ours, or named with its reason."""

from pathlib import Path

import numpy as np
import pytest

from tests.retrieval import goldens, recordings
from tests.retrieval.recordings import Asked

EVALUATORS = sorted({evaluator for evaluator, _ in recordings.OURS})
LOOSER = {  # the official code sums these in float32
    ("ce", name): 1e-6 for name in ("ap_per_class", "mean_average_precision", "mAP_challenge")
}
files = pytest.mark.parametrize("path", goldens.FILES, ids=lambda path: path.parent.parent.name)


def recordings_in(path: Path) -> list[Asked]:
    """The recorded outputs that ours must give."""
    keys = [key for key in goldens.load(path) if key.startswith("out/")]
    return [Asked(path, *key.split("/")[1:]) for key in keys if not recordings.reason(key)]


@files
@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_every_recorded_array_is_met(path: Path, evaluator: str) -> None:
    """Numbers, ranks and what lies between them, of every recorded case, to 7 digits."""
    chosen = [one for one in recordings_in(path) if one.evaluator == evaluator]
    for one in chosen:
        ours, wanted = recordings.OURS[evaluator, one.what](one), one.wanted
        if one.what.endswith("_ranks"):  # CLIP4Clip lists its queries caption by caption
            ours, wanted = np.sort(ours), np.sort(wanted)
        np.testing.assert_allclose(
            ours,
            wanted,
            rtol=LOOSER.get((evaluator, one.what), 1e-7),
            atol=1e-12,
            err_msg=f"{evaluator}/{one.case}/{one.what}",
        )
    assert chosen or path == goldens.SMALL


@files
def test_no_array_is_passed_over(path: Path) -> None:
    """Every key is read on the way to some number of ours, or named with why it is not."""
    goldens.SEEN.clear()
    for one in recordings_in(path):
        recordings.OURS[one.evaluator, one.what](one)
        assert one.wanted is not None
    unread = {key for key in goldens.load(path) if (path, key) not in goldens.SEEN}
    assert [key for key in sorted(unread) if not recordings.reason(key)] == []


def test_no_reason_is_idle() -> None:
    """Each reason for an array that is not held has such an array."""
    keys = [key for path in goldens.FILES for key in goldens.load(path)]
    if goldens.SHARED not in goldens.FILES:
        pytest.skip("some of these arrays are in the reference material only")
    for of in recordings.NOT_HELD:
        assert any(recordings._fits(key, of) for key in keys), of
