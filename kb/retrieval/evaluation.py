"""`evaluate`: ranks and metrics of both directions."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from kb.records.errors import KBError
from kb.records.wording import counted
from kb.retrieval import bootstrap, measures
from kb.retrieval.counting import Array, Counts, Matrix, Product, Rows, Scores, count
from kb.retrieval.exact_ranks import count_both_directions, serves_one_pass
from kb.retrieval.graded import ndcg
from kb.retrieval.measures import CUTOFFS, TIES, Values
from kb.retrieval.official import Official, evaluate_as
from kb.retrieval.post import Post, adjust
from kb.retrieval.relevance import Indices, Relevance

UNITS = {
    "R@K": "percent",
    "mAP": "percent",
    "SumR": "percent",
    "nDCG": "percent",
    "MRR": "fraction",
    "MedR": "rank",
    "MnR": "rank",
}


@dataclass(frozen=True)
class Direction:
    """One direction: a value per query, and their means."""

    counts: Counts
    ties: str
    skipped: int  # queries without a right answer
    gain: Values | None = None  # (pairs,) where right answers are right to different degrees

    @cached_property
    def _blocks(self) -> measures.Ties:
        return measures.blocks(self.counts)

    @cached_property
    def best(self) -> measures.Best:
        """The best right answer of each query."""
        return measures.best(self.counts, self._blocks)

    @property
    def query(self) -> Indices:
        """(queries,) indices of the queries with a right answer."""
        return self.best.query

    @cached_property
    def rank(self) -> Values:
        """(queries,) rank of the best right answer, from 1."""
        return measures.ranks(self.best, self.ties)

    @cached_property
    def per_query(self) -> dict[str, Values]:
        """Metrics that are means over queries, a value per query."""
        values = {f"R@{k}": 100 * measures.hits(self.best, k, self.ties) for k in CUTOFFS}
        values["MnR"] = self.rank
        values["MRR"] = measures.reciprocal(self.best, self.ties)
        values["mAP"] = 100 * measures.average_precision(self.counts, self._blocks, self.ties)
        if self.gain is not None:
            values["nDCG"] = 100 * ndcg(self.counts, self.gain, self.ties)
        return values

    @property
    def tied(self) -> int:
        """Queries whose best right answer ties with a wrong one."""
        return int((self.best.tied_negatives > 0).sum())

    @cached_property
    def metrics(self) -> dict[str, float]:
        """R@1, R@5, R@10, MedR, MnR, MRR, mAP, and nDCG of graded relevance; units: `UNITS`."""
        means = {name: float(values.mean()) for name, values in self.per_query.items()}
        recalls = {f"R@{k}": means.pop(f"R@{k}") for k in CUTOFFS}
        return {**recalls, "MedR": float(np.median(self.rank)), **means}


@dataclass(frozen=True)
class Evaluation:
    """Both directions of one gallery."""

    t2v: Direction
    v2t: Direction
    relevance: Relevance
    post: Post | None = None

    @property
    def sum_r(self) -> float:
        """SumR: R@1, R@5 and R@10 of both directions, added."""
        both = (self.t2v.metrics, self.v2t.metrics)
        return sum(metrics[f"R@{k}"] for metrics in both for k in CUTOFFS)

    def intervals(
        self, *, family: Indices | None = None, samples: int = 1000, seed: int = 0
    ) -> dict[str, bootstrap.Bounds]:
        """95 % bootstrap intervals by direction and metric, and SumR's under `both`.

        Videos are resampled with all their captions, or whole families of videos: `family` is
        (videos,) integers. KBError where everything is one cluster (`Relevance.clusters`).
        """
        caption, video = self.relevance.clusters(family)
        if not caption.any():
            raise KBError(
                "all captions and videos are linked by relevance: one cluster gives no interval",
                hint="leave the bootstrap out",
            )
        sides = {"t2v": (self.t2v, caption), "v2t": (self.v2t, video)}
        directions = {
            name: bootstrap.Sample(side.per_query, side.rank, cluster[side.query])
            for name, (side, cluster) in sides.items()
        }
        return bootstrap.intervals(directions, samples=samples, seed=seed)

    def as_json(self) -> dict[str, Any]:
        """The document that `kb eval --json` prints."""
        post = {} if self.post is None else {"post": self.post.as_json()}
        return {
            "t2v": self.t2v.metrics,
            "v2t": self.v2t.metrics,
            "SumR": self.sum_r,
            "queries": self.relevance.captions,
            "gallery": self.relevance.videos,
            "ties": self.t2v.tied + self.v2t.tied,
            "tie_rule": self.t2v.ties,
            "videos_without_caption": self.v2t.skipped,
            "units": {name: UNITS[name] for name in ("R@K", "SumR", *list(self.t2v.metrics)[3:])},
            **post,
        }


@overload
def evaluate(
    *,
    similarity: Array | None = None,
    text: Array | None = None,
    video: Array | None = None,
    relevance: Any = None,
    ties: str = "expected",
    post: Post | str | None = None,
) -> Evaluation: ...


@overload
def evaluate(
    *,
    similarity: Array | None = None,
    text: Array | None = None,
    video: Array | None = None,
    relevance: Any = None,
    convention: str,
    present: Any = None,
) -> Official: ...


def evaluate(  # noqa: PLR0913  (scores come in two forms; every argument is named)
    *,
    similarity: Array | None = None,
    text: Array | None = None,
    video: Array | None = None,
    relevance: Any = None,
    ties: str = "expected",
    post: Post | str | None = None,
    convention: str | None = None,
    present: Any = None,
) -> Evaluation | Official:
    """Metrics of `similarity` (captions, videos), or of embeddings (captions, dim), (videos, dim).

    Embeddings are compared by inner product, a block at a time, so the full matrix is never in
    memory. Takes numpy arrays and torch tensors; `relevance` is what `Relevance.read` takes, the
    diagonal by default. Raises KBError for shapes that do not fit, NaN, a caption without a right video.

    `post` adjusts the scores of each direction first (`post.POSTS`); it is reported with the numbers.
    `convention` counts as the official evaluator of that model does, to compare with numbers
    published that way (`conventions.CONVENTIONS`); `present` (captions,) is then its query mask.
    """
    if ties not in TIES:
        raise KBError(f"ties {ties!r} is no rule", hint=f"choose one of {', '.join(TIES)}")
    scores = scores_of(similarity, text, video)
    captions, videos = scores.shape
    right = Relevance.read(relevance, captions, videos)
    if convention is not None:
        return evaluate_as(convention, scores, right, present)
    missing = np.flatnonzero(np.bincount(right.caption, minlength=captions) == 0)
    if len(missing):
        raise KBError(
            f"{counted(len(missing), 'caption')} without a right video, the first is caption {int(missing[0])}",
            hint="leave them out of the scores, or name their videos in relevance",
        )
    chosen = Post(post) if isinstance(post, str) else post
    if chosen is None or chosen.name == "none":
        return Evaluation(*_both(scores, scores.transposed, right, ties), right)
    back: Rows = scores.transposed
    if chosen.bank is None:
        back = adjust(scores.transposed, chosen.name, scale=chosen.scale)
        forth = adjust(scores, chosen.name, scale=chosen.scale)
    else:
        bank = Matrix(_table("bank", chosen.bank))
        forth = adjust(scores, chosen.name, scale=chosen.scale, bank=bank)
    return Evaluation(*_both(forth, back, right, ties), right, chosen)


def _both(forth: Rows, back: Rows, right: Relevance, ties: str) -> tuple[Direction, Direction]:
    if isinstance(forth, Product) and serves_one_pass(forth, right):
        counts = count_both_directions(forth, right)
    else:
        counts = count(forth, *right.pairs("t2v")), count(back, *right.pairs("v2t"))
    t2v, v2t = (
        Direction(
            direction_counts,
            ties,
            rows.shape[0] - len(np.unique(direction_counts.query)),
            right.gains(direction) if right.graded else None,
        )
        for rows, direction_counts, direction in (
            (forth, counts[0], "t2v"),
            (back, counts[1], "v2t"),
        )
    )
    return t2v, v2t


def scores_of(
    similarity: Array | None = None, text: Array | None = None, video: Array | None = None
) -> Scores:
    """A matrix of scores, or the products of two tables of embeddings; KBError for what is neither."""
    if similarity is not None and text is None and video is None:
        return Matrix(_table("similarity", similarity))
    if similarity is not None or text is None or video is None:
        raise KBError("pass similarity, or text and video, and not both")
    left, right = _table("text", text), _table("video", video)
    if left.shape[1] != right.shape[1]:
        raise KBError(
            f"text has {left.shape[1]} dimensions, video {right.shape[1]}",
            hint="both must lie in one space",
        )
    return Product(left, right)


def _table(name: str, values: Array) -> Array:
    """A two-dimensional table of real numbers, as it is or in the next wider kind of float."""
    table = values if hasattr(values, "detach") else np.asarray(values)
    if len(table.shape) != 2 or 0 in tuple(table.shape):  # noqa: PLR2004  (rows and columns)
        raise KBError(
            f"{name} has the shape {tuple(table.shape)}", hint="it must be a filled table"
        )
    if not isinstance(table, np.ndarray):
        if table.is_floating_point() and table.element_size() < 4:  # noqa: PLR2004  (bytes: numpy has no bfloat16)
            return table.detach().float()
        return table.detach() if table.is_floating_point() else table.detach().double()
    if table.dtype.kind not in "biuf":
        raise KBError(f"{name} holds {table.dtype}, not real numbers")
    if table.dtype.kind != "f":
        return table.astype(np.float64)
    return table.astype(np.float32) if table.dtype.itemsize < 4 and name != "similarity" else table  # noqa: PLR2004  (bytes)
