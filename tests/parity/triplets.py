"""The triplet loss of the VSE++ line with every switch its released codes have."""

from torch import Tensor

from models.parts.losses import hinge_terms

DIRECTION = {"all": "both", "t2i": "t2v", "i2t": "v2t", "t2v": "t2v", "v2t": "v2t"}


def triplet(
    scores: Tensor,
    margin: float,
    direction: str = "both",
    *,
    hardest: bool = True,
    reduction: str = "sum",
) -> Tensor:
    """The loss of a table of captions x videos; `direction` is both, t2v or v2t."""
    by_caption, by_video = hinge_terms(scores, margin)
    if hardest:
        by_caption, by_video = by_caption.amax(1), by_video.amax(0)
    chosen = {"both": (by_caption, by_video), "t2v": (by_caption,), "v2t": (by_video,)}[direction]
    reduce = {"sum": Tensor.sum, "mean": Tensor.mean}[reduction]
    return sum(reduce(terms) for terms in chosen)
