"""Every array that an official evaluator recorded, as ours computes it from the recorded inputs.

`OURS` names a function for each array, by evaluator and name; `NOT_HELD` names the arrays that no
function of ours gives, each with its reason. An array in neither fails tests/retrieval/test_goldens.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kb.retrieval import Relevance, evaluate, fusion, graded, labels, meteor, official, proxies
from kb.retrieval.counting import Matrix
from kb.retrieval.official_tie_rules import place
from tests.retrieval import goldens

CONVENTION = {
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
NOT_HELD = {  # beginning of a key, or its end after a `*` -> why
    "meta": "what the recording says of itself",
    "info/default_sort/": "what an unstable sort gave on the recorder's machine: no target",
    "*/syn1": "senses by WordNet and Lesk: given to ours, read as inputs of SYN",
    "*/syn2": "senses by WordNet and Lesk: given to ours, read as inputs of SYN",
    "*/syn1_nltk310": "senses by WordNet and Lesk: given to ours, read as inputs of SYN_nltk310",
    "*/syn2_nltk310": "senses by WordNet and Lesk: given to ours, read as inputs of SYN_nltk310",
    "*/cls1": "classes of lemmas by tables of the authors: given to ours, inputs of SYN_classes",
    "*/cls2": "classes of lemmas by tables of the authors: given to ours, inputs of SYN_classes",
    "*/video_ids": "the same as owner, in the official code's names",
    "*/caption_ids": "the same as owner, in the official code's names",
    "*/sim3d": "the same as sim and owner, padded for CLIP4Clip",
}


@dataclass(frozen=True)
class Asked:
    """One recorded array: where it lies, of which evaluator, case and name."""

    path: Path
    evaluator: str
    case: str
    what: str

    def input(self, name: str) -> np.ndarray:
        """An input of the case."""
        return goldens.read(self.path, f"in/{self.case}/{name}")

    def parsed(self, name: str) -> Any:
        """What a recorded JSON text says."""
        return json.loads(str(goldens.read(self.path, name)))

    @property
    def wanted(self) -> np.ndarray:
        """What the official code gave."""
        return goldens.read(self.path, f"out/{self.evaluator}/{self.case}/{self.what}")

    def arguments(self) -> tuple[Matrix, Relevance, np.ndarray | None]:
        """Scores, right answers and query mask of the case."""
        scores = self.input("sim")
        masked = goldens.has(self.path, f"in/{self.case}/query_masks")
        present = self.input("query_masks").ravel() != 0 if masked else None
        return Matrix(scores), Relevance.read(self.input("owner"), *scores.shape), present

    def side(self, direction: str, convention: str) -> official.Side:
        """One direction by a convention."""
        scores, right, present = self.arguments()
        return official.one_side(convention, scores, right, direction, present)


def numbers(one: Asked) -> list[float]:
    """R@K, medians, means, mAP, inverse ranks: the columns that the recording names."""
    fixed = "-fixed" if one.what.endswith("_fixed") else ""
    if one.case == "cootemb":
        side = getattr(from_embeddings(one), one.what)
    else:
        side = one.side(one.what[:3], CONVENTION[one.evaluator] + fixed)
    columns = one.parsed("meta")["columns"]
    names = columns[f"{one.evaluator}/{one.what}"]
    if one.evaluator == "c4c" and len(one.wanted) == len(columns["c4c/v2t"]):
        names = columns["c4c/v2t"]  # one caption a video goes through its other function
    return [side.metrics[COLUMNS[name]] for name in names[: len(one.wanted)]]


def ranks(one: Asked) -> np.ndarray:
    """Rank of every query, or of every tied place where these count one by one."""
    return one.side(one.what[:3], CONVENTION[one.evaluator]).rank


def from_embeddings(one: Asked) -> official.Official:
    """COOT ranks the products of two sets of embeddings."""
    return evaluate(text=one.input("par_emb"), video=one.input("vid_emb"), convention="coot")


def mean_of_firsts(one: Asked) -> list[float]:
    """COOT's `sum` of both R@1 is their mean."""
    evaluation = from_embeddings(one)
    return [(evaluation.t2v.metrics["R@1"] + evaluation.v2t.metrics["R@1"]) / 2]


