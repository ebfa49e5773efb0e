"""What a recipe says of the optimiser: its kind, its groups of weights, its rate over the steps."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn
from torch.optim.optimizer import ParamsT

from kb.records.errors import KBError
from models.parts.contract import Recipe


class Ranger(torch.optim.RAdam):
    """RAdam, whose weights are drawn back every few steps to a slow average (Lookahead).

    Zhang et al. 2019 (arXiv:1907.08610) over Liu et al. 2019 (arXiv:1908.03265), with the numbers
    that Ranger is known by; weight decay apart from the gradient.
    """

    EVERY, BACK = 6, 0.5  # steps between two looks; how far the slow weights follow

    def __init__(self, params: ParamsT, lr: float = 1e-3, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr, (0.95, 0.999), 1e-5, weight_decay, decoupled_weight_decay=True)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step of RAdam; every sixth moves the slow weights, and the fast ones onto them."""
        weights = [w for group in self.param_groups for w in group["params"] if w.grad is not None]
        begun = [w.detach().clone() if w not in self.state else None for w in weights]
        super().step(closure)
        for weight, start in zip(weights, begun, strict=True):
            state = self.state[weight]
            slow = state.setdefault("slow", start)
            if int(state["step"]) % self.EVERY == 0:
                slow.lerp_(weight, self.BACK)
                weight.copy_(slow)


OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "amsgrad": partial(torch.optim.Adam, amsgrad=True),
    "ranger": Ranger,
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
        raise KBError(f"no {what} is called {name!r}", hint=f"there are {', '.join(there)}")


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
