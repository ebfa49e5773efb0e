"""Named conventions give the numbers that the official evaluators gave, ties, NaN and all."""

import json
from pathlib import Path

import numpy as np
import pytest

from kb.records.errors import KBError
from kb.retrieval import Relevance, evaluate, official
from kb.retrieval.conventions import CONVENTIONS
from kb.retrieval.counting import Matrix
from kb.retrieval.placing import place
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


def asked(path: Path, case: str) -> tuple[Matrix, Relevance, np.ndarray | None]:
    """Scores, right answers and query mask of a recorded case."""
    scores = goldens.read(path, f"in/{case}/sim")
    mask = f"in/{case}/query_masks"
    present = goldens.read(path, mask).ravel() != 0 if goldens.has(path, mask) else None
    owner = goldens.read(path, f"in/{case}/owner")
    return Matrix(scores), Relevance.read(owner, *scores.shape), present


def side_of(path: Path, case: str, convention: str, direction: str) -> official.Side:
    """One direction of a recorded case."""
    scores, right, present = asked(path, case)
    return official.one_side(convention, scores, right, direction, present)


def recorded() -> list[tuple[str, str, Path, str]]:
    """(evaluator, array, file, case)."""
    return [
        (evaluator, what, path, case)
        for evaluator, what in ARRAYS
        for path, case in goldens.names(evaluator, what)
        if case != "cootemb"  # from embeddings: a test of its own
    ]


@pytest.mark.parametrize("evaluator", OURS)
def test_every_recorded_number_is_met(evaluator: str) -> None:
    """R@K, medians, means, mAP and inverse ranks of every recorded case, both directions."""
    met = 0
    for _, what, path, case in [row for row in recorded() if row[0] == evaluator]:
        fixed = "-fixed" if what.endswith("_fixed") else ""
        side = side_of(path, case, OURS[evaluator] + fixed, what[:3])
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
    for what in ("t2v_ranks", "v2t_ranks", "t2v_qry2retro_ranks"):
        for path, case in goldens.names(evaluator, what):
            side = side_of(path, case, OURS[evaluator], what[:3])
            # Sorted: CLIP4Clip lists its queries caption by caption, not video by video.
            wanted = np.sort(goldens.read(path, f"out/{evaluator}/{case}/{what}"))
            np.testing.assert_allclose(np.sort(side.rank), wanted, err_msg=f"{case}/{what}")
            met += 1
    assert met >= 10


def test_coot_from_embeddings() -> None:
    """COOT ranks the products of two sets of embeddings; it sums up by the mean of both R@1."""
    cases = goldens.names("coot", "sum_at_1")
    if not cases:
        pytest.skip("the recorded embeddings are in the reference material only")
    for path, case in cases:
        text, video = (goldens.read(path, f"in/{case}/{name}_emb") for name in ("par", "vid"))
        found = evaluate(text=text, video=video, convention="coot")
        for what, side in (("t2v", found.t2v), ("v2t", found.v2t)):
            wanted = goldens.read(path, f"out/coot/{case}/{what}")
            np.testing.assert_allclose(list(side.metrics.values()), wanted, rtol=1e-9)
        both = (found.t2v.metrics["R@1"] + found.v2t.metrics["R@1"]) / 2
        np.testing.assert_allclose([both], goldens.read(path, f"out/coot/{case}/sum_at_1"))


def test_the_first_of_a_gallery_is_the_one_coot_names() -> None:
    """What COOT puts first, ties and NaN and all, has rank 1 by its rule."""
    met = 0
    for what in ("t2v", "v2t"):
        for path, case in goldens.names("coot", f"{what}_top1"):
            scores = goldens.read(path, f"in/{case}/sim")
            asked = Matrix(scores if what == "t2v" else scores.T)
            first = goldens.read(path, f"out/coot/{case}/{what}_top1").astype(np.int64)
            places = place(asked, np.arange(len(first)), first, nan="best")
            assert (places.ranks("high") == 1).all(), (case, what)
            met += 1
    assert met >= 10


def test_what_an_evaluator_refused_is_refused() -> None:
    """Where the official call raised, ours says in one line what it cannot rank."""
    for path in goldens.FILES:
        for key in json.loads(str(goldens.read(path, "meta")))["errors"]:
            evaluator, case, direction = key.split("/")
            with pytest.raises(KBError, match=r"NaN|no caption"):
                side_of(path, case, OURS[evaluator], direction)


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


@pytest.mark.parametrize("evaluator", ["ce", "mmt", "dual", "hybrid", "w2vvpp", "coot"])
def test_without_ties_every_evaluator_agrees_with_our_own_rule(evaluator: str) -> None:
    """R@K and mean rank of the default are the official ones where no score ties, both ways."""
    for what in ("t2v", "v2t"):
        for path, case in goldens.names(evaluator, f"{what}_ranks"):
            if not case.endswith("_plain") or case.startswith("nc_"):
                continue  # a video without caption: one raises, another ranks it last, we skip it
            found = evaluate(
                similarity=goldens.read(path, f"in/{case}/sim"),
                relevance=goldens.read(path, f"in/{case}/owner"),
            )
            wanted = goldens.read(path, f"out/{evaluator}/{case}/{what}_ranks")
            np.testing.assert_allclose(getattr(found, what).rank, wanted, err_msg=case)


def test_the_scores_of_pooled_captions_are_the_official_ones() -> None:
    """CLIP4Clip: a video asks with the best of each other video's captions."""
    for path, case in goldens.names("c4c", "v2t_sim"):
        scores, owner = (goldens.read(path, f"in/{case}/{name}") for name in ("sim", "owner"))
        ours = official._pooled(Matrix(scores), owner)
        np.testing.assert_array_equal(ours, goldens.read(path, f"out/c4c/{case}/v2t_sim"))


@pytest.mark.parametrize("what", ["t2v", "v2t"])
def test_whole_ranks_of_mmt(what: str) -> None:
    """MMT also lists floor(rank - 1)."""
    for path, case in goldens.names("mmt", f"{what}_cols_int"):
        rank = side_of(path, case, "mmt", what).rank
        np.testing.assert_array_equal(
            np.floor(rank - 1), goldens.read(path, f"out/mmt/{case}/{what}_cols_int")
        )


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
