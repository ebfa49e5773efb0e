"""Shared checks of every model on a toy batch.

Each check takes a model class and returns what is wrong, or None. `kb check models/x.py` and
the tests of every model run them.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from kb.repro import toy
from models.parts.batch import Batch
from models.parts.contract import RetrievalModel

STEPS, RATE = 200, 5e-3  # of learning a toy batch by heart
LEARNT = 0.2  # of the first loss, at most, after them
REGULARISERS = {"diversity"}  # weights of terms in Config
ROUNDING = 1e-4  # relative: float32, summed in another order

Check = Callable[[Any], str | None]


def scores_have_a_row_per_caption(model: Any, **changes: Any) -> str | None:
    """Three captions and five videos give three rows and five columns, of finite numbers."""
    net = toy.build(model, **changes)
    captions, clips = toy.batch(net, 3).captions, toy.batch(net, 5).clips
    scores: Any = net.similarity(net.encode_text(captions), net.encode_video(clips))
    if not isinstance(scores, Tensor) or scores.shape != (3, 5):
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        return f"similarity of 3 captions and 5 videos is {shape}, not (3, 5): captions are rows"
    return None if scores.isfinite().all() else "similarity has values that are no numbers"


def a_score_depends_on_its_pair_alone(model: Any) -> str | None:
    """Score (i, j) equals the score of caption i with video j computed alone."""
    net = toy.build(model)
    batch = toy.batch(net)
    each = [toy.take(batch, [row]) for row in range(4)]
    alone = [torch.cat([net(Batch(a.captions, b.clips)) for b in each], dim=1) for a in each]
    if _close(net(batch), torch.cat(alone)):
        return None
    return "the score of a caption and a video changes with what else is in the batch"


def order_changes_nothing(model: Any) -> str | None:
    """A shuffled batch has the same scores, shuffled, and the same loss."""
    net, order = toy.build(model), [2, 0, 3, 1]
    batch = toy.batch(net)
    shuffled = toy.take(batch, order)
    if not _close(net(shuffled), net(batch)[order][:, order]):
        return "scores change with the order of a batch"
    if not _close(net.loss(shuffled), net.loss(batch)):
        return "the loss changes with the order of a batch: caption i describes clip i"
    return None


def weights_come_back(model: Any) -> str | None:
    """A new model with a plain copy of the weights has the same scores, as after a best epoch."""
    net, other = toy.build(model), toy.build(model)
    for weight in other.parameters():
        weight.data.zero_()
    try:
        other.load_state_dict({name: value.clone() for name, value in net.state_dict().items()})
    except (RuntimeError, KeyError, TypeError) as error:
        return f"its own weights cannot be loaded again: {' '.join(str(error).split())[:200]}"
    batch = toy.batch(net)
    return None if _close(other(batch), net(batch)) else "a copy of the weights has other scores"


def nothing_to_read_is_no_failure(model: Any) -> str | None:
    """A batch without a word and without a step has finite scores."""
    net = toy.build(model)
    batch = toy.batch(net)
    batch.captions.mask[:] = False
    for mask in batch.clips.mask.values():
        mask[:] = False
    finite = net(batch).isfinite().all()
    return None if finite else "captions without a word or clips without a step: scores are NaN"


def every_variant_trains_every_weight(model: Any) -> str | None:
    """The loss of each variant is one number and gives each parameter a gradient, not all zero.

    Where a variant is pre-trained, some parameters are trained then alone.
    """
    for name, change in model.variants.items():
        net = toy.build(model, **change)
        batch = toy.batch(net)
        loss = net.loss(batch)
        if fault := _not_a_loss(loss):
            return f"variant {name}: {fault}"
        if model.small_recipe.but(**model.recipe_by_variant.get(name, {})).stages:
            loss = loss + net.loss(toy.narrated(batch))
        loss.backward()  # type: ignore[no-untyped-call]
        idle = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
        if idle:
            more = f" and {len(idle) - 1} more" if len(idle) > 1 else ""
            return f"variant {name}: the loss does not train {idle[0]}{more}"
        if not all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None):
            return f"variant {name}: the gradient of the loss is no number"
    return None


def a_variant_runs(model: Any, **changes: Any) -> str | None:
    """One variant scores a toy batch and has a loss: the minimum before training on data."""
    if fault := scores_have_a_row_per_caption(model, **changes):
        return fault
    net = toy.build(model, **changes)
    return _not_a_loss(net.loss(toy.batch(net)))


def _not_a_loss(loss: Any) -> str | None:
    if not isinstance(loss, Tensor) or loss.shape != ():
        shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        return f"the loss is {shape}, not one number"
    return None if loss.requires_grad else "the loss depends on no weight"


def a_batch_is_learnt_by_heart(model: Any) -> str | None:
    """After 200 steps on four pairs the loss is a fifth of what it was, and pairs score highest.

    Both losses are measured without dropout and without regularisers, whose terms stay where every
    pair leads.
    """
    names = {field.name for field in fields(model.Config)} & REGULARISERS
    net = toy.build(model, None, **dict.fromkeys(names, 0.0))
    batch = toy.batch(net)
    first, last = net.loss(batch).item(), train(net, batch)
    if not last < LEARNT * first:
        return f"{STEPS} steps on 4 pairs bring the loss from {first:.3g} to {last:.3g} only"
    scores = net(batch)
    if not model.ranks_videos:
        return None
    if scores.argmax(1).tolist() == scores.argmax(0).tolist() == [0, 1, 2, 3]:
        return None
    return f"{STEPS} steps on 4 pairs bring the loss down, but do not rank each pair first"


def train(net: RetrievalModel, batch: Batch) -> float:
    """The loss after STEPS steps on one batch; leaves the model in evaluation mode."""
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    net.train()
    for _ in range(STEPS):
        optimiser.zero_grad()
        net.loss(batch).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        net.after_step()
    return net.eval().loss(batch).item()


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=ROUNDING, atol=ROUNDING / 10)


CHECKS: tuple[Check, ...] = (
    scores_have_a_row_per_caption,
    a_score_depends_on_its_pair_alone,
    order_changes_nothing,
    weights_come_back,
    nothing_to_read_is_no_failure,
    every_variant_trains_every_weight,
    a_batch_is_learnt_by_heart,
)


def faults(model: Any) -> Iterator[str]:
    """What is wrong, check by check; stops after scores of the wrong shape."""
    for check in CHECKS:
        fault = check(model)
        if fault is not None:
            yield fault
            if check is scores_have_a_row_per_caption:
                return
