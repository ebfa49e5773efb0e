"""Inputs that came out wrong once: logits, half floats, small matrices, many right answers."""

import numpy as np
import pytest
import torch

from kb.cli import run
from kb.records.errors import KBError
from kb.retrieval import counting, evaluate
from kb.retrieval.counting import Matrix
from kb.retrieval.post import adjust

DRAWS = np.random.default_rng(4)


def test_dual_softmax_of_logits_neither_underflows_nor_ties() -> None:
    """Logits up to 30 at 100: the order of S * softmax by exact logarithms, negative scores last."""
    scores = DRAWS.normal(size=(30, 30)) * 12
    soft = 100 * scores - np.logaddexp.reduce(100 * scores, axis=0)
    adjusted = adjust(Matrix(scores), "dsl").rows(0, 30)
    for row in range(30):
        signs = np.sign(scores[row])
        keys = sorted(
            range(30),
            key=lambda j: (signs[j], signs[j] * (np.log(abs(scores[row, j])) + soft[row, j])),
        )
        assert np.argsort(adjusted[row], kind="stable").tolist() == keys
    assert evaluate(similarity=scores, post="dsl").as_json()["ties"] == 0


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_floats_of_torch_are_multiplied_as_single_ones(kind) -> None:
    """As numpy's are; products in half precision would tie."""
    text, video = (torch.tensor(DRAWS.normal(size=(50, 8))).to(kind) for _ in range(2))
    wanted = evaluate(text=text.float().numpy(), video=video.float().numpy()).as_json()
    assert evaluate(text=text, video=video).as_json() == wanted
    square = (text.float() @ video.float().T).to(kind)
    assert evaluate(similarity=square, post="dsl").as_json()["queries"] == 50


@pytest.mark.parametrize("size", [2, 3])
def test_an_identity_of_integers_is_a_matrix(size: int) -> None:
    """Of the shape of pairs too, and never read as them."""
    scores = np.eye(size)
    assert evaluate(similarity=scores, relevance=np.eye(size, dtype=int)).t2v.metrics["R@1"] == 100


def test_what_may_be_pairs_or_gains_is_refused() -> None:
    """An array; not a list of pairs, nor an array of pairs that names every caption in turn."""
    pairs = [(0, 0, 1), (1, 1, 1), (2, 2, 1)]
    with pytest.raises(KBError, match="may be pairs or a matrix of gains"):
        evaluate(similarity=np.eye(3), relevance=np.array([[2, 0, 1], [1, 2, 0], [0, 1, 2]]))
    assert evaluate(similarity=np.eye(3), relevance=np.array(pairs)).t2v.metrics["R@1"] == 100
    assert evaluate(similarity=np.eye(3), relevance=pairs).t2v.metrics["R@1"] == 100


def test_many_right_answers_are_counted_as_few_are(monkeypatch) -> None:
    """By one sort a row, ties included: the same counts as a pass for each answer."""
    scores = DRAWS.integers(0, 40, size=(60, 200)).astype(float)
    right = DRAWS.random((60, 200)) < 0.2
    right[:, 0] = True
    right[0] = True
    by_sort = evaluate(similarity=scores, relevance=right).as_json()
    monkeypatch.setattr(counting, "MANY", 1000)
    assert evaluate(similarity=scores, relevance=right).as_json() == by_sort


def test_options_beside_a_trec_run_are_refused(capsys) -> None:
    """Each by its name; nothing is ignored."""
    line = ["eval", "--trec-run", "r", "--qrels", "q", "--post", "dsl", "--ties", "pessimistic"]
    assert run([*line, "--captions", "c"]) == 2
    assert "--ties, --post, --captions cannot be used with --trec-run" in capsys.readouterr().err


def test_scores_of_items_in_another_order_are_not_fused(tmp_path, capsys) -> None:
    """The diagonal is right in both, so R@1 would be 100: off it they disagree."""
    scores = DRAWS.normal(size=(20, 20)) + 3 * np.eye(20)
    order = DRAWS.permutation(20)
    for name, table in (("a", scores), ("b", scores[order][:, order]), ("c", scores + 1)):
        np.save(tmp_path / f"{name}.npy", table)
    line = ["eval", "--similarity", str(tmp_path / "a.npy"), "--fuse"]
    assert run([*line, str(tmp_path / "b.npy")]) == 2
    assert "do not agree off the diagonal" in capsys.readouterr().err
    assert run([*line, str(tmp_path / "c.npy")]) == 0
