"""Graded relevance and labels: nDCG under ties, and the official evaluators' own definitions."""

import json
from itertools import pairwise, permutations
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.retrieval import evaluate, graded, labels, official, proxies
from tests.retrieval import goldens

CELLS = st.lists(st.integers(0, 2), min_size=5, max_size=5)


def longhand(scores: list[int], gains: list[int]) -> list[float]:
    """NDCG of every order of the items that the scores allow."""
    ideal = sum(g / log2(i + 2) for i, g in enumerate(sorted(gains, reverse=True)))
    orders = permutations(range(len(scores)))
    allowed = [o for o in orders if all(scores[a] >= scores[b] for a, b in pairwise(o))]
    return [sum(gains[j] / log2(i + 2) for i, j in enumerate(o)) / ideal for o in allowed]


@settings(max_examples=40, deadline=None)
@given(CELLS, CELLS.filter(lambda gains: len(set(gains) - {0}) == 2))
def test_ndcg_is_the_mean_over_the_orders_that_ties_allow(scores, gains) -> None:
    """Expected nDCG is that mean; optimistic and pessimistic are its ends."""
    every = longhand(scores, gains)
    table, right = np.array([scores], float), np.array([gains], float)
    for ties, wanted in (
        ("expected", np.mean(every)),
        ("optimistic", max(every)),
        ("pessimistic", min(every)),
    ):
        found = evaluate(similarity=table, relevance=right, ties=ties)
        assert found.t2v.metrics["nDCG"] == pytest.approx(100 * wanted)


def test_ndcg_is_there_for_graded_relevance_only() -> None:
    """Right answers that are all equally right have no nDCG of their own."""
    assert "nDCG" not in evaluate(similarity=np.eye(3)).t2v.metrics
    found = evaluate(similarity=np.eye(3), relevance=[(0, 0, 1), (1, 1, 0.5), (2, 2, 1)])
    assert found.v2t.metrics["nDCG"] == pytest.approx(100)
    assert found.as_json()["units"]["nDCG"] == "percent"


@pytest.mark.parametrize("direction", ["t2v", "v2t"])
def test_semantic_retrieval_is_the_official_one(direction: str) -> None:
    """Mean nDCG and mAP of Wray et al., and nDCG of every query, NaN where theirs is."""
    cases = goldens.names("svr", direction)
    for path, case in cases:
        scores, gain = (goldens.read(path, f"in/{case}/{name}") for name in ("sim", "rel"))
        found = graded.as_wray(scores, gain)[direction]
        wanted = goldens.read(path, f"out/svr/{case}/{direction}")
        np.testing.assert_allclose([found["nDCG"], found["mAP"]], wanted, err_msg=case)
        turned = (scores, gain) if direction == "t2v" else (scores.T, gain.T)
        each = goldens.read(path, f"out/svr/{case}/{direction}_ndcg_q")
        np.testing.assert_allclose(graded.ndcg_of(*turned), each, err_msg=case)
    assert len(cases) >= 8


def parsed(path, name: str) -> list[list[str]]:
    """Words of each caption from a recorded JSON text."""
    return json.loads(str(goldens.read(path, name)))


@pytest.mark.parametrize("proxy", ["BoW", "PoS", "SYN", "SYN_nltk310", "SYN_classes"])
def test_proxies_are_the_official_ones(proxy: str) -> None:
    """Overlap of words, of verbs and nouns, of synsets and of classes, of every pair of captions."""
    for path, case in goldens.names("svr_proxy", proxy):
        tables = []
        for side in (1, 2):
            if proxy == "BoW":
                tables.append(parsed(path, f"in/{case}/non_stop_words{side}"))
                continue
            if proxy == "PoS":
                of = [parsed(path, f"in/{case}/parsed_{kind}{side}") for kind in ("verbs", "nouns")]
            else:
                kind = {"SYN": "syn{}", "SYN_nltk310": "syn{}_nltk310", "SYN_classes": "cls{}"}
                found = parsed(path, f"out/svr_proxy/{case}/{kind[proxy].format(side)}")
                of = [found["parsed_verb_classes"], found["parsed_noun_classes"]]
            tables.append([[[str(word) for word in row] for row in table] for table in of])
        first, second = tables
        ours = (
            proxies.overlap(first, second)
            if proxy == "BoW"
            else proxies.parts_of_speech((first[0], second[0]), (first[1], second[1]))
        )
        np.testing.assert_allclose(ours, goldens.read(path, f"out/svr_proxy/{case}/{proxy}"))


