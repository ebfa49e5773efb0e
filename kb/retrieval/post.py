"""Post-processing of scores at test time, reported by name with its numbers.

Each weighs a gallery item by how all queries score it. With the test queries themselves this looks
at the whole test set at once, which a single query could not; a bank of other queries does not.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import KBError
from kb.retrieval.counting import BLOCK, Array, Rows, numpy_of

_FLOAT = 600.0  # logarithm of products that a float holds in full
Values = NDArray[np.float64]
# name -> inverse temperature where none is given, as each paper has it
POSTS = {"none": 0.0, "dsl": 100.0, "inverted-softmax": 20.0, "qb-norm": 20.0}


@dataclass(frozen=True)
class Post:
    """A post-processing of both directions: its name, inverse temperature, and bank of captions."""

    name: str
    scale: float | None = None
    bank: Any = None  # scores (other captions, videos); the videos' direction is then left as it is

    def as_json(self) -> dict[str, Any]:
        """Name, temperature and queries seen, to report with the numbers."""
        return {
            "name": self.name,
            "inverse_temperature": POSTS.get(self.name) if self.scale is None else self.scale,
            "queries_seen": "all of the test set" if self.bank is None else "a bank of others",
            "directions": ["t2v", "v2t"] if self.bank is None else ["t2v"],
        }


@dataclass(frozen=True)
class Adjusted:
    """Scores (queries, items) after a post-processing, made a block of rows at a time."""

    scores: Rows
    name: str
    scale: float
    weight: Values  # (items,) log of the sum over the bank of exp(scale * score)
    hubs: NDArray[np.bool_]  # (items,) the best of some query of the bank

    @property
    def shape(self) -> tuple[int, int]:
        """(queries, items)."""
        return self.scores.shape

    def rows(self, start: int, stop: int) -> Array:
        """(stop - start, items) adjusted scores."""
        block = np.asarray(numpy_of(self.scores.rows(start, stop)), np.float64)
        soft = self.scale * block - self.weight
        if self.name == "dsl":
            return _product(block, soft)
        if self.name == "inverted-softmax":
            return soft
        # QB-Norm: only queries whose best item is a hub; the rest keep their order.
        return np.where(self.hubs[block.argmax(axis=1)][:, None], soft, block)


def adjust(scores: Rows, name: str, *, scale: float | None = None, bank: Any = None) -> Adjusted:
    """`scores` under the post-processing `name`; `bank` are scores (bank queries, items).

    dsl: dual softmax, S * softmax over queries (Cheng et al. 2021). inverted-softmax: Smith et al.
    2017, in logarithms. qb-norm: the dynamic inverted softmax of Bogolin et al. 2022. Without a bank
    the queries of the test set are the bank. Raises KBError for a name or scale that is none.
    """
    if name not in POSTS or name == "none":
        raise KBError(f"no post-processing {name!r}", hint=f"choose one of {', '.join(POSTS)}")
    scale = POSTS[name] if scale is None else scale
    if not 0 < scale < np.inf:
        raise KBError(f"the inverse temperature {scale} is not above 0")
    source = scores if bank is None else bank
    if source.shape[1] != scores.shape[1]:
        raise KBError(f"the bank scores {source.shape[1]} items, the gallery has {scores.shape[1]}")
    return Adjusted(scores, name, scale, *_bank(source, scale))


def _product(scores: Values, soft: Values) -> Values:
    """Scores ordered within a row as scores * exp(soft) are; the products where they fit a float.

    Logits of 30 at an inverse temperature of 100 give exp(-1000): then the order is by logarithms.
    """
    products = scores * np.exp(soft)
    nothing = scores == 0
    logs = np.log(np.abs(np.where(nothing, 1.0, scores))) + soft
    lost = ((np.abs(logs) > _FLOAT) & ~nothing).any(axis=1, keepdims=True)
    least = np.min(np.where(nothing, 0.0, logs), axis=1, keepdims=True)
    ordered = np.sign(scores) * (logs - least + 1)
    return np.asarray(np.where(lost, ordered, products))


def _bank(scores: Rows, scale: float) -> tuple[Values, NDArray[np.bool_]]:
    queries, items = scores.shape
    weight, hubs = np.full(items, -np.inf), np.zeros(items, bool)
    step = max(1, BLOCK // items)
    for start in range(0, queries, step):
        block = np.asarray(numpy_of(scores.rows(start, min(start + step, queries))), np.float64)
        if not np.isfinite(block).all():
            raise KBError("post-processing needs finite scores")
        hubs[block.argmax(axis=1)] = True
        most = np.maximum(weight, scale * block.max(axis=0))
        sums = np.exp(weight - most) + np.exp(scale * block - most).sum(axis=0)
        weight = most + np.log(sums)
    return weight, hubs
