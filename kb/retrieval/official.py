"""Metrics of a similarity matrix as a named official evaluator computes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import KBError
from kb.retrieval.conventions import Convention, RankRule, named
from kb.retrieval.counting import Matrix, Scores, numpy_of
from kb.retrieval.official_tie_rules import Places, Values, place
from kb.retrieval.relevance import Indices, Relevance

ABSENT = -1e8  # the score of a caption that a mask leaves out


@dataclass(frozen=True)
class Side:
    """One direction."""

    metrics: dict[str, float]
    rank: Values  # (observations,) from 1
    query: Indices  # (observations,) query of each rank


@dataclass(frozen=True)
class Official:
    """Both directions, as the evaluator of `convention` counts them."""

    convention: str
    source: str
    t2v: Side
    v2t: Side
    captions: int
    videos: int

    def as_json(self) -> dict[str, Any]:
        """The document that `kb eval --convention NAME --json` prints."""
        sides = {"t2v": self.t2v.metrics, "v2t": self.v2t.metrics}
        recalls = [side[f"R@{k}"] for side in sides.values() for k in (1, 5, 10)]
        return {
            **sides,
            "SumR": sum(recalls),
            "queries": self.captions,
            "gallery": self.videos,
            "convention": self.convention,
            "source": self.source,
            "unit": "percent" if named(self.convention).unit > 1 else "fraction",
        }


def evaluate_as(
    name: str, scores: Scores, right: Relevance, present: NDArray[np.bool_] | None = None
) -> Official:
    """Both directions by the convention `name`; `present` (captions,) marks the captions that exist.

    Raises KBError for what the evaluator does not handle: relevance of a form it does not know, a
    right answer without a rank, a video without caption.
    """
    t2v = one_side(name, scores, right, "t2v", present)
    v2t = one_side(name, scores, right, "v2t", present)
    return Official(name, named(name).source, t2v, v2t, *scores.shape)


def one_side(
    name: str,
    scores: Scores,
    right: Relevance,
    direction: str,
    present: NDArray[np.bool_] | None = None,
) -> Side:
    """One direction, `t2v` or `v2t`, where the evaluator cannot rank the other."""
    convention = named(name)
    owner = _owners(name, right)
    t2v, v2t = _rules(name, convention, owner, right.videos)
    keep = np.ones(len(owner), bool) if present is None else np.asarray(present, bool)
    if not keep.all() and name not in {"collaborative-experts", "mmt"}:
        raise KBError(f"{name} knows no absent captions", hint="leave them out of the scores")
    if direction == "v2t":
        return _video_to_text(convention, v2t, scores, owner, keep)
    caption = np.flatnonzero(keep)
    return _side(convention, t2v, scores, caption, owner[caption])


def _owners(name: str, right: Relevance) -> Indices:
    """The one video of each caption."""
    if not np.array_equal(np.sort(right.caption), np.arange(right.captions)):
        raise KBError(f"{name} knows one right video for each caption, and no more")
    return right.video[np.argsort(right.caption)]


def _rules(
    name: str, convention: Convention, owner: Indices, videos: int
) -> tuple[RankRule, RankRule]:
    each = len(owner) // videos
    grouped = len(owner) == each * videos and np.array_equal(owner, np.arange(len(owner)) // each)
    rules = convention.any
    if grouped:
        rules = convention.one if each == 1 else convention.grouped
    if rules is None:
        raise KBError(
            f"{name} does not evaluate captions in this number and order",
            hint="equally many per video, in the order of the videos"
            if convention.grouped
            else "one caption per video, caption i for video i",
        )
    return rules


def _video_to_text(
    convention: Convention, rule: RankRule, scores: Scores, owner: Indices, keep: NDArray[np.bool_]
) -> Side:
    captions, videos = scores.shape
    lonely = np.bincount(owner[keep], minlength=videos) == 0
    if lonely.any() and convention.lonely == "refuse":
        raise KBError(
            f"video {int(np.argmax(lonely))} has no caption, which this evaluator cannot rank"
        )
    if convention.pooled and captions != videos:
        everyone = np.arange(videos)
        return _side(convention, rule, Matrix(_pooled(scores, owner)), everyone, everyone)
    v2t_scores = scores.transposed
    if not keep.all():
        table = np.array(numpy_of(v2t_scores.rows(0, videos)), np.float64)
        table[:, ~keep] = ABSENT
        v2t_scores = Matrix(table)
    caption = np.flatnonzero(keep)
    order = caption[np.argsort(owner[caption], kind="stable")]
    side = _side(convention, rule, v2t_scores, owner[order], order)
    return _past(convention, side, np.flatnonzero(lonely), captions) if lonely.any() else side


def _pooled(scores: Scores, owner: Indices) -> Values:
    """(videos that ask, videos that own): the best score of the captions of each video."""
    captions, videos = scores.shape
    table = np.array(numpy_of(scores.rows(0, captions)), np.float64)
    table[np.isnan(table)] = -np.inf
    best = np.full((videos, videos), -np.inf)
    np.maximum.at(best, owner, table)
    return best.T


def _side(
    convention: Convention, rule: RankRule, scores: Scores, query: Indices, item: Indices
) -> Side:
    """Metrics of the best right answer of each query, `query` ascending."""
    places = place(scores, query, item, nan=rule.nan)
    infinite = ~np.isfinite(places.score)
    if rule.ties == "each":
        owner, rank = _observations(places, infinite)
        return Side(_metrics(convention, rule, rank, [rank]), rank, owner)
    ranks = places.ranks(rule.ties)
    if rule.unranked in {"last", "refuse query"}:
        ranks[infinite] = np.inf
    elif rule.unranked == "drop":
        query, ranks = query[~infinite], ranks[~infinite]
    elif rule.unranked == "refuse" and infinite.any():
        raise KBError(f"{int(infinite.sum())} right answers score NaN or infinity")
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    of_query = np.split(ranks, starts[1:])
    best = np.array([each.min() for each in of_query if len(each)])
    if rule.unranked == "refuse query" and not np.isfinite(best).all():
        raise KBError("a query has right answers that all score NaN or infinity")
    return Side(_metrics(convention, rule, best, of_query), best, query[starts])


def _observations(places: Places, infinite: NDArray[np.bool_]) -> tuple[Indices, Values]:
    """Every place of a tie block, as an observation of its query; none where there is no rank."""
    equal = np.where(infinite, 0, places.equal)
    above = np.repeat(places.above, equal)
    turn = np.arange(len(above)) - np.repeat(np.cumsum(equal) - equal, equal)
    return np.repeat(places.query, equal), (above + turn + 1).astype(np.float64)


def _past(convention: Convention, side: Side, lonely: Indices, items: int) -> Side:
    """Rank queries without a right answer one past the last item; their precision is 0."""
    query = np.append(side.query, lonely)
    order = np.argsort(query, kind="stable")
    rank = np.append(side.rank, np.full(len(lonely), items + 1.0))[order]
    ours = _metrics(convention, RankRule("low"), rank, [rank])
    share = len(side.query) / len(query)
    sums = {name: share * side.metrics[name] for name in ("mAP", "InvRank") if name in ours}
    return Side(ours | sums, rank, query[order])


def _metrics(
    convention: Convention, rule: RankRule, rank: Values, of_query: list[Values]
) -> dict[str, float]:
    """The metrics that the convention names."""
    if not len(rank):
        raise KBError("no query has a right answer with a rank")
    recall = {k: convention.unit * float(_within(rank, k).mean()) for k in (1, 5, 10, 50)}
    known = {f"R@{k}": value for k, value in recall.items()} | {
        "MedR": _median(rank, rule.median),
        "MnR": float(rank.mean()),
        "StdR": float(rank.std()) if np.isfinite(rank).all() else float("nan"),
        "GeoR": float(np.cbrt(recall[1] * recall[5] * recall[10])),
        "R@1+5+50": recall[1] + recall[5] + recall[50],
        "MRR": float((1 / rank).mean()),
        "mAP": float(np.mean([_precision(ranks) for ranks in of_query])),
        "InvRank": float(np.mean([(1 / ranks).sum() for ranks in of_query])),
    }
    return {name: known[name] for name in convention.metrics}


def _within(rank: Values, cutoff: int) -> NDArray[np.bool_]:
    """Among the first K: on a mean rank c counted from 0, c == 0 for K = 1 and c < K otherwise."""
    return rank == 1 if cutoff == 1 else rank - 1 < cutoff


def _median(rank: Values, kind: str) -> float:
    if kind == "lower":
        return float(np.sort(rank)[(len(rank) - 1) // 2])
    plain = float(np.median(rank))
    return float(np.floor(plain)) if kind == "floor" else plain


def _precision(ranks: Values) -> float:
    """Mean precision at the right answers of one query."""
    return float((np.arange(1, len(ranks) + 1) / np.sort(ranks)).mean())
