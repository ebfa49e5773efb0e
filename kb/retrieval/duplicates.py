"""Captions shared by several videos, which no text query can distinguish."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from kb.records.errors import KBError
from kb.retrieval.measures import CUTOFFS
from kb.retrieval.relevance import Relevance


def audit(captions: Sequence[str], right: Relevance) -> dict[str, Any]:
    """How many captions are shared by several videos, and the best R@K that this leaves, percent.

    Captions are the same when they differ only in case and blanks. For a caption shared by c videos,
    one right each, a model that ranks those c first meets R@K with probability K / c.
    """
    if len(captions) != right.captions:
        raise KBError(f"{len(captions)} captions, {right.captions} rows of scores")
    videos: dict[str, set[int]] = defaultdict(set)
    texts = [" ".join(caption.split()).casefold() for caption in captions]
    own: dict[int, set[int]] = defaultdict(set)
    for caption, video in zip(right.caption.tolist(), right.video.tolist(), strict=True):
        videos[texts[caption]].add(video)
        own[caption].add(video)
    others = [len(videos[texts[i]]) - len(own[i]) for i in range(len(captions))]
    shared = [texts[i] for i, wrong in enumerate(others) if wrong]
    return {
        "captions": len(captions),
        "distinct": len(set(texts)),
        "shared": len(shared),
        "videos": len(set().union(*(videos[text] for text in shared))),
        "ceiling": {
            f"R@{k}": 100
            * sum(_chance(k, wrong, len(own[i])) for i, wrong in enumerate(others))
            / len(captions)
            for k in CUTOFFS
        },
    }


def _chance(cutoff: int, wrong: int, right: int) -> float:
    """Probability that one of `right` items is among the first K of a shuffle with `wrong` others."""
    miss = 1.0
    for i in range(cutoff):
        left = max(wrong - i, 0)
        miss *= left / max(left + right, 1)
    return 1.0 - miss
