"""Ranks and metrics against a longhand that sorts, and against what must hold whatever the scores."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.records.errors import KBError
from kb.retrieval import Relevance, evaluate, exact_ranks
from kb.retrieval.counting import Product, count
from kb.retrieval.evaluation import Evaluation


def longhand(scores, right):
    """Metrics of one query as the mean over every order of its gallery that the scores allow."""
    totals = []
    for order in permutations(range(len(scores))):
        ranked = [scores[i] for i in order]
        if any(a < b for a, b in pairwise(ranked)):
            continue
        places = sorted(place for place, item in enumerate(order, 1) if item in right)
        precision = [(k / place) for k, place in enumerate(places, 1)]
        row = [100.0 * (places[0] <= k) for k in (1, 5, 10)]
        totals.append([*row, places[0], 1 / places[0], 100 * sum(precision) / len(places)])
    return np.mean(totals, axis=0), np.min(totals, axis=0), np.max(totals, axis=0)


def values(direction) -> np.ndarray:
    """(queries, 6) the same columns as the longhand's."""
    names = ("R@1", "R@5", "R@10", "MnR", "MRR", "mAP")
    return np.stack([direction.per_query[name] for name in names], axis=1)


@st.composite
def galleries(draw):
    """Scores with many ties, and pairs that give every caption a right video."""
    captions, videos = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    cell = st.integers(-1, 2).map(float)
    scores = draw(
        st.lists(
            st.lists(cell, min_size=videos, max_size=videos), min_size=captions, max_size=captions
        )
    )
    right = [draw(st.sets(st.integers(0, videos - 1), min_size=1)) for _ in range(captions)]
    pairs = [(i, j) for i, js in enumerate(right) for j in sorted(js)]
    return np.array(scores), draw(st.permutations(pairs))


@settings(max_examples=60, deadline=None)
@given(galleries())
def test_expected_is_the_mean_over_all_orders_of_tied_items(gallery) -> None:
    """Every metric of every query is its mean over the orders that the scores allow, both ways."""
    scores, pairs = gallery
    evaluation = evaluate(similarity=scores, relevance=pairs)
    _compare(evaluation, scores, pairs, which=0)


@settings(max_examples=30, deadline=None)
@given(galleries())
def test_optimistic_and_pessimistic_are_the_ends(gallery) -> None:
    """Optimistic ties give the best order that the scores allow, pessimistic ties the worst."""
    scores, pairs = gallery
    columns = [0, 1, 2, 4, 5]  # larger is better; the rank itself is the other way round
    for mode, which, rank in (("optimistic", 2, 1), ("pessimistic", 1, 2)):
        evaluation = evaluate(similarity=scores, relevance=pairs, ties=mode)
        _compare(evaluation, scores, pairs, which=which, columns=columns)
        _compare(evaluation, scores, pairs, which=rank, columns=[3])


