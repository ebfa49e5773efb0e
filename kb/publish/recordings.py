"""Recordings of released code that a model is held against: how many, of evaluation and training."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = "tests/data/parity"  # walked by the tests of every model


@dataclass(frozen=True)
class Recordings:
    """Files of one model."""

    evaluation: int  # scores and losses, without dropout and with stored statistics
    training: int  # five steps: losses, gradients, running statistics and weights

    @property
    def sentence(self) -> str:
        """What the numbers of the model's own code were held against; empty where nothing was."""
        if not self.evaluation and not self.training:
            return ""
        if not self.training:
            of = _counted(self.evaluation)
            return f"Matched in evaluation, by {of}; no training step of that code was recorded."
        if not self.evaluation:
            return f"Matched over five training steps, by {_counted(self.training)}."
        of = _counted(self.evaluation)
        return f"Matched in evaluation, by {of}, and over five training steps, by {self.training}."


def of_model(root: Path, name: str) -> Recordings:
    """The recordings of a model, by the names of their files."""
    names = [path.name for path in (root / FOLDER).glob(f"{name}.*npz")]
    training = sum(".train." in one for one in names)
    return Recordings(len(names) - training, training)


def _counted(number: int) -> str:
    return f"{number} recording{'' if number == 1 else 's'}"
