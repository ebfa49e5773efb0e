"""Captions that several videos share, and what is left for a model to reach."""

import json

import numpy as np
import pytest

from kb.cli import run
from kb.records.errors import KBError
from kb.retrieval import Relevance, evaluate
from kb.retrieval.duplicates import audit

CAPTIONS = ["A dog runs", "a  dog RUNS ", "a cat", "a cat", "a bird"]
OWNER = [0, 1, 2, 2, 3]


def test_shared_captions_are_counted_whatever_their_case_and_blanks() -> None:
    """Two videos share one caption; a video that repeats its own caption shares nothing."""
    counts = audit(CAPTIONS, Relevance.read(OWNER, 5, 4))
    assert (counts["captions"], counts["distinct"], counts["shared"], counts["videos"]) == (
        5,
        3,
        2,
        2,
    )


def test_the_ceiling_is_what_a_model_of_words_reaches() -> None:
    """A perfect model that sees words only gets the ceiling under the expected tie rule."""
    ceiling = audit(CAPTIONS, Relevance.read(OWNER, 5, 4))["ceiling"]
    scores = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    metrics = evaluate(similarity=scores, relevance=OWNER).t2v.metrics
    assert ceiling == pytest.approx({name: metrics[name] for name in ceiling})


def test_the_command_adds_the_audit(tmp_path, capsys) -> None:
    """`--captions` is read a line a caption and told in one line or in the document."""
    np.save(tmp_path / "s.npy", np.eye(2))
    (tmp_path / "c.txt").write_text("a dog\nA dog\n", encoding="utf-8")
    arguments = ["eval", "--similarity", str(tmp_path / "s.npy"), "--captions"]
    assert run([*arguments, str(tmp_path / "c.txt")]) == 0
    assert "2 captions also describe another video" in capsys.readouterr().out
    assert run([*arguments, str(tmp_path / "c.txt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["duplicates"]["ceiling"]["R@1"] == 50


def test_captions_of_another_number_are_refused() -> None:
    """One line a caption, no more and no fewer."""
    with pytest.raises(KBError, match="1 captions, 5 rows"):
        audit(["a dog"], Relevance.read(OWNER, 5, 4))
