"""One training loop for all models: deterministic by seed, resumable after any step."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kb.records.errors import KBError
from kb.repro import parallel
from kb.repro.optimisers import LearningRate, optimiser
from kb.repro.scoring import score, selection
from kb.repro.split_tensors import SplitTensors
from models.parts.contract import RetrievalModel
from models.parts.recipe import Optimiser, Recipe

CHECKPOINT_EVERY = 60.0  # seconds between checkpoints within an epoch, at least
CHECKPOINT_SHARE = 20  # writing checkpoints may take one second in so many
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Callback(Protocol):
    """Receives the progress of a training."""

    def steps(self, done: int, of: int) -> None:
        """After each step: batches of the running epoch."""

    def epoch(self, row: dict[str, Any]) -> None:
        """After each epoch: its row of the curve."""


class Budget(Protocol):
    """The time left for a training."""

    def allows(self, seconds: float) -> bool:
        """True where it fits."""
        ...


WriteCheckpoint = Callable[["Training"], None]


def make_deterministic() -> None:
    """Make torch deterministic: the same seed gives the same numbers on the same machine."""
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    # Nothing here reads memory it has not written, and to fill it first takes time of every step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@dataclass
class State:
    """Progress of a training; with the weights, all that a resumed run needs."""

    epoch: int = 0  # whole ones
    step: int = 0  # batches of the running epoch
    steps: int = 0  # batches of all
    seconds: float = 0.0  # of steps
    validation: float = 0.0  # seconds, the last time
    best: float = -math.inf  # validation score by which the epoch is chosen
    best_epoch: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)


class Training:
    """A model, its optimiser and its state. `run` continues from the state."""

    def __init__(
        self,
        model: RetrievalModel,
        recipe: Recipe,
        train: SplitTensors,
        val: SplitTensors,
        *,
        seed: int,
    ) -> None:
        self.model, self.recipe, self.state = model, recipe, State()
        self.train, self.val = train, val
        self.device = next(model.parameters()).device
        self.optimiser = optimiser(model, recipe.optimiser)
        batches = train.batches_per_epoch(recipe.sampling)
        per_epoch = math.ceil(batches / recipe.optimiser.accumulate)
        self.learning_rate = LearningRate(self.optimiser, recipe.schedule, per_epoch)
        self.precision = _precision(recipe.optimiser)
        scaled = self.precision is torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.shuffle = torch.Generator().manual_seed(seed)
        self.epoch_start = self.shuffle.get_state()  # before the running epoch's order was drawn
        self.total = torch.zeros((), device=self.device)  # losses of the running epoch
        self.best_weights = _copied(model.state_dict())
        self._checkpointed, self._checkpoint_seconds = time.monotonic(), 0.0

    def run(self, *, callback: Callback, budget: Budget, checkpoint: WriteCheckpoint) -> bool:
        """Train until the recipe ends; False where the budget ended first.

        `checkpoint` is called after every epoch, within long ones, and before a stop. The model is
        left with the weights of its best epoch on validation, or of its last where the recipe
        selects that or there is no validation split.
        """
        self._checkpointed = time.monotonic()
        while not self.finished:
            if not self._train_epoch(callback, budget, checkpoint) or not self._allowed(
                budget, self.state.validation
            ):
                self._checkpoint(checkpoint)
                return False
            self._validate_epoch()
            self._checkpoint(checkpoint)
            callback.epoch(self.state.curve[-1])
        self.model.load_state_dict(self.best_weights)
        return True

    @property
    def finished(self) -> bool:
        """Whether the recipe's epochs are over, or its patience."""
        state, schedule = self.state, self.recipe.schedule
        patience = schedule.early_stopping_patience
        stopped = patience is not None and state.epoch - state.best_epoch > patience
        return state.epoch >= schedule.epochs or stopped

    def _train_epoch(self, callback: Callback, budget: Budget, checkpoint: WriteCheckpoint) -> bool:
        """The rest of the running epoch; False where the budget ended within it."""
        state, recipe = self.state, self.recipe
        self.model.train()
        self.model.on_epoch(state.epoch)
        self.epoch_start = self.shuffle.get_state()
        batches = self.train.batches(recipe.sampling, self.shuffle)
        for rows in batches[: state.step]:  # before a stop: drawn again, for those that follow
            self.train.draw_beside(rows, self.shuffle)
        accumulate = recipe.optimiser.accumulate
        for rows in batches[state.step :]:
            last = state.step + 1 == len(batches)
            fresh = state.step % accumulate == 0
            if state.step and fresh and not self._allowed(budget, state.seconds / state.steps):
                self.shuffle.set_state(self.epoch_start)
                return False
            began = time.perf_counter()
            self._backward(rows, fresh=fresh)
            state.step, state.steps = state.step + 1, state.steps + 1
            full_step = last or state.step % accumulate == 0
            if full_step:
                self._step()
            state.seconds += time.perf_counter() - began
            callback.steps(state.step, len(batches))
            if full_step and self._should_checkpoint:
                self._checkpoint(checkpoint)
        began = time.perf_counter()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # steps that were only queued count too
        state.seconds += time.perf_counter() - began
        return True

    def _backward(self, rows: Tensor, *, fresh: bool) -> None:
        """Gradients of a batch's loss, added to those of the batches before unless `fresh`."""
        if fresh:
            self.optimiser.zero_grad(set_to_none=True)
        mixed = self.precision is not None
        with torch.autocast(self.device.type, self.precision, enabled=mixed):
            loss = self.model.loss(self.train.batch(rows, self.shuffle))
        share = loss / self.recipe.optimiser.accumulate
        self.scaler.scale(share).backward()  # type: ignore[no-untyped-call]
        self.total += loss.detach().float()

    def _step(self) -> None:
        """One step of the optimiser, gradients clipped first."""
        parallel.average(self.model)
        settings = self.recipe.optimiser
        if settings.clip_norm is not None or settings.clip_value is not None:
            self.scaler.unscale_(self.optimiser)
        if settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        if settings.clip_value is not None:
            nn.utils.clip_grad_value_(self.model.parameters(), settings.clip_value)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.learning_rate.after_step()
        self.model.after_step()

    def _validate_epoch(self) -> None:
        """Validate, copy the best weights, update the rate. KBError where the loss is no number."""
        state, began = self.state, time.perf_counter()
        loss = float(self.total) / max(state.step, 1)
        if not math.isfinite(loss):
            what = f"the loss is {loss} in epoch {state.epoch + 1}"
            raise KBError(what, hint="lower the learning rate")
        scores = parallel.broadcast_from_rank0(
            lambda: _validated(self.model, self.val, self.recipe.schedule.select)
        )
        state.epoch, state.step = state.epoch + 1, 0
        self.epoch_start, self.total = self.shuffle.get_state(), torch.zeros_like(self.total)
        value = scores.pop("selected")
        if value is None or value > state.best or self.recipe.schedule.select == "last":
            self.best_weights = _copied(self.model.state_dict())
        if value is None or value > state.best:
            state.best, state.best_epoch = -math.inf if value is None else value, state.epoch
        rate = self.optimiser.param_groups[0]["lr"]
        self.learning_rate.after_epoch(value)
        state.validation = time.perf_counter() - began
        row = {"epoch": state.epoch, "loss": loss, "rate": rate, **scores}
        state.curve.append({**row, "seconds": round(state.seconds, 3)})

    def _allowed(self, budget: Budget, seconds: float) -> bool:
        """Whether `seconds` and a checkpoint still fit; rank 0 decides for all processes."""
        allows = bool(budget.allows(seconds + self._checkpoint_seconds))
        return bool(parallel.broadcast_from_rank0(lambda: allows))

    @property
    def _should_checkpoint(self) -> bool:
        since = time.monotonic() - self._checkpointed
        return since > max(CHECKPOINT_EVERY, CHECKPOINT_SHARE * self._checkpoint_seconds)

    def _checkpoint(self, write: WriteCheckpoint) -> None:
        began = time.monotonic()
        write(self)
        self._checkpointed = time.monotonic()
        self._checkpoint_seconds = self._checkpointed - began

    def snapshot(self) -> dict[str, Any]:
        """All that a resumed training needs, as tensors and plain values."""
        cuda = torch.cuda.is_available()
        return {
            "state": asdict(self.state),
            "total": self.total,
            "model": self.model.state_dict(),
            "best": self.best_weights,
            "optimiser": self.optimiser.state_dict(),
            "learning_rate": self.learning_rate.state_dict(),
            "scaler": self.scaler.state_dict(),
            "shuffle": self.epoch_start,
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if cuda else [],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot. Raises KeyError, TypeError, ValueError or RuntimeError for a bad one."""
        state = State(**snapshot["state"])
        self.model.load_state_dict(snapshot["model"])
        self.best_weights = {k: v.to(self.device) for k, v in snapshot["best"].items()}
        self.optimiser.load_state_dict(snapshot["optimiser"])
        self.learning_rate.load_state_dict(snapshot["learning_rate"])
        self.scaler.load_state_dict(snapshot["scaler"])
        self.shuffle.set_state(snapshot["shuffle"])
        self.epoch_start, self.total = snapshot["shuffle"], snapshot["total"].to(self.device)
        torch.set_rng_state(snapshot["random"])
        if len(snapshot["random_cuda"]) == torch.cuda.device_count() > 0:
            torch.cuda.set_rng_state_all(snapshot["random_cuda"])
        self.state = state


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _precision(settings: Optimiser) -> torch.dtype | None:
    if settings.precision is None:
        return None
    if settings.precision not in PRECISIONS:
        names = ", ".join(PRECISIONS)
        what = f"no precision is called {settings.precision!r}"
        raise KBError(what, hint=f"choose from {names}")
    return PRECISIONS[settings.precision]


def _validated(model: RetrievalModel, val: SplitTensors, select: str) -> dict[str, float | None]:
    """Validation scores, `selected` among them; all None without a validation split."""
    if not len(val):
        return dict.fromkeys(("SumR", "t2v R@1", "v2t R@1", "selected"))
    scores = score(model, val)
    return {
        "SumR": scores.sum_r,
        "t2v R@1": scores.t2v.metrics["R@1"],
        "v2t R@1": scores.v2t.metrics["R@1"],
        "selected": selection(scores, select),
    }
