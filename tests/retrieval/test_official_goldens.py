"""Where scores have no ties, our metrics are those of the field's own evaluators."""

from pathlib import Path

import numpy as np
import pytest

from kb.retrieval import evaluate

GOLDENS = Path(__file__).resolve().parents[3] / "shared" / "parity" / "metrics.open.npz"
OURS = ("R@1", "R@5", "R@10", "MnR")
# evaluator -> its columns of R@1, R@5, R@10, mean rank, its unit; v2t where its gallery is ours
AGREE = {
    "ce": ((0, 1, 2, 5), 1, True),
    "mmt": ((0, 1, 2, 5), 1, True),
    "dual": ((0, 1, 2, 4), 1, True),
    "hybrid": ((0, 1, 2, 4), 1, True),
    "w2vvpp": ((0, 1, 2, 4), 1, True),
    "c4c": ((0, 1, 2), 1, False),
    "coot": ((0, 1, 2, 5), 100, True),
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not GOLDENS.is_file(), reason="the reference material is not here"),
]


def cases() -> list[tuple[str, str]]:
    """(evaluator, case) of every recorded case without ties."""
    if not GOLDENS.is_file():
        return []
    with np.load(GOLDENS) as goldens:
        names = [name.split("/") for name in goldens.files if name.endswith("/t2v")]
    return [(n[1], n[2]) for n in names if n[1] in AGREE and n[2].endswith("_plain")]


@pytest.mark.parametrize(("evaluator", "case"), cases())
def test_without_ties_all_evaluators_agree_with_ours(evaluator: str, case: str) -> None:
    """R@K, mean rank and the rank of every query are the official ones, in both directions."""
    columns, unit, both = AGREE[evaluator]
    with np.load(GOLDENS) as goldens:
        found = evaluate(
            similarity=goldens[f"in/{case}/sim"], relevance=goldens[f"in/{case}/owner"]
        )
        for direction in ("t2v", "v2t") if both else ("t2v",):
            if direction == "v2t" and case.startswith("nc_"):
                continue  # a video without caption: one raises, another ranks it last, we skip it
            ours = getattr(found, direction)
            theirs = goldens[f"out/{evaluator}/{case}/{direction}"][list(columns)]
            scaled = theirs * [unit, unit, unit, 1][: len(columns)]
            np.testing.assert_allclose(
                [ours.metrics[n] for n in OURS[: len(columns)]], scaled, rtol=1e-6
            )
            ranks = f"out/{evaluator}/{case}/{direction}_ranks"
            if ranks in goldens.files:
                # Sorted: CLIP4Clip lists its queries caption by caption, not video by video.
                np.testing.assert_allclose(np.sort(ours.rank), np.sort(goldens[ranks]))


@pytest.mark.parametrize(
    "case", sorted({c for e, c in cases() if e == "w2vvpp" and not c.startswith("nc_")})
)
def test_average_precision_is_the_official_one(case: str) -> None:
    """Mean average precision and mean reciprocal rank are those of w2vv++'s evaluator."""
    with np.load(GOLDENS) as goldens:
        found = evaluate(
            similarity=goldens[f"in/{case}/sim"], relevance=goldens[f"in/{case}/owner"]
        )
        for direction in ("t2v", "v2t"):
            reciprocal, precision = goldens[f"out/w2vvpp/{case}/{direction}"][5:7]
            ours = getattr(found, direction).metrics
            np.testing.assert_allclose(ours["MRR"], reciprocal)
            np.testing.assert_allclose(ours["mAP"], 100 * precision)
