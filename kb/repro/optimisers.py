"""The optimiser and learning-rate schedule of a recipe, as torch objects."""

import math
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau, StepLR
from torch.optim.optimizer import ParamsT

from kb.records.errors import KBError
from models.parts.recipe import Optimiser, Schedule


class Ranger(torch.optim.RAdam):
    """RAdam with Lookahead: every few steps the weights move back to a slow average.

    Zhang et al. 2019 (arXiv:1907.08610) over Liu et al. 2019 (arXiv:1908.03265), with the numbers
    that Ranger is known by; weight decay apart from the gradient.
    """

    EVERY, BACK = 6, 0.5  # steps between Lookahead updates; step size of the slow weights

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
    "sgd-momentum": partial(torch.optim.SGD, momentum=0.9),
}
SHAPES: dict[str, Callable[[float], float]] = {  # of the rate, over the share of steps done
    "constant": lambda _: 1.0,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    "linear": lambda done: 1 - done,
}


def optimiser(model: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """The optimiser, with a parameter group per rate; frozen weights (factor 0) are in none.

    Raises KBError for an unknown optimiser.
    """
    _known("optimiser", settings.optimiser, OPTIMISERS)
    groups = _groups(model, settings)
    for weight in groups.pop(0.0, ()):
        weight.requires_grad = False
    return OPTIMISERS[settings.optimiser](
        [
            {"params": weights, "lr": settings.learning_rate * factor}
            for factor, weights in groups.items()
        ],
        weight_decay=settings.weight_decay,
    )


def _known(what: str, name: str, names: Mapping[str, Callable[..., object]]) -> None:
    if name not in names:
        raise KBError(f"no {what} is called {name!r}", hint=f"choose from {', '.join(names)}")


def _groups(model: nn.Module, settings: Optimiser) -> dict[float, list[nn.Parameter]]:
    """Weights by the factor of their rate: the first matching name prefix decides."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        fits = (f for prefix, f in settings.lr_multipliers if name.startswith(prefix))
        groups.setdefault(next(fits, 1.0), []).append(weight)
    return groups


class SinceChange:
    """Multiplies the rate after an epoch without a new best, `patience` epochs after the last change.

    The rule of the dual-encoding code base and its descendants: the counter restarts at each change;
    torch's ReduceLROnPlateau counts epochs without a best in a row.
    """

    def __init__(
        self, steps: torch.optim.Optimizer, mode: str, factor: float, patience: int
    ) -> None:
        assert mode == "max"
        self.steps, self.factor, self.patience = steps, factor, patience
        self.best, self.since = -math.inf, 0

    def step(self, score: float) -> None:
        """Call once per epoch, with its validation score."""
        self.since += 1
        if score > self.best:
            self.best = score
        elif self.since >= self.patience:
            self.since = 0
            for group in self.steps.param_groups:
                group["lr"] *= self.factor

    def state_dict(self) -> dict[str, float]:
        """Plain values."""
        return {"best": self.best, "since": self.since}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """The values of `state_dict`."""
        self.best, self.since = float(state["best"]), int(state["since"])


PLATEAUS: dict[str, Callable[..., ReduceLROnPlateau | SinceChange]] = {
    "plateau": ReduceLROnPlateau,
    "since-change": SinceChange,
}


class LearningRate:
    """The learning rate of a training: by step, by epoch, by validation score."""

    def __init__(self, steps: torch.optim.Optimizer, schedule: Schedule, per_epoch: int) -> None:
        _known("shape of the rate", schedule.shape, SHAPES)
        _known("rule of the rate", schedule.lr_rule, PLATEAUS)
        self.steps, total = steps, per_epoch * schedule.epochs
        self.by_step = self.by_epoch = self.by_score = None
        if schedule.warmup or schedule.shape != "constant":
            self.by_step = LambdaLR(steps, lambda done: share(schedule, done, total))
        if schedule.lr_decay != 1.0:
            self.by_epoch = StepLR(steps, schedule.decay_every, schedule.lr_decay)
        if schedule.lr_patience is not None:
            rule = PLATEAUS[schedule.lr_rule]
            self.by_score = rule(steps, "max", schedule.lr_factor, schedule.lr_patience)

    def after_step(self) -> None:
        """Call after each step of the optimiser."""
        if self.by_step is not None:
            self.by_step.step()

    def after_epoch(self, score: float | None) -> None:
        """Call after each epoch, with its validation score if there is one."""
        before = [group["lr"] for group in self.steps.param_groups]
        if self.by_epoch is not None:
            with warnings.catch_warnings():  # a resumed training may begin at the end of an epoch
                warnings.filterwarnings(
                    "ignore", "Detected call of `lr_scheduler.step", UserWarning
                )
                self.by_epoch.step()
        if self.by_score is not None and score is not None:
            self.by_score.step(score)
        if self.by_step is not None:  # which computes the rate anew from its own base
            after = (group["lr"] for group in self.steps.param_groups)
            changes = (b / a if a else 1.0 for a, b in zip(before, after, strict=True))
            bases = zip(self.by_step.base_lrs, changes, strict=True)
            self.by_step.base_lrs = [float(base) * change for base, change in bases]

    def state_dict(self) -> dict[str, Any]:
        """The state of each scheduler."""
        return {name: one.state_dict() for name, one in self._schedulers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The states of `state_dict`."""
        for name, one in self._schedulers.items():
            one.load_state_dict(state[name])

    @property
    def _schedulers(self) -> dict[str, Any]:
        named = {"step": self.by_step, "epoch": self.by_epoch, "score": self.by_score}
        return {name: one for name, one in named.items() if one is not None}


def share(schedule: Schedule, done: int, total: int) -> float:
    """Share of the rate at the step after `done` of `total`: rises in the warm-up, then falls."""
    rising = schedule.warmup * total
    if done < rising:
        return min(1.0, (done + 1) / rising)
    return SHAPES[schedule.shape](min((done - rising) / max(total - rising, 1.0), 1.0))
