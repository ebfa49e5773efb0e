"""What a recipe says of the optimiser: its kind, its groups of weights, its rate over the steps."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn

from kb.records.errors import KBError
from models.parts.contract import Recipe

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "amsgrad": partial(torch.optim.Adam, amsgrad=True),
    "rmsprop": torch.optim.RMSprop,
    "rmsprop-keras": partial(torch.optim.RMSprop, alpha=0.9, eps=1e-6),
    "sgd": torch.optim.SGD,
}
SHAPES: dict[str, Callable[[float], float]] = {  # of the rate, over the share of steps done
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    "linear": lambda done: 1 - done,
}


def optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser, a group of weights for each rate it names.

    Raises KBError for an optimiser or a schedule that the loop does not know.
    """
    _known("optimiser", recipe.optimiser, OPTIMISERS)
    if recipe.schedule is not None:
        _known("schedule", recipe.schedule, SHAPES)
    return OPTIMISERS[recipe.optimiser](
        [
            {"params": weights, "lr": recipe.learning_rate * factor}
            for factor, weights in _groups(model, recipe).items()
        ],
        weight_decay=recipe.weight_decay or 0.0,
    )


def _known(what: str, name: str, there: Mapping[str, Callable[..., object]]) -> None:
    if name not in there:
        raise KBError(f"no {what} is called {name!r}", mend=f"there are {', '.join(there)}")


def _groups(model: nn.Module, recipe: Recipe) -> dict[float, list[nn.Parameter]]:
    """Weights by the factor of their rate: the first beginning of a name that fits decides."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        fits = (f for beginning, f in recipe.rates or () if name.startswith(beginning))
        groups.setdefault(next(fits, 1.0), []).append(weight)
    return groups


def share(recipe: Recipe, done: int, of: int) -> float:
    """Share of the rate at the step after `done` of `of`: rises through the warm-up, then falls."""
    rising = (recipe.warmup or 0.0) * of
    if done < rising:
        return min(1.0, (done + 1) / rising)
    if recipe.schedule is None:
        return 1.0
    return SHAPES[recipe.schedule]((done - rising) / max(of - rising, 1.0))
