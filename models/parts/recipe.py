"""How a paper trains: composed pieces, read by the one training loop of kb.repro."""

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Optimiser:
    """The rule of a step."""

    # adam, adamw, amsgrad, ranger, rmsprop, rmsprop-keras, sgd, sgd-momentum (of 0.9)
    optimiser: str = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    clip_norm: float | None = None  # of the total gradient
    clip_value: float | None = None  # of each entry of the gradient
    lr_multipliers: tuple[
        tuple[str, float], ...
    ] = ()  # (prefix of weights' names, factor); 0: frozen
    accumulate: int = 1  # batches per step
    precision: str | None = None  # bf16, fp16: autocast while training; None: float32


@dataclass(frozen=True)
class Schedule:
    """The rate over steps and epochs, when training ends, and which epoch is kept."""

    epochs: int = 50  # at most
    warmup: float = 0.0  # share of all steps in which the rate rises from zero
    shape: str = (
        "constant"  # cosine, linear: to zero at the last step; over the steps after warm-up
    )
    lr_decay: float = 1.0  # of the rate, every `decay_every` epochs
    decay_every: int = 1
    lr_patience: int | None = None  # epochs without a best before the rate is multiplied
    lr_factor: float = 0.5
    lr_rule: str = "plateau"  # torch's ReduceLROnPlateau; since-change: at least so many epochs
    # after the last change, and after any single epoch without a best
    early_stopping_patience: int | None = None  # epochs without a best before training stops
    select: str = "SumR"  # validation score of the epoch that is kept: SumR, mean-inverted-rank,
    # geometric-mean (of R@1, R@5, R@10, both directions), median-rank; last: the last epoch


@dataclass(frozen=True)
class Sampling:
    """What a batch is made of."""

    batch_size: int = 128  # captions
    captions_per_video: int | None = None  # drawn of each video an epoch; None: each caption once
    clips_per_video: int | None = None  # clips of one video side by side in a batch, at most
    drop_last: bool = False  # leave out a last batch that is not full
    # Domain adaptation: datasets whose pairs train in place of the data's own, at most two. Training
    # captions and videos of the data come beside them, unpaired. On synthetic data `vatex` is its
    # counterpart.
    source_domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class PretrainingStage:
    """What a model is trained on first. What it does not set is as in the recipe it belongs to."""

    data: str  # its captions with a span are clips of their own, cut from their videos
    epochs: int  # all of them; the last weights are kept
    learning_rate: float | None = None
    clips_per_video: int | None = None


@dataclass(frozen=True)
class Recipe:
    """Optimiser, schedule, sampling, and the stages before."""

    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    sampling: Sampling = Sampling()
    stages: tuple[PretrainingStage, ...] = ()

    def but(self, **changes: Any) -> "Recipe":
        """The recipe with some settings changed, each by its own name: `but(epochs=5)`.

        Raises TypeError for a name that no piece has.
        """
        pieces: dict[str, Any] = {}
        for piece in (self.optimiser, self.schedule, self.sampling):
            own = {f.name: changes.pop(f.name) for f in fields(piece) if f.name in changes}
            pieces[type(piece).__name__.lower()] = replace(piece, **own)
        return replace(self, **pieces, **changes)

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting by its name, pieces laid side by side."""
        pieces = (self.optimiser, self.schedule, self.sampling)
        flat = {f.name: getattr(piece, f.name) for piece in pieces for f in fields(piece)}
        return flat | {"stages": self.stages}


def recipe(*, stages: tuple[PretrainingStage, ...] = (), **settings: Any) -> Recipe:
    """A recipe from its settings: `recipe(optimiser="adam", learning_rate=1e-4, epochs=50)`."""
    return Recipe(stages=stages).but(**settings)
