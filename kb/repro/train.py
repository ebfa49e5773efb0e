"""One training loop for all models: deterministic by seed, resumable after any step."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kb.records.errors import KBError
from kb.repro import optimise, parallel
from kb.repro.batches import Views
from kb.repro.scoring import score
from models.parts.contract import Recipe, RetrievalModel

KEEP_EVERY = 60.0  # seconds between checkpoints within an epoch, at least
KEEP_SHARE = 20  # a checkpoint may take one in so many seconds
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Watcher(Protocol):
    """Who follows a training."""

    def steps(self, done: int, of: int) -> None:
        """So many steps of the running epoch are done."""

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done: a row of the curve."""


class Budget(Protocol):
    """Whether there is time for what takes so many seconds."""

    def allows(self, seconds: float) -> bool:
        """True where it fits."""
        ...


Keep = Callable[["Training"], None]


def repeatable() -> None:
    """Let every sum be added in one order: the same seed on the same machine, the same numbers."""
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    # Nothing here reads memory it has not written, and to fill it first takes time of every step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@dataclass
class State:
    """Where a training stands; with the weights, all that a resumed run needs."""

    epoch: int = 0  # whole ones
    step: int = 0  # of the running epoch
    steps: int = 0  # of all
    seconds: float = 0.0  # of steps
    validation: float = 0.0  # seconds, the last time
    best: float = -1.0  # SumR on validation
    best_epoch: int = 0
    last_halving: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)


