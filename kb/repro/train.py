"""One training loop for all models: deterministic by seed, resumable after every epoch."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kb.records.errors import KBError
from kb.repro.batches import Views
from kb.repro.scoring import score
from models.parts.contract import Recipe, RetrievalModel

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


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


@dataclass
class State:
    """Where a training stands after an epoch; with the weights, all that a resumed run needs."""

    epoch: int = 0
    steps: int = 0
    seconds: float = 0.0
    best: float = -1.0  # SumR on validation
    best_epoch: int = 0
    last_halving: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)


class Training:
    """A model, its optimiser and its state. `run` goes on from wherever the state stands."""

    def __init__(self, model: RetrievalModel, recipe: Recipe, seed: int) -> None:
        self.model, self.recipe, self.state = model, recipe, State()
        self.optimiser = _optimiser(model, recipe)
        self.shuffle = torch.Generator().manual_seed(seed)
        self.best_weights = _copied(model.state_dict())

    def run(
        self,
        train: Views,
        val: Views,
        *,
        watcher: Watcher,
        budget: Budget,
        keep: Callable[["Training"], None],
    ) -> bool:
        """Train until the recipe ends; False where the budget ended first.

        `keep` is called after every epoch. The model is left with its best weights on validation.
        """
        while not self.finished:
            if self.state.curve and not budget.allows(self.state.seconds / self.state.epoch):
                return False
            self._epoch(train, val, watcher)
            keep(self)
            watcher.epoch(self.state.curve[-1])  # what is told is kept
        self.model.load_state_dict(self.best_weights)
        return True

    @property
    def finished(self) -> bool:
        """Whether the recipe's epochs are over, or its patience."""
        state, patience = self.state, self.recipe.stop_after
        tired = patience is not None and state.epoch - state.best_epoch > patience
        return state.epoch >= self.recipe.epochs or tired

    def _epoch(self, train: Views, val: Views, watcher: Watcher) -> None:
        began, state = time.perf_counter(), self.state
        loss = self._pass(train, watcher)
        evaluation = score(self.model, val)
        state.epoch += 1
        row = {
            "epoch": state.epoch,
            "loss": loss,
            "rate": self.optimiser.param_groups[0]["lr"],
            "SumR": evaluation.sum_r,
            "t2v R@1": evaluation.t2v.metrics["R@1"],
            "v2t R@1": evaluation.v2t.metrics["R@1"],
        }
        if evaluation.sum_r > state.best:
            state.best, state.best_epoch = evaluation.sum_r, state.epoch
            self.best_weights = _copied(self.model.state_dict())
        self._decay()
        state.seconds += time.perf_counter() - began
        state.curve.append({**row, "seconds": round(state.seconds, 3)})

    def _pass(self, train: Views, watcher: Watcher) -> float:
        """Each caption once; the mean loss of a step. Raises KBError where the loss is no number."""
        self.model.train()
        order = torch.randperm(len(train), generator=self.shuffle).to(train.owner.device)
        parts = [part for part in torch.split(order, self.recipe.batch_size) if len(part) > 1]
        total = torch.zeros((), device=train.owner.device)
        for done, part in enumerate(parts, 1):
            total += self._step(train, part)
            watcher.steps(done, len(parts))
        self.state.steps += len(parts)
        loss = float(total) / max(len(parts), 1)
        if not math.isfinite(loss):
            raise KBError(
                f"the loss is {loss} in epoch {self.state.epoch + 1}",
                mend="lower the learning rate",
            )
        return loss

    def _step(self, train: Views, part: Tensor) -> Tensor:
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.model.loss(train.captions(part), train.clips(train.owner[part]))
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimiser.step()
        return loss.detach()

    def _decay(self) -> None:
        """Every epoch a little; by half after an epoch that is no best, if that is long enough ago."""
        recipe, state, factor = self.recipe, self.state, self.recipe.decay
        rested = state.epoch - state.last_halving >= (recipe.halve_after or math.inf)
        if rested and state.epoch != state.best_epoch:
            factor, state.last_halving = factor / 2, state.epoch
        for group in self.optimiser.param_groups:
            group["lr"] *= factor

    def snapshot(self) -> dict[str, Any]:
        """Everything a resumed training needs, as tensors and plain values."""
        return {
            "state": asdict(self.state),
            "model": self.model.state_dict(),
            "best": self.best_weights,
            "optimiser": self.optimiser.state_dict(),
            "shuffle": self.shuffle.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot."""
        self.state = State(**snapshot["state"])
        self.model.load_state_dict(snapshot["model"])
        self.best_weights = snapshot["best"]
        self.optimiser.load_state_dict(snapshot["optimiser"])
        self.shuffle.set_state(snapshot["shuffle"])
        torch.set_rng_state(snapshot["random"])
        if snapshot["random_cuda"]:
            torch.cuda.set_rng_state_all(snapshot["random_cuda"])


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimiser not in OPTIMISERS:
        raise KBError(
            f"no optimiser is called {recipe.optimiser!r}",
            mend=f"there are {', '.join(OPTIMISERS)}",
        )
    return OPTIMISERS[recipe.optimiser](model.parameters(), lr=recipe.learning_rate)
