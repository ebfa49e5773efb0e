"""How official evaluators count, by name: the same scores give other numbers.

A convention sets how ties and NaN rank, which median it takes, how a video queries, and the unit.
It serves comparison with numbers published that way; our own rule is `evaluate`'s. The rules come
from each evaluator at a commit; tests compare them with vectors recorded from it.
"""

from dataclasses import dataclass

from kb.records.errors import KBError


@dataclass(frozen=True)
class RankRule:
    """How one direction ranks."""

    ties: str  # mean, low, high (of the index) or each (a tied place is an observation of its own)
    nan: str = "worst"
    unranked: str = "keep"  # a right answer that is NaN or infinite: keep, last, drop, refuse, or
    # refuse query: last, unless that leaves its query without a rank
    median: str = "plain"  # plain, floor (of the 0-based median) or lower (of the two middle ones)


@dataclass(frozen=True)
class Convention:
    """One official evaluator."""

    source: str  # repository @ commit, file
    one: tuple[RankRule, RankRule] | None  # t2v and v2t where caption i describes video i
    grouped: (
        tuple[RankRule, RankRule] | None
    )  # equally many captions per video, in the order of the videos
    any: tuple[RankRule, RankRule] | None  # captions of any number in any order
    metrics: tuple[str, ...]
    unit: float = 100.0  # of R@K
    pooled: bool = False  # v2t scores a video by the maximum over its captions
    lonely: str = "refuse"  # a video without caption: refuse, or past (rank: one past the last)


_RECALL = ("R@1", "R@5", "R@10")
_LOW, _HIGH = RankRule("low"), RankRule("high", "best", median="floor")
_LOW_FLOOR = RankRule("low", median="floor")
_EACH = RankRule("each", unranked="drop")
_AVERAGED = (RankRule("mean", unranked="refuse"), RankRule("mean", unranked="last"))
_AVERAGED_OR_REFUSED = (_AVERAGED[0], RankRule("mean", unranked="refuse query"))
_AVERAGED_METRICS = (*_RECALL, "R@50", "MedR", "MnR", "GeoR")
_HOWTO = (_EACH, _EACH)

_CE = Convention(
    "albanie/collaborative-experts @ 7eb3b9d model/metric.py",
    _AVERAGED,
    _AVERAGED,
    None,
    _AVERAGED_METRICS,
)
_MMT = Convention(
    "gabeur/mmt @ 8f53717 model/metric.py",
    _AVERAGED_OR_REFUSED,
    _AVERAGED_OR_REFUSED,
    None,
    _AVERAGED_METRICS,
)
_CLIP4CLIP = Convention(
    "ArrowLuo/CLIP4Clip @ 508ffa3 metrics.py",
    _HOWTO,
    (RankRule("low", "best", "drop", "lower"), _EACH),
    (RankRule("low", "best", "drop", "lower"), _EACH),
    (*_RECALL, "MedR", "MnR", "StdR"),
    pooled=True,
)
_HOWTO100M = Convention(
    "antoine77340/howto100m @ 50af0ff metrics.py",
    _HOWTO,
    None,
    None,
    (*_RECALL, "MedR"),
    unit=1.0,
)
_COOT = Convention(
    "gingsi/coot-videotext @ 14ae4ac nntrainer/retrieval.py",
    (_HIGH, _HIGH),
    None,
    None,
    (*_RECALL, "R@50", "MedR", "MnR", "R@1+5+50"),
    unit=1.0,
)
_DUAL = Convention(
    "danieljf24/dual_encoding @ c0aaf60 evaluation.py",
    (_LOW_FLOOR, _LOW_FLOOR),
    (_LOW_FLOOR, _LOW_FLOOR),
    (_HIGH, _HIGH),
    (*_RECALL, "MedR", "MnR", "mAP", "InvRank"),
)
_HYBRID = Convention(
    "danieljf24/hybrid_space @ b934eff util/metrics.py",
    (_LOW, _LOW),
    (_LOW, _LOW),
    (_LOW, _LOW),
    (*_RECALL, "MedR", "MnR", "mAP", "InvRank"),
    lonely="past",
)
_HYBRID_FIXED = Convention(
    "danieljf24/hybrid_space @ b934eff util/metrics.py, the functions of a fixed number of captions",
    (_LOW_FLOOR, _LOW_FLOOR),
    (_LOW_FLOOR, _LOW_FLOOR),
    None,
    (*_RECALL, "MedR", "MnR"),
)
_W2VVPP = Convention(
    "li-xirong/w2vvpp @ 51d96e6 evaluation.py",
    (_HIGH, _HIGH),
    (_HIGH, _HIGH),
    (_HIGH, _HIGH),
    (*_RECALL, "MedR", "MnR", "MRR", "mAP"),
)

CONVENTIONS = {
    "clip4clip": _CLIP4CLIP,
    "collaborative-experts": _CE,
    "coot": _COOT,
    "dual-encoding": _DUAL,
    "dual-encoding-hybrid": _HYBRID,
    "dual-encoding-hybrid-fixed": _HYBRID_FIXED,
    "howto100m": _HOWTO100M,
    "mil-nce": _HOWTO100M,
    "mmt": _MMT,
    "sea": _W2VVPP,
    "univl": _HOWTO100M,
    "w2vvpp": _W2VVPP,
}


def named(name: str) -> Convention:
    """The convention of this name, the model's. Raises KBError for an unknown one."""
    if name not in CONVENTIONS:
        raise KBError(f"no convention {name!r}", hint=f"choose one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]
