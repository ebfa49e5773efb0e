"""Named conventions give the numbers that the official evaluators gave, ties, NaN and all."""

import json

import numpy as np
import pytest

from kb.records.errors import KBError
from kb.retrieval import evaluate
from kb.retrieval.conventions import CONVENTIONS
from tests.retrieval import goldens
from tests.retrieval.recordings import CONVENTION, Asked


def test_what_an_evaluator_refused_is_refused() -> None:
    """Where the official call raised, ours says in one line what it cannot rank."""
    for path in goldens.FILES:
        for key in json.loads(str(goldens.read(path, "meta")))["errors"]:
            evaluator, case, direction = key.split("/")
            recording = Asked(path, evaluator, case, direction)
            with pytest.raises(KBError, match=r"NaN|no caption"):
                recording.side(direction, CONVENTION[evaluator])


@pytest.mark.parametrize("evaluator", ["ce", "mmt", "dual", "hybrid", "w2vvpp", "coot"])
def test_without_ties_every_evaluator_agrees_with_our_own_rule(evaluator: str) -> None:
    """R@K and mean rank of the default are the official ones where no score ties, both ways."""
    for what in ("t2v", "v2t"):
        for path, case in goldens.names(evaluator, f"{what}_ranks"):
            if not case.endswith("_plain") or case.startswith("nc_"):
                continue  # a video without caption: one raises, another ranks it last, we skip it
            evaluation = evaluate(
                similarity=goldens.read(path, f"in/{case}/sim"),
                relevance=goldens.read(path, f"in/{case}/owner"),
            )
            wanted = goldens.read(path, f"out/{evaluator}/{case}/{what}_ranks")
            np.testing.assert_allclose(getattr(evaluation, what).rank, wanted, err_msg=case)


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
    with pytest.raises(KBError, match="one caption per video"):
        evaluate(similarity=np.ones((4, 2)), relevance=[0, 0, 1, 1], convention=name)
