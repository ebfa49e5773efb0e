"""Train the world's 3-D CNN once and freeze it: `python -m kb.datasets.synthetic.train_motion`.

The task is the world's "Kinetics": for a clip of eight frames, which act goes on in its middle,
in which manner, and the shape and colour of who does it and to whom.
"""

import argparse
import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kb.datasets.synthetic import backbone, motion, plot, rendering
from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.train import Network, fit_and_fold, freeze

WIDTHS = (16, 32, 48)  # channels of the convolutions
DIM = 128  # of a clip's features
SEED = 20171030  # of the clips: no world that is evaluated uses it
PER_VIDEO = 4  # clips taken of one video
_ABSENT = -1  # a question that has no answer in a clip
QUESTIONS: dict[str, tuple[str, ...]] = {
    "action": (*s.ACTIONS, "rest"),
    "manner": s.MANNERS,
    "agent shape": s.SHAPES,
    "agent colour": s.COLOURS,
    "patient shape": s.SHAPES,
    "patient colour": s.COLOURS,
}
Clips = tuple[NDArray[np.uint8], Tensor]


class MotionNetwork(Network):
    """The 3-D CNN as it is trained, with the heads that are thrown away afterwards."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        inputs = (3, *WIDTHS[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv3d(i, o, 3, stride=(t, x, x), padding=1)
            for i, o, (t, x) in zip(inputs, WIDTHS, motion.STRIDES, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm3d(width) for width in WIDTHS)
        self.last = nn.Linear(2 * 4 * 4 * WIDTHS[-1], DIM)
        self.last_norm = nn.BatchNorm1d(DIM)
        self.head = nn.Linear(DIM, sum(len(answers) for answers in QUESTIONS.values()))
        self.shifts: list[int] = []

    def features(self, pixels: Tensor) -> Tensor:
        """(n, 8, 32, 32, 3) pixels in units of 1/64, around zero -> (n, dim)."""
        maps = pixels.permute(0, 4, 1, 2, 3)
        for i, layer in enumerate(self.convolutions):
            conv = functools.partial(functional.conv3d, stride=layer.stride, padding=1)
            maps = self._activate(conv, maps, i, layer, self.norms[i])
        flat = maps.permute(0, 2, 3, 4, 1).flatten(1)
        return self._activate(functional.linear, flat, len(WIDTHS), self.last, self.last_norm)

    def forward(self, pixels: Tensor) -> Any:
        """Scores (n, answers) by question."""
        scores = self.head(self.features(pixels))
        return torch.split(scores, [len(answers) for answers in QUESTIONS.values()], dim=1)


def clips(start: int, videos: int) -> Clips:
    """Windows of `videos` stages, each anywhere in its video, and the answers to the questions."""
    frames, answers = [], []
    for number in range(start, start + videos):
        draws = Draws(SEED, "clip", number)
        script = plot.write(draws, Difficulty())
        pixels = motion.halved(rendering.render(script))
        for _ in range(PER_VIDEO):
            at = draws.below(max(1, script.frames - motion.HOP))
            rows = np.minimum(np.arange(at, at + motion.WINDOW), script.frames - 1)
            frames.append(pixels[rows])
            answers.append(_answer(script, at + motion.WINDOW // 2))
    return np.stack(frames), torch.tensor(answers)


def _answer(script: s.Script, middle: int) -> list[int]:
    """One number per question, for the act that is on in the frame `middle`."""
    on = next((e for e in script.events if e.start <= middle < e.end), None)
    if on is None:
        return [len(s.ACTIONS)] + [_ABSENT] * (len(QUESTIONS) - 1)
    agent = script.cast[on.agent]
    patient = None if on.patient is None else script.cast[on.patient]
    return [
        s.ACTIONS.index(on.action),
        s.MANNERS.index(on.manner),
        s.SHAPES.index(agent.shape),
        s.COLOURS.index(agent.colour),
        _ABSENT if patient is None else s.SHAPES.index(patient.shape),
        _ABSENT if patient is None else s.COLOURS.index(patient.colour),
    ]


def loss_of(scores: Any, answers: Tensor) -> Tensor:
    """Sum of the questions' cross-entropies, each over the clips in which it has an answer."""
    losses = [
        functional.cross_entropy(part, answers[:, i], ignore_index=_ABSENT)
        for i, part in enumerate(scores)
    ]
    return torch.stack(losses).sum()


@torch.no_grad()
def accuracy(network: Network, pixels: NDArray[np.uint8], answers: Tensor) -> dict[str, float]:
    """Held-out accuracy by question."""
    parts = network(as_input(pixels))
    measures = {}
    for i, (name, scores) in enumerate(zip(QUESTIONS, parts, strict=True)):
        there = answers[:, i] != _ABSENT
        right = scores.argmax(1)[there] == answers[there, i]
        measures[name] = round(float(right.float().mean()), 4)
    return measures


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """Pixels as the first layer reads them."""
    return (torch.from_numpy(pixels).float() - backbone.MIDDLE) / backbone.UNIT


def train(epochs: int, videos: int) -> tuple[Network, dict[str, Any]]:
    """Train on the clips of `videos` stages, a quarter of the epochs as integers."""
    torch.manual_seed(SEED)
    network = MotionNetwork()
    (pixels, answers), held_out = clips(0, videos), clips(10_000_000, 500)

    def loss(rows: Tensor) -> Tensor:
        return loss_of(network(as_input(pixels[rows.numpy()])), answers[rows])

    def judge() -> dict[str, float]:
        return accuracy(network, *held_out)

    fit_and_fold(network, len(pixels), loss, judge, epochs, max(1, epochs // 4))
    made = {"clips": len(pixels), "epochs": epochs, "held_out_clips": len(held_out[0])}
    return network, {**made, "held_out": judge()}


def main() -> None:
    """Train and write the weights that the package carries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--videos", type=int, default=8000)
    parser.add_argument("--out", type=Path, default=motion.WEIGHTS)
    options = parser.parse_args()
    network, how = train(options.epochs, options.videos)
    freeze(network, {"name": motion.NAME, "dim": DIM, "seed": SEED, **how}, options.out)


if __name__ == "__main__":
    main()