def first_of_gallery(one: Asked) -> np.ndarray:
    """The item that stands first, ties and NaN and all."""
    scores = one.input("sim")
    scores = scores if one.what.startswith("t2v") else scores.T
    query, item = (each.ravel() for each in np.indices(scores.shape))
    first = place(Matrix(scores), query, item, nan="best").ranks("high") == 1
    return item[first]


def one_caption_at_a_time(one: Asked) -> list[float]:
    """Inverse rank with the k-th caption of every video as the gallery, for every k."""
    scores = one.input("sim")
    each = scores.shape[0] // scores.shape[1]
    parts = (scores[k::each] for k in range(each))
    sides = (evaluate(similarity=part, convention="dual-encoding").v2t for part in parts)
    return [side.metrics["InvRank"] for side in sides]


def pooled(one: Asked) -> np.ndarray:
    """CLIP4Clip: a video asks with the best of each other video's captions."""
    return official._pooled(Matrix(one.input("sim")), one.input("owner"))


def whole_ranks(one: Asked) -> np.ndarray:
    """MMT also lists floor(rank - 1)."""
    return np.floor(one.side(one.what[:3], "mmt").rank - 1)


def label_ranks(one: Asked) -> np.ndarray:
    """Collaborative Experts' retrieval as classification."""
    return labels.label_ranks(one.input("sim"), one.input("labels") > 0)


def classification(one: Asked) -> list[float]:
    """The same, summed up."""
    rank = label_ranks(one)
    recall = [100 * official._within(rank, k).mean() for k in (1, 5, 10, 50)]
    return [*recall, np.median(rank), rank.mean(), np.cbrt(np.prod(recall[:3]))]


def class_precision(one: Asked) -> np.ndarray:
    """Of each label over the videos; of each video over the labels where the challenge asks so."""
    scores, right = one.input("sim"), one.input("labels") > 0
    if one.what == "mAP_challenge":
        scores, right = scores.T, right.T
    each = labels.label_precision(scores, right)
    return each if one.what == "ap_per_class" else each.mean(keepdims=True)


def scorers(one: Asked) -> list[float]:
    """AP, P, RR, nDCG and DCG of a list of labels, with and without a cutoff."""
    relevant = one.input("labels")
    values = [labels.average_precision(relevant, k) for k in (0, 1, 3, 10)]
    values += [labels.precision(relevant, k) for k in (0, 1, 3, 10)]
    values += [labels.reciprocal_rank(relevant)] * 2  # it reads no cutoff
    values += [labels.ndcg(relevant, k) for k in (0, 5, 10)]
    return values + [labels.dcg(relevant, k) for k in (0, 5, 25)]


def semantic(one: Asked) -> list[float] | np.ndarray:
    """Wray et al.: mean nDCG and mAP, and of each query nDCG, DCG, its ideal and where it is cut."""
    scores, gain = one.input("sim"), one.input("rel")
    direction, _, part = one.what.partition("_")
    if not part:
        return list(graded.as_wray(scores, gain)[direction].values())
    turned = (scores, gain) if direction == "t2v" else (scores.T, gain.T)
    dcg, ideal = graded.dcg_of(*turned)
    each = {"ndcg_q": graded.ndcg_of(*turned), "dcg_q": dcg, "idcg_q": ideal}
    return each[part] if part in each else (turned[1] > 0).sum(axis=1)


def fused(one: Asked) -> np.ndarray:
    """Errors are scores with their sign turned."""
    errors = {name: one.input(name) for name in ("err1", "err2")}
    if one.what == "err_fused":
        return -fusion.fused(-errors["err1"], -errors["err2"])
    return -fusion.scaled(-errors[one.what.removesuffix("_normed")])


