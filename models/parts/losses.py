"""Terms of ranking losses, of a batch in which caption i describes video i.

How terms are reduced (sum or mean, of one direction or both) is each paper's own line. Scores are
laid out captions x videos.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from models.parts.pooling import masked_logsumexp


def hinge_terms(
    scores: Float[Tensor, "b b"], margin: float
) -> tuple[Float[Tensor, "b b"], Float[Tensor, "b b"]]:
    """Hinge terms max(0, margin + negative - positive), their diagonal set to zero.

    Returns (by caption, by video), both laid out as the scores are, captions x videos: row i of
    the first holds caption i against wrong videos, column j of the second video j against wrong
    captions.
    """
    positive = scores.diagonal()
    wrong = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    by_caption = (margin + scores - positive[:, None]).clamp(min=0) * wrong
    by_video = (margin + scores - positive[None, :]).clamp(min=0) * wrong
    return by_caption, by_video


def hardest(
    by_caption: Float[Tensor, "b b"], by_video: Float[Tensor, "b b"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """The largest hinge term of each caption and of each video.

    Faghri, Fleet, Kiros, Fidler. "VSE++." BMVC 2018, arXiv:1707.05612.
    """
    return by_caption.amax(1), by_video.amax(0)


def semi_hard(terms: Float[Tensor, "b b"], margin: float) -> Float[Tensor, "b b"]:
    """Hinge terms of negatives inside the margin and below the positive; the others zero.

    Schroff, Kalenichenko, Philbin. "FaceNet." CVPR 2015, arXiv:1503.03832. A term below `margin`
    is that of a negative below its positive.
    """
    return terms * (terms < margin)


def weighted_by_rank(
    terms: Float[Tensor, "b n"], hard: int, hard_weight: float, easy_weight: float
) -> Float[Tensor, "b n"]:
    """Each row's terms, its `hard` largest times one weight, the rest times the other.

    HERO weighs so: Li et al., EMNLP 2020, arXiv:2005.00200. For terms by video, pass them
    transposed.
    """
    rank = terms.argsort(1, descending=True).argsort(1)
    return terms * torch.where(rank < hard, hard_weight, easy_weight)


def expected_triplets(
    distance: Float[Tensor, "a b"],
    positive: Float[Tensor, "a b"],
    negative: Float[Tensor, "a b"],
    margin: float,
) -> Float[Tensor, " a"]:
    """Each anchor's mean of max(0, margin + d(a, p) - d(a, n)) over its triplets.

    `positive` and `negative` are what p and n are drawn by: weights, not negative, of any sum. An
    anchor without a p or without an n has a mean of zero. Sums over the sorted
    distances stand for the table of all triplets, which would have b times as many entries.
    """
    p, n = (w / w.sum(1, keepdim=True).clamp(min=1e-12) for w in (positive, negative))
    distance = distance.contiguous()
    d, order = distance.sort(1)
    w = n.gather(1, order)
    sums = F.pad(torch.stack([w, w * d]).cumsum(2), (1, 0))  # over the n nearest, from none on
    reach = margin + distance
    nearer = torch.searchsorted(d.detach(), reach.detach())  # how many n are within reach of each p
    share, within = (x.gather(1, nearer) for x in sums)
    mean: Tensor = (p * (reach * share - within)).sum(1)  # Eq. (1)
    return mean


def info_nce_terms(
    scores: Float[Tensor, "b b"], temperature: float = 1.0
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Minus log softmax of the positive among a caption's videos and among a video's captions.

    Van den Oord, Li, Vinyals, arXiv:1807.03748; symmetric as in CLIP, whose loss is the mean of the
    two means.
    """
    pair = torch.arange(len(scores), device=scores.device)
    logits = scores / temperature
    by_caption = F.cross_entropy(logits, pair, reduction="none")
    return by_caption, F.cross_entropy(logits.T, pair, reduction="none")


def mil_nce_terms(
    scores: Float[Tensor, "t v"], positive: Bool[Tensor, "t v"]
) -> Float[Tensor, " v"]:
    """Minus log of the share of a video's own captions among all captions and other videos.

    Miech et al. "End-to-End Learning of Visual Representations from Uncurated Instructional
    Videos." CVPR 2020, arXiv:1912.06430, equation 1: P sums exp over the bag, N over the video
    with other captions and over the bag with other videos; the term is log(P + N) - log P.
    `positive`: which captions are a video's bag; a video without any has a term of zero. Where a
    code counts the bag in N too, as the authors' own does, its term is softplus of this one.
    """
    bag = masked_logsumexp(scores, positive, 0)
    other_captions = masked_logsumexp(scores, ~positive, 0)
    by_caption = masked_logsumexp(scores, ~positive, 1)
    other_videos = masked_logsumexp(by_caption[:, None].expand_as(scores), positive, 0)
    total = torch.stack([bag, other_captions, other_videos]).logsumexp(0)
    return torch.where(positive.any(0), total - bag, 0.0)  # Eq. (1)
