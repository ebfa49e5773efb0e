"""Post-processing against its formulas written out, and what it must leave alone."""

import json

import numpy as np
import pytest

from kb.cli import run
from kb.records.errors import KBError
from kb.retrieval import Post, evaluate
from kb.retrieval.counting import Matrix
from kb.retrieval.post import POSTS, adjust

SCORES = np.random.default_rng(5).normal(size=(7, 4)) / 4


def whole(name: str, **options) -> np.ndarray:
    """The adjusted matrix."""
    return adjust(Matrix(SCORES), name, **options).rows(0, len(SCORES))


def test_dual_softmax_multiplies_by_the_share_over_queries() -> None:
    """S_ij times exp(s S_ij) / sum over queries i of exp(s S_ij)."""
    for i in range(7):
        for j in range(4):
            share = np.exp(9 * SCORES[i, j]) / sum(np.exp(9 * SCORES[k, j]) for k in range(7))
            assert whole("dsl", scale=9.0)[i, j] == pytest.approx(SCORES[i, j] * share)


def test_inverted_softmax_ranks_by_the_share_over_queries() -> None:
    """The logarithm of exp(s S_ij) / sum over queries of exp(s S_kj)."""
    share = np.exp(9 * SCORES) / np.exp(9 * SCORES).sum(axis=0)
    np.testing.assert_allclose(whole("inverted-softmax", scale=9.0), np.log(share))


def test_qb_norm_changes_only_queries_drawn_to_a_hub() -> None:
    """A query whose best item is the best of no bank query keeps its scores."""
    bank = np.random.default_rng(6).normal(size=(2, 4)) / 4
    adjusted = whole("qb-norm", scale=9.0, bank=Matrix(bank))
    hubs = set(bank.argmax(axis=1))
    drawn = np.array([SCORES[i].argmax() in hubs for i in range(7)])
    assert drawn.any()
    assert not drawn.all()
    np.testing.assert_array_equal(adjusted[~drawn], SCORES[~drawn])
    share = np.log(np.exp(9 * SCORES) / np.exp(9 * bank).sum(axis=0))
    np.testing.assert_allclose(adjusted[drawn], share[drawn])


@pytest.mark.parametrize("name", sorted(set(POSTS) - {"none"}))
def test_blocks_do_not_show(monkeypatch, name: str) -> None:
    """A few rows at a time give the metrics of the whole."""
    scores = np.random.default_rng(7).normal(size=(40, 40))
    wanted = evaluate(similarity=scores, post=name).as_json()
    monkeypatch.setattr("kb.retrieval.post.BLOCK", 100)
    monkeypatch.setattr("kb.retrieval.counting.BLOCK", 100)
    document = evaluate(similarity=scores, post=name).as_json()
    assert document["t2v"] == pytest.approx(wanted["t2v"])
    assert document["v2t"] == pytest.approx(wanted["v2t"])


def test_a_hub_that_draws_every_query_is_put_back() -> None:
    """One video that scores high for everything: R@1 rises once its share is divided."""
    scores = np.eye(20) * 0.5
    scores[:, 0] += 0.6
    plain = evaluate(similarity=scores).t2v.metrics["R@1"]
    assert plain == 5
    for name in ("inverted-softmax", "qb-norm"):
        assert evaluate(similarity=scores, post=name).t2v.metrics["R@1"] == 100


def test_a_bank_serves_the_captions_and_leaves_the_videos() -> None:
    """With a bank of other captions the videos' direction is unchanged, and the document says so."""
    scores = np.random.default_rng(8).normal(size=(9, 9))
    bank = np.random.default_rng(9).normal(size=(30, 9))
    document = evaluate(similarity=scores, post=Post("inverted-softmax", bank=bank)).as_json()
    assert document["v2t"] == evaluate(similarity=scores).as_json()["v2t"]
    assert document["post"]["directions"] == ["t2v"]
    assert document["post"]["queries_seen"] == "a bank of others"


BAD = {
    "name": ({"post": "magic"}, "choose one of none, dsl"),
    "scale": ({"post": Post("dsl", scale=0.0)}, "not above 0"),
    "items": ({"post": Post("dsl", bank=np.ones((2, 3)))}, "the bank scores 3 items"),
    "infinite": ({"post": Post("dsl", bank=np.full((2, 2), np.inf))}, "finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_adjusted_is_refused(case: str) -> None:
    """Unknown names, scales that are none and banks of another gallery."""
    arguments, message = BAD[case]
    with pytest.raises(KBError, match=message):
        evaluate(similarity=np.eye(2), **arguments)


def test_the_command_reports_what_it_did(tmp_path, capsys) -> None:
    """The name and the inverse temperature stand beside the numbers."""
    np.save(tmp_path / "s.npy", np.eye(3))
    np.save(tmp_path / "b.npy", np.ones((5, 3)))
    arguments = ["eval", "--similarity", str(tmp_path / "s.npy"), "--post", "qb-norm"]
    assert run([*arguments, "--bank", str(tmp_path / "b.npy"), "--scale", "5", "--json"]) == 0
    post = json.loads(capsys.readouterr().out)["post"]
    assert (post["name"], post["inverse_temperature"]) == ("qb-norm", 5)
    assert run(arguments) == 0
    assert "after qb-norm at inverse temperature 20" in capsys.readouterr().out