def _compare(evaluation: Evaluation, scores, pairs, *, which: int, columns=slice(None)) -> None:
    for direction, table, ask in (
        (evaluation.t2v, scores, [(i, j) for i, j in pairs]),
        (evaluation.v2t, scores.T, [(j, i) for i, j in pairs]),
    ):
        got = values(direction)
        for row, query in zip(got, direction.query, strict=True):
            right = {item for q, item in ask if q == query}
            wanted = longhand(list(table[query]), right)[which]
            np.testing.assert_allclose(row[columns], wanted[columns], rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(galleries(), st.randoms(use_true_random=False))
def test_order_of_captions_and_videos_is_no_matter(gallery, random) -> None:
    """Renumbering captions and videos changes no metric."""
    scores, pairs = gallery
    rows, columns = list(range(scores.shape[0])), list(range(scores.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    moved = [(rows.index(i), columns.index(j)) for i, j in pairs]
    before = evaluate(similarity=scores, relevance=pairs).as_json()
    after = evaluate(similarity=scores[rows][:, columns], relevance=moved).as_json()
    for direction in ("t2v", "v2t"):
        assert after[direction] == pytest.approx(before[direction])


@settings(max_examples=30, deadline=None)
@given(galleries())
def test_a_rising_map_of_the_scores_changes_nothing(gallery) -> None:
    """Metrics depend on the order of scores only."""
    scores, pairs = gallery
    plain = evaluate(similarity=scores, relevance=pairs).as_json()
    bent = evaluate(similarity=np.exp(scores) * 3 - 7, relevance=pairs).as_json()
    assert plain == bent


def test_constant_scores_are_chance() -> None:
    """A model that scores everything alike gets k / n at R@k and (n + 1) / 2 as mean rank."""
    metrics = evaluate(similarity=np.full((40, 40), 0.25)).t2v.metrics
    assert metrics["R@1"] == pytest.approx(100 / 40)
    assert metrics["R@10"] == pytest.approx(1000 / 40)
    assert metrics["MnR"] == metrics["MedR"] == 20.5


def test_embeddings_in_blocks_equal_the_whole_matrix(monkeypatch) -> None:
    """A block of a few rows at a time gives what the whole matrix gives."""
    rng = np.random.default_rng(1)
    text, video = rng.integers(-3, 4, (60, 8)), rng.integers(-3, 4, (12, 8))
    owner = rng.integers(0, 12, 60)
    whole = evaluate(similarity=text @ video.T, relevance=owner).as_json()
    monkeypatch.setattr("kb.retrieval.counting.BLOCK", 100)
    assert evaluate(text=text, video=video, relevance=owner).as_json() == whole


RIGHT = {
    "one each": lambda rng: rng.permutation(np.arange(300) % 40),
    "several each way": lambda rng: np.argwhere(rng.random((300, 40)) < 0.1),
    "in any order": lambda rng: rng.integers(0, 40, 300),
}


@pytest.mark.parametrize("spread", [1, 1000])
@pytest.mark.parametrize("right", RIGHT)
def test_one_pass_over_tiles_counts_what_two_passes_count(monkeypatch, right, spread) -> None:
    """Both directions from the same tiles, ties and all: the counts of a pass for each direction."""
    rng = np.random.default_rng(3)
    text = rng.integers(-spread, spread + 1, (300, 6)).astype(np.float32)
    video = rng.integers(-spread, spread + 1, (40, 6)).astype(np.float32)
    pairs = Relevance.read(RIGHT[right](rng), 300, 40)
    product = Product(text, video)
    monkeypatch.setattr(exact_ranks, "ROWS", 64)
    monkeypatch.setattr(exact_ranks, "COLUMNS", 16)
    monkeypatch.setattr(exact_ranks, "SEVERAL", 300)
    assert exact_ranks.serves_one_pass(product, pairs)
    swept = exact_ranks.count_both_directions(product, pairs)
    for counts, scores, direction in (
        (swept[0], product, "t2v"),
        (swept[1], product.transposed, "v2t"),
    ):
        wanted = count(scores, *pairs.pairs(direction))
        np.testing.assert_array_equal(counts.query, wanted.query)
        np.testing.assert_array_equal(counts.above, wanted.above)
        np.testing.assert_array_equal(counts.equal, wanted.equal)


def test_scores_that_a_tile_rounds_otherwise_are_taken_from_the_tile(monkeypatch) -> None:
    """Scores computed ahead that are off by a bit cost a second pass, not a wrong count."""
    rng = np.random.default_rng(4)
    text = rng.normal(size=(90, 8)).astype(np.float32)
    pairs = Relevance.read(None, 90, 90)
    wanted = exact_ranks.count_both_directions(Product(text, text), pairs)
    plain = exact_ranks._Pairs.ahead
    monkeypatch.setattr(exact_ranks._Pairs, "ahead", lambda *own: np.nextafter(plain(*own), np.inf))
    counts = exact_ranks.count_both_directions(Product(text, text), pairs)
    for ours, theirs in zip(counts, wanted, strict=True):
        np.testing.assert_array_equal(ours.above, theirs.above)
        np.testing.assert_array_equal(ours.equal, theirs.equal)
        assert ours.equal.min() == 1


def test_without_a_compiler_each_direction_has_a_pass_of_its_own(monkeypatch) -> None:
    """A machine without numba, as lent GPUs are, finds the same numbers."""
    rng = np.random.default_rng(6)
    text, video = rng.normal(size=(90, 8)).astype("f"), rng.normal(size=(9, 8)).astype("f")
    document = evaluate(text=text, video=video, relevance=np.arange(90) // 10).as_json()
    monkeypatch.setattr(exact_ranks, "find_spec", lambda _name: None)
    assert not exact_ranks.serves_one_pass(
        Product(text, video), Relevance.read(np.arange(90) // 10, 90, 9)
    )
    assert evaluate(text=text, video=video, relevance=np.arange(90) // 10).as_json() == document


def test_a_collapsed_model_stands_at_chance_from_embeddings() -> None:
    """Embeddings that are all one vector tie everywhere, in every tile.

    Sums of 0.25 are exact in whatever order they are added: of 0.09 some processors' libraries give
    two, a last bit apart, within one product.
    """
    text = np.full((700, 16), 0.5, np.float32)
    evaluation = evaluate(text=text, video=text[:70], relevance=np.arange(700) % 70)
    assert evaluation.t2v.metrics["R@1"] == pytest.approx(100 / 70)
    assert evaluation.t2v.metrics["MnR"] == pytest.approx(35.5)


def test_embeddings_without_a_finite_product_are_refused() -> None:
    """NaN in an embedding is NaN in its scores, and is told as such."""
    text = np.eye(4, dtype=np.float32)
    text[2, 1] = np.nan
    with pytest.raises(KBError, match="NaN"):
        evaluate(text=text, video=np.eye(4, dtype=np.float32))


def test_torch_gives_what_numpy_gives() -> None:
    """Tensors are read in place, with several right answers, ties and gradients attached."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 9, (50, 20)).astype(np.float32)
    owner = rng.integers(0, 20, 50)
    tensor = torch.tensor(scores, requires_grad=True)
    wanted = evaluate(similarity=scores, relevance=owner).as_json()
    assert evaluate(similarity=tensor, relevance=torch.tensor(owner)).as_json() == wanted


def test_a_video_without_caption_is_skipped_and_counted() -> None:
    """Video 2 has no caption: it stays in the gallery, asks nothing, and is reported."""
    evaluation = evaluate(similarity=np.eye(2, 3), relevance=[0, 1])
    assert list(evaluation.v2t.query) == [0, 1]
    assert evaluation.as_json()["videos_without_caption"] == 1


def test_gain_zero_is_a_wrong_answer() -> None:
    """A pair with gain 0 counts as not relevant."""
    scores = np.array([[0.1, 0.9], [0.2, 0.8]])
    with_zero = evaluate(similarity=scores, relevance=[(0, 0, 2), (0, 1, 0), (1, 1, 2)])
    assert with_zero.as_json() == evaluate(similarity=scores).as_json()


BAD = {
    "NaN": ({"similarity": [[0.0, float("nan")], [0.0, 1.0]]}, "1 scores are NaN.* row 0"),
    "-inf at a right answer": ({"similarity": [[-np.inf, 0.0], [0.0, 1.0]]}, "-inf"),
    "no diagonal": ({"similarity": np.ones((2, 3))}, "2 captions and 3 videos"),
    "empty": ({"similarity": np.ones((0, 3))}, "shape"),
    "one axis": ({"similarity": np.ones(3)}, "shape"),
    "words": ({"similarity": [["a"]]}, "real numbers"),
    "complex": ({"similarity": [[1j]]}, "real numbers"),
    "dimensions": ({"text": np.ones((2, 3)), "video": np.ones((2, 4))}, "3 dimensions, video 4"),
    "half": ({"text": np.ones((2, 3))}, "text and video"),
    "both": ({"similarity": np.ones((2, 2)), "text": np.ones((2, 3))}, "not both"),
    "index": ({"similarity": np.eye(2), "relevance": [(0, 0), (1, 5)]}, "pair 2 names video 5"),
    "negative": ({"similarity": np.eye(2), "relevance": [(0, 0), (-1, 1)]}, "caption -1"),
    "twice": ({"similarity": np.eye(2), "relevance": [(0, 0), (1, 1), (0, 0)]}, "more than once"),
    "fraction": ({"similarity": np.eye(2), "relevance": [(0, 0.5), (1, 1)]}, "whole number"),
    "gain": ({"similarity": np.eye(2), "relevance": [(0, 0, -1), (1, 1, 1)]}, "gain"),
    "uncovered": ({"similarity": np.eye(2), "relevance": [(0, 0)]}, "1 caption without a right"),
    "owners": ({"similarity": np.eye(2), "relevance": [0]}, "1 captions, not 2"),
    "ties": ({"similarity": np.eye(2), "ties": "lucky"}, "expected, optimistic"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_ranked_is_refused(case: str) -> None:
    """Scores and relevance that have no honest rank raise one clear line."""
    arguments, message = BAD[case]
    with pytest.raises(KBError, match=message):
        evaluate(**arguments)


def test_minus_infinity_masks_wrong_answers() -> None:
    """-inf at wrong answers is a gallery item that cannot be chosen."""
    scores = np.full((3, 3), -np.inf)
    np.fill_diagonal(scores, 0.0)
    assert evaluate(similarity=scores).t2v.metrics["R@1"] == 100
