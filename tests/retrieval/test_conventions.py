"""Named conventions give the numbers that the official evaluators gave, ties, NaN and all."""

import json
from pathlib import Path

import numpy as np
import pytest

from kb.records.errors import KBError
from kb.retrieval import evaluate
from kb.retrieval.conventions import CONVENTIONS
from tests.retrieval import goldens

OURS = {
    "ce": "collaborative-experts",
    "mmt": "mmt",
    "c4c": "clip4clip",
    "ht": "howto100m",
    "coot": "coot",
    "dual": "dual-encoding",
    "hybrid": "dual-encoding-hybrid",
    "w2vvpp": "w2vvpp",
}
COLUMNS = {
    **{f"{letter}{k}": f"R@{k}" for letter in "Rr" for k in (1, 5, 10, 50)},
    **dict.fromkeys(("MedR", "MR", "MedianR", "medr"), "MedR"),
    **dict.fromkeys(("MeanR", "meanr"), "MnR"),
    "Std_Rank": "StdR",
    "geometric_mean_R1-R5-R10": "GeoR",
    "mAP": "mAP",
    "MIR": "MRR",
    "sum": "R@1+5+50",
    "inv_rank": "InvRank",
}
VALUES = ("t2v", "v2t", "t2v_map", "v2t_map", "t2v_inv_rank", "v2t_inv_rank", "t2v_qry2retro")
ARRAYS = [(o, what) for o in OURS for what in (*VALUES, "t2v_fixed", "v2t_fixed")]


def evaluated(path: Path, case: str, convention: str):
    """Our evaluation of a recorded case."""
    mask = f"in/{case}/query_masks"
    return evaluate(
        similarity=goldens.read(path, f"in/{case}/sim"),
        relevance=goldens.read(path, f"in/{case}/owner"),
        convention=convention,
        present=goldens.read(path, mask).ravel() != 0 if goldens.has(path, mask) else None,
    )


def one_side(path: Path, case: str, convention: str, side: str):
    """One direction, where the other may be one that the evaluator cannot rank."""
    try:
        return getattr(evaluated(path, case, convention), side)
    except KBError:
        errors = json.loads(str(goldens.read(path, "meta")))["errors"]
        other = {"t2v": "v2t", "v2t": "t2v"}[side]
        short = next(name for name, ours in OURS.items() if ours == convention)
        assert f"{short}/{case}/{other}" in errors
        return None


def recorded() -> list[tuple[str, str, Path, str]]:
    """(evaluator, array, file, case)."""
    return [
        (evaluator, what, path, case)
        for evaluator, what in ARRAYS
        for path, case in goldens.names(evaluator, what)
        if case != "cootemb"  # from embeddings whose sizes are not in the file's terms
    ]


@pytest.mark.parametrize("evaluator", OURS)
def test_every_recorded_number_is_met(evaluator: str) -> None:
    """R@K, medians, means, mAP and inverse ranks of every recorded case, both directions."""
    met = 0
    for _, what, path, case in [row for row in recorded() if row[0] == evaluator]:
        fixed = "-fixed" if what.endswith("_fixed") else ""
        side = one_side(path, case, OURS[evaluator] + fixed, what[:3])
        if side is None:
            continue
        wanted = goldens.read(path, f"out/{evaluator}/{case}/{what}")
        columns = json.loads(str(goldens.read(path, "meta")))["columns"]
        names = columns[f"{evaluator}/{what}"]
        if evaluator == "c4c" and len(wanted) == len(columns["c4c/v2t"]):
            names = columns["c4c/v2t"]  # one caption a video goes through its other function
        ours = [side.metrics[COLUMNS[name]] for name in names[: len(wanted)]]
        np.testing.assert_allclose(ours, wanted, rtol=1e-7, err_msg=f"{case}/{what}")
        met += 1
    assert met >= 10


@pytest.mark.parametrize("evaluator", OURS)
def test_every_recorded_rank_is_met(evaluator: str) -> None:
    """The rank of every query, or of every tied place where these count one by one."""
    met = 0
    for what in ("t2v_ranks", "v2t_ranks"):
        for path, case in goldens.names(evaluator, what):
            side = one_side(path, case, OURS[evaluator], what[:3])
            if side is None:
                continue
            # Sorted: CLIP4Clip lists its queries caption by caption, not video by video.
            wanted = np.sort(goldens.read(path, f"out/{evaluator}/{case}/{what}"))
            np.testing.assert_allclose(np.sort(side.rank), wanted, err_msg=f"{case}/{what}")
            met += 1
    assert met >= 10


def test_what_an_evaluator_refused_is_refused() -> None:
    """Where the official call raised, ours says in one line what it cannot rank."""
    for path in goldens.FILES:
        for key in json.loads(str(goldens.read(path, "meta")))["errors"]:
            evaluator, case, _ = key.split("/")
            if not goldens.has(path, f"in/{case}/sim"):
                continue
            with pytest.raises(KBError, match="NaN|no caption"):
                evaluated(path, case, OURS[evaluator])


def test_one_caption_of_each_video_at_a_time() -> None:
    """Dual Encoding's list of inverse ranks: the k-th caption of every video is the gallery."""
    for path, case in goldens.names("dual", "v2t_inv_rank_multi"):
        scores = goldens.read(path, f"in/{case}/sim")
        each = scores.shape[0] // scores.shape[1]
        ours = [
            evaluate(similarity=scores[k::each], convention="dual-encoding").v2t.metrics["InvRank"]
            for k in range(each)
        ]
        wanted = goldens.read(path, f"out/dual/{case}/v2t_inv_rank_multi")
        np.testing.assert_allclose(ours, wanted, err_msg=case)


def test_the_same_scores_read_differently() -> None:
    """A model that scores everything alike: 0, chance or index luck, by convention."""
    flat = np.full((12, 12), 0.25)
    first = {n: evaluate(similarity=flat, convention=n).t2v.metrics["R@1"] for n in CONVENTIONS}
    assert first["collaborative-experts"] == first["mmt"] == 0
    assert first["clip4clip"] == pytest.approx(100 / 12)
    assert first["howto100m"] == pytest.approx(1 / 12)
    assert evaluate(similarity=flat).t2v.metrics["R@1"] == pytest.approx(100 / 12)


def test_an_unknown_convention_is_refused() -> None:
    """A name that is no convention is answered with those that are."""
    with pytest.raises(KBError, match="choose one of clip4clip"):
        evaluate(similarity=np.eye(2), convention="best")


@pytest.mark.parametrize("name", ["howto100m", "coot"])
def test_an_evaluator_for_one_caption_refuses_several(name: str) -> None:
    """HowTo100M and COOT have no rule for several captions of a video."""
    with pytest.raises(KBError, match="one caption a video"):
        evaluate(similarity=np.ones((4, 2)), relevance=[0, 0, 1, 1], convention=name)