class Training:
    """A model, its optimiser and its state. `run` goes on from wherever the state stands."""

    def __init__(self, model: RetrievalModel, recipe: Recipe, seed: int) -> None:
        self.model, self.recipe, self.state = model, recipe, State()
        self.device = next(model.parameters()).device
        self.optimiser = optimise.optimiser(model, recipe)
        self.precision = _precision(recipe)
        scaled = self.precision is torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.shuffle = torch.Generator().manual_seed(seed)
        self.opening = self.shuffle.get_state()  # where the running epoch's order was drawn
        self.total = torch.zeros((), device=self.device)  # losses of the running epoch
        self.best_weights = _copied(model.state_dict())
        self._kept, self._keeping = time.monotonic(), 0.0

    def run(
        self, train: Views, val: Views, *, watcher: Watcher, budget: Budget, keep: Keep
    ) -> bool:
        """Train until the recipe ends; False where the budget ended first.

        `keep` is called after every epoch, within long ones, and before a stop. The model is left
        with its best weights on validation, or where there is none with its last.
        """
        self._kept = time.monotonic()
        while not self.finished:
            if not self._pass(train, watcher, budget, keep) or not self._time(
                budget, self.state.validation
            ):
                self._keep(keep)
                return False
            self._close(val)
            self._keep(keep)
            watcher.epoch(self.state.curve[-1])  # what is told is kept
        self.model.load_state_dict(self.best_weights)
        return True

    @property
    def finished(self) -> bool:
        """Whether the recipe's epochs are over, or its patience."""
        state, patience = self.state, self.recipe.stop_after
        tired = patience is not None and state.epoch - state.best_epoch > patience
        return state.epoch >= self.recipe.epochs or tired

    def _pass(self, train: Views, watcher: Watcher, budget: Budget, keep: Keep) -> bool:
        """The rest of the running epoch; False where the budget ended within it."""
        state, recipe = self.state, self.recipe
        self.model.train()
        self.model.easy = state.epoch < (recipe.easy_epochs or 0)
        self.opening = self.shuffle.get_state()
        parts = train.parts(recipe.batch_size, recipe.per_video, self.shuffle)
        for part in parts[state.step :]:
            if state.step and not self._time(budget, state.seconds / state.steps):
                self.shuffle.set_state(self.opening)
                return False
            began = time.perf_counter()
            self._rate(len(parts))
            self.total += self._step(train, part)
            state.step, state.steps = state.step + 1, state.steps + 1
            state.seconds += time.perf_counter() - began
            watcher.steps(state.step, len(parts))
            if self._due:
                self._keep(keep)
        began = time.perf_counter()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # steps that were only queued count too
        state.seconds += time.perf_counter() - began
        return True

    def _step(self, train: Views, part: Tensor) -> Tensor:
        self.optimiser.zero_grad(set_to_none=True)
        mixed = self.precision is not None
        with torch.autocast(self.device.type, self.precision, enabled=mixed):
            loss = self.model.loss(train.captions(part), train.clips(train.owner[part]))
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        parallel.average(self.model)
        if self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return loss.detach().float()

    def _rate(self, parts: int) -> None:
        """The rate of a schedule that moves with every step."""
        recipe, state = self.recipe, self.state
        if recipe.warmup is None and recipe.schedule is None:
            return
        share = optimise.share(recipe, state.steps, parts * recipe.epochs)
        for group in self.optimiser.param_groups:
            group["lr"] = group.setdefault("base", group["lr"]) * share

    def _close(self, val: Views) -> None:
        """Validate, keep the best, move the rate. Raises KBError where the loss is no number."""
        state, began = self.state, time.perf_counter()
        loss = float(self.total) / max(state.step, 1)
        if not math.isfinite(loss):
            what = f"the loss is {loss} in epoch {state.epoch + 1}"
            raise KBError(what, hint="lower the learning rate")
        found = parallel.agreed(lambda: _validated(self.model, val))
        state.epoch, state.step = state.epoch + 1, 0
        self.opening, self.total = self.shuffle.get_state(), torch.zeros_like(self.total)
        if found["SumR"] is None or found["SumR"] > state.best:
            state.best, state.best_epoch = found["SumR"] or -1.0, state.epoch
            self.best_weights = _copied(self.model.state_dict())
        rate = self.optimiser.param_groups[0]["lr"]
        self._decay()
        state.validation = time.perf_counter() - began
        row = {"epoch": state.epoch, "loss": loss, "rate": rate, **found}
        state.curve.append({**row, "seconds": round(state.seconds, 3)})

    def _decay(self) -> None:
        """Every epoch a little; by half after an epoch that is no best, if that is long enough ago."""
        recipe, state = self.recipe, self.state
        factor = recipe.decay if state.epoch % (recipe.decay_every or 1) == 0 else 1.0
        rested = state.epoch - state.last_halving >= (recipe.halve_after or math.inf)
        if rested and state.epoch != state.best_epoch:
            factor, state.last_halving = factor / 2, state.epoch
        for group in self.optimiser.param_groups:
            for name in {"lr", "base"} & group.keys():
                group[name] *= factor

    def _time(self, budget: Budget, seconds: float) -> bool:
        """Whether seconds and a checkpoint still fit; all processes of a run agree."""
        return bool(parallel.agreed(lambda: budget.allows(seconds + self._keeping)))

    @property
    def _due(self) -> bool:
        since = time.monotonic() - self._kept
        return since > max(KEEP_EVERY, KEEP_SHARE * self._keeping)

    def _keep(self, keep: Keep) -> None:
        began = time.monotonic()
        keep(self)
        self._kept = time.monotonic()
        self._keeping = self._kept - began

    def snapshot(self) -> dict[str, Any]:
        """Everything a resumed training needs, as tensors and plain values."""
        cuda = torch.cuda.is_available()
        return {
            "state": asdict(self.state),
            "total": self.total,
            "model": self.model.state_dict(),
            "best": self.best_weights,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "shuffle": self.opening,
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if cuda else [],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot. Raises KeyError, TypeError, ValueError, RuntimeError for no such."""
        state = State(**snapshot["state"])
        self.model.load_state_dict(snapshot["model"])
        self.best_weights = {k: v.to(self.device) for k, v in snapshot["best"].items()}
        self.optimiser.load_state_dict(snapshot["optimiser"])
        self.scaler.load_state_dict(snapshot["scaler"])
        self.shuffle.set_state(snapshot["shuffle"])
        self.opening, self.total = snapshot["shuffle"], snapshot["total"].to(self.device)
        torch.set_rng_state(snapshot["random"])
        if len(snapshot["random_cuda"]) == torch.cuda.device_count() > 0:
            torch.cuda.set_rng_state_all(snapshot["random_cuda"])
        self.state = state


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _precision(recipe: Recipe) -> torch.dtype | None:
    if recipe.precision is None:
        return None
    if recipe.precision not in PRECISIONS:
        there = ", ".join(PRECISIONS)
        raise KBError(f"no precision is called {recipe.precision!r}", hint=f"there are {there}")
    return PRECISIONS[recipe.precision]


def _validated(model: RetrievalModel, val: Views) -> dict[str, float | None]:
    """A row's scores; None where the data have no validation split."""
    if not len(val):
        return dict.fromkeys(("SumR", "t2v R@1", "v2t R@1"))
    found = score(model, val)
    return {
        "SumR": found.sum_r,
        "t2v R@1": found.t2v.metrics["R@1"],
        "v2t R@1": found.v2t.metrics["R@1"],
    }
