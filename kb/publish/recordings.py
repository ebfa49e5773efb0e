"""Recordings of released code that a model is held against: how many, of evaluation and training."""

from dataclasses import dataclass
from pathlib import Path

from kb.records.wording import counted

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
            of = counted(self.evaluation, "recording")
            return f"Matched in evaluation, by {of}; no training step of that code was recorded."
        if not self.evaluation:
            return f"Matched over five training steps, by {counted(self.training, 'recording')}."
        of = counted(self.evaluation, "recording")
        return f"Matched in evaluation, by {of}, and over five training steps, by {self.training}."


def of_model(root: Path, name: str) -> Recordings:
    """The recordings of a model, by the names of their files."""
    names = [path.name for path in (root / FOLDER).glob(f"{name}.*npz")]
    training = sum(".train." in one for one in names)
    return Recordings(len(names) - training, training)
