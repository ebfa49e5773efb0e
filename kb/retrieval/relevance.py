"""Which videos are right for which captions: pairs, with a gain."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kb.records.errors import KBError

Indices = NDArray[np.int64]
_WITH_GAIN = 3  # caption, video, gain


@dataclass(frozen=True)
class Relevance:
    """Right answers as (caption, video) pairs; every pair is right in both directions.

    Raises KBError for an index out of range, a pair named twice, a gain that is no positive number.
    """

    caption: Indices  # (pairs,)
    video: Indices  # (pairs,)
    gain: NDArray[np.float64]  # (pairs,), positive
    captions: int
    videos: int

    def __post_init__(self) -> None:
        for name, index, size in (
            ("caption", self.caption, self.captions),
            ("video", self.video, self.videos),
        ):
            outside = np.flatnonzero((index < 0) | (index >= size))
            if len(outside):
                pair = int(outside[0])
                raise KBError(
                    f"relevance pair {pair + 1} names {name} {int(index[pair])}",
                    hint=f"{name}s are numbered 0 to {size - 1}",
                )
        if not (np.isfinite(self.gain) & (self.gain > 0)).all():
            raise KBError("a gain is not a positive number", hint="leave wrong answers out")
        self._refuse_repeats()

    def _refuse_repeats(self) -> None:
        cells = self.caption * self.videos + self.video
        unique, count = np.unique(cells, return_counts=True)
        if len(unique) < len(cells):
            caption, video = divmod(int(unique[np.argmax(count)]), self.videos)
            raise KBError(f"caption {caption} and video {video} are paired more than once")

    @property
    def shape(self) -> tuple[int, int]:
        """(captions, videos)."""
        return self.captions, self.videos

    def pairs(self, direction: str) -> tuple[Indices, Indices]:
        """Queries and their right items, sorted by query: queries of `t2v` are captions."""
        query, item = (
            (self.caption, self.video) if direction == "t2v" else (self.video, self.caption)
        )
        order = np.argsort(query, kind="stable")
        return query[order], item[order]

    def gains(self, direction: str) -> NDArray[np.float64]:
        """Gain of every pair, in the order of `pairs`."""
        query = self.caption if direction == "t2v" else self.video
        return self.gain[np.argsort(query, kind="stable")]

    def clusters(self, family: Indices | None = None) -> tuple[Indices, Indices]:
        """(captions,) and (videos,) number of the cluster of each, from 0.

        A caption and its right videos are in one cluster, and so are videos of one `family`
        (videos,). Clusters with captions come first.
        """
        ends = [(self.caption, self.captions + self.video)]
        if family is not None:
            _, number = np.unique(family, return_inverse=True)
            video = self.captions + np.arange(self.videos)
            ends.append((video, self.captions + self.videos + number))
        start, end = (np.concatenate(nodes) for nodes in zip(*ends, strict=True))
        nodes = self.captions + 2 * self.videos
        links = coo_array((np.ones(len(start), bool), (start, end)), shape=(nodes, nodes))
        _, cluster = connected_components(links, directed=False)
        label = cluster.astype(np.int64)
        return label[: self.captions], label[self.captions : self.captions + self.videos]

    @property
    def graded(self) -> bool:
        """Whether right answers are right to different degrees."""
        return bool((self.gain != self.gain[0]).any()) if len(self.gain) else False

    @classmethod
    def read(cls, relevance: Any, captions: int, videos: int) -> "Relevance":
        """Pairs from any form of relevance that a caller may pass.

        None: caption i describes video i. One row of integers: the video of each caption. (n, 2) or
        (n, 3): pairs, with a gain in the third column. A Boolean matrix, or any of the shape
        (captions, videos): right where it is above zero, which is the gain.
        """
        if isinstance(relevance, cls):
            return cls(relevance.caption, relevance.video, relevance.gain, captions, videos)
        if relevance is None:
            return cls._diagonal(captions, videos)
        table = _array(relevance)
        if table.ndim == 1:
            return cls._owners(table, captions, videos)
        if _is_matrix(relevance, table, (captions, videos)):
            return cls._dense(table, captions, videos)
        is_pairs = table.ndim == 2 and table.shape[1] in (2, _WITH_GAIN)  # noqa: PLR2004  (a table)
        if table.dtype == bool or (table.shape == (captions, videos) and not is_pairs):
            return cls._dense(table, captions, videos)
        if not is_pairs:
            raise KBError(
                f"relevance has the shape {table.shape}",
                hint="pass (n, 2) or (n, 3) pairs caption, video[, gain], or the video per caption",
            )
        gain = table[:, 2] if table.shape[1] == _WITH_GAIN else np.ones(len(table))
        keep = gain != 0  # a gain of 0 says that the answer is wrong
        caption, video = _indices(table[:, 0]), _indices(table[:, 1])
        return cls(caption[keep], video[keep], gain[keep].astype(np.float64), captions, videos)

    @classmethod
    def _diagonal(cls, captions: int, videos: int) -> "Relevance":
        if captions != videos:
            raise KBError(
                f"{captions} captions and {videos} videos do not pair off one to one",
                hint="name the pairs: relevance= or --relevance",
            )
        index = np.arange(captions)
        return cls(index, index, np.ones(captions), captions, videos)

    @classmethod
    def _owners(cls, owner: NDArray[Any], captions: int, videos: int) -> "Relevance":
        if len(owner) != captions:
            raise KBError(f"relevance names the videos of {len(owner)} captions, not {captions}")
        return cls(np.arange(captions), _indices(owner), np.ones(captions), captions, videos)

    @classmethod
    def _dense(cls, table: NDArray[Any], captions: int, videos: int) -> "Relevance":
        if table.shape != (captions, videos):
            raise KBError(f"relevance is {table.shape}, the scores are {(captions, videos)}")
        caption, video = np.nonzero(table)
        return cls(caption, video, table[caption, video].astype(np.float64), captions, videos)


def _is_matrix(relevance: Any, table: NDArray[Any], shape: tuple[int, int]) -> bool:
    """Whether an array of integers is a matrix of relevance, in a gallery of two or three videos.

    There (captions, videos) is the shape of pairs too; a list is always of pairs. KBError where it
    could be either.
    """
    listed = isinstance(relevance, (list, tuple))
    if listed or table.dtype.kind not in "iu" or table.shape != shape or shape[1] > _WITH_GAIN:
        return False
    if (table < 0).any() or not (table > 0).any(axis=1).all():
        return False  # a caption without a right video: no matrix of relevance
    if table.max() > 1 and (table[:, 0] == np.arange(len(table))).all():
        return False  # pairs that name every caption in turn
    if table.max() > 1:
        what = f"relevance of shape {shape} may be pairs or a matrix of gains"
        raise KBError(what, hint="pass a list of pairs, or a matrix of Booleans or floats")
    return True


def _array(values: ArrayLike) -> NDArray[Any]:
    table = np.asarray(values.cpu() if hasattr(values, "cpu") else values)
    if table.dtype.kind not in "biuf":
        raise KBError("relevance does not hold numbers", hint="pass caption, video[, gain]")
    return table


def _indices(column: NDArray[Any]) -> Indices:
    """Whole numbers as indices."""
    if not (np.isfinite(column) & (column == np.floor(column))).all():
        raise KBError("an index in relevance is not a whole number")
    return column.astype(np.int64)