def proxy(one: Asked) -> np.ndarray:
    """Overlap of words, of verbs and nouns, of senses and of classes, of every pair of captions."""
    kind = one.what.removesuffix("_self")
    first, second = (_words(one, kind, side) for side in (1, 1 if one.what != kind else 2))
    if kind == "BoW":
        return proxies.overlap(first[0], second[0])
    return proxies.parts_of_speech((first[0], second[0]), (first[1], second[1]))


def _words(one: Asked, kind: str, side: int) -> list[list[list[str]]]:
    """Words of each caption of a side: all, or its verbs and its nouns."""
    if kind == "BoW":
        return [one.parsed(f"in/{one.case}/non_stop_words{side}")]
    if kind == "PoS":
        return [one.parsed(f"in/{one.case}/parsed_{of}{side}") for of in ("verbs", "nouns")]
    senses = {"SYN": "syn{}", "SYN_nltk310": "syn{}_nltk310", "SYN_classes": "cls{}"}[kind]
    parsed = one.parsed(f"out/svr_proxy/{one.case}/{senses.format(side)}")
    tables = (parsed[f"parsed_{of}_classes"] for of in ("verb", "noun"))
    return [[[str(word) for word in row] for row in table] for table in tables]


def by_meteor(one: Asked) -> np.ndarray:
    """METEOR by NLTK's stems and WordNet's synonyms of the recorded words, of tests/data."""
    kind = one.what.removesuffix("_self")
    known = json.loads(goldens.LEXICON.read_text())
    options = {
        "stem": lambda word: known["stems"].get(word, word),
        "synonyms": lambda word: known["synonyms"].get(word, ()),
        "edition": {"MET": "nltk-3.6.2", "MET_nltk310": "nltk-3.10"}[kind],
    }
    if one.case == "metpair":
        pairs = one.input("reference_hypothesis")
        return np.array([meteor.meteor(str(r), str(h), **options) for r, h in pairs])
    sides = [one.input(f"narration{side}") for side in (1, 1 if one.what != kind else 2)]
    first, second = ([str(text) for text in side] for side in sides)
    return meteor.meteors(first, second, **options)


_SIDES = ("t2v", "v2t")
_NUMBERS = ("", "_map", "_inv_rank", "_qry2retro", "_fixed")
OURS: dict[tuple[str, str], Callable[[Asked], Any]] = {
    **{(of, side + end): numbers for of in CONVENTION for side in _SIDES for end in _NUMBERS},
    **{(of, f"{side}_ranks"): ranks for of in CONVENTION for side in _SIDES},
    ("w2vvpp", "t2v_qry2retro_ranks"): ranks,
    ("coot", "sum_at_1"): mean_of_firsts,
    **{("coot", f"{side}_top1"): first_of_gallery for side in _SIDES},
    ("dual", "v2t_inv_rank_multi"): one_caption_at_a_time,
    ("c4c", "v2t_sim"): pooled,
    **{("mmt", f"{side}_cols_int"): whole_ranks for side in _SIDES},
    ("ce", "retrieval_as_classification_ranks"): label_ranks,
    ("ce", "retrieval_as_classification"): classification,
    **{("ce", f): class_precision for f in ("ap_per_class", "mean_average_precision")},
    ("ce", "mAP_challenge"): class_precision,
    ("basic", "scores"): scorers,
    **{
        ("svr", side + end): semantic
        for side in _SIDES
        for end in ("", "_ndcg_q", "_dcg_q", "_idcg_q", "_k")
    },
    **{("hybrid", name): fused for name in ("err1_normed", "err2_normed", "err_fused")},
    **{
        ("svr_proxy", name): proxy
        for name in ("BoW", "BoW_self", "PoS", "PoS_self", "SYN", "SYN_self", "SYN_nltk310")
    },
    ("svr_proxy", "SYN_classes"): proxy,
    **{("svr_proxy", name): by_meteor for name in ("MET", "MET_self", "MET_nltk310")},
}


def reason(key: str) -> str | None:
    """Why a key is not held; None where it should be."""
    return next((why for of, why in NOT_HELD.items() if _fits(key, of)), None)


def _fits(key: str, of: str) -> bool:
    return key.endswith(of[1:]) if of.startswith("*") else key.startswith(of)