@pytest.mark.parametrize("proxy", ["BoW_self", "PoS_self", "SYN_self"])
def test_proxies_of_a_set_with_itself_are_the_official_ones(proxy: str) -> None:
    """Captions of one set among one another; two without a word are 0 even to themselves."""
    cases = goldens.names("svr_proxy", proxy)
    for path, case in cases:
        if proxy == "BoW_self":
            own = parsed(path, f"in/{case}/non_stop_words1")
            ours = proxies.overlap(own, own)
        elif proxy == "PoS_self":
            verbs, nouns = (parsed(path, f"in/{case}/parsed_{k}1") for k in ("verbs", "nouns"))
            ours = proxies.parts_of_speech((verbs, verbs), (nouns, nouns))
        else:
            found = parsed(path, f"out/svr_proxy/{case}/syn1")
            verbs, nouns = found["parsed_verb_classes"], found["parsed_noun_classes"]
            ours = proxies.parts_of_speech((verbs, verbs), (nouns, nouns))
        np.testing.assert_allclose(ours, goldens.read(path, f"out/svr_proxy/{case}/{proxy}"))
    assert cases


def test_words_are_cut_as_the_authors_cut_them() -> None:
    """At single blanks: a double blank is a word, and case is kept."""
    assert proxies.words(["The  dog", "a dog"], frozenset({"a", "the"})) == [
        ["The", "", "dog"],
        ["dog"],
    ]


def test_scorers_of_a_list_of_labels() -> None:
    """AP, P, RR, nDCG and DCG of Dual Encoding's scorers, with and without a cutoff."""
    cases = goldens.names("basic", "scores")
    for path, case in cases:
        given = goldens.read(path, f"in/{case}/labels")
        ours = [labels.average_precision(given, k) for k in (0, 1, 3, 10)]
        ours += [labels.precision(given, k) for k in (0, 1, 3, 10)]
        ours += [labels.reciprocal_rank(given)] * 2  # it reads no cutoff
        ours += [labels.ndcg(given, k) for k in (0, 5, 10)]
        ours += [labels.dcg(given, k) for k in (0, 5, 25)]
        np.testing.assert_allclose(
            ours, goldens.read(path, f"out/basic/{case}/scores"), rtol=1e-9, err_msg=case
        )
    assert len(cases) >= 11


def test_videos_with_several_labels() -> None:
    """Collaborative Experts' classification ranks and both of its mAPs."""
    cases = goldens.names("ce", "retrieval_as_classification_ranks")
    for path, case in cases:
        scores, right = (goldens.read(path, f"in/{case}/{name}") for name in ("sim", "labels"))
        recorded = {
            name: goldens.read(path, f"out/ce/{case}/{name}")
            for name in ("retrieval_as_classification_ranks", "ap_per_class", "mAP_challenge")
        }
        np.testing.assert_allclose(
            labels.label_ranks(scores, right > 0), recorded["retrieval_as_classification_ranks"]
        )
        each = labels.label_precision(scores, right > 0)
        np.testing.assert_allclose(each, recorded["ap_per_class"], rtol=1e-6)
        mean = goldens.read(path, f"out/ce/{case}/mean_average_precision")
        np.testing.assert_allclose([each.mean()], mean, rtol=1e-6)
        rank = labels.label_ranks(scores, right > 0)
        recall = [100 * official._within(rank, k).mean() for k in (1, 5, 10, 50)]
        ours = [*recall, np.median(rank), rank.mean(), np.cbrt(np.prod(recall[:3]))]
        summed = goldens.read(path, f"out/ce/{case}/retrieval_as_classification")
        np.testing.assert_allclose(ours, summed)
        turned = labels.label_precision(scores.T, right.T > 0)
        np.testing.assert_allclose([turned.mean()], recorded["mAP_challenge"], rtol=1e-6)
    assert len(cases) >= 2
