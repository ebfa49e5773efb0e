"""Train the world's backbone once and freeze it: `python -m kb.datasets.diorama.train`.

The task is the world's "ImageNet": for a still, which shapes are there, and for each its colour,
size, texture, position and state. Quantisation takes part in training (straight-through
gradients), so that the integers the backbone computes with are the ones that were trained.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kb.datasets.diorama import backbone, plot, stage
from kb.datasets.diorama import script as s
from kb.datasets.diorama.difficulty import Difficulty
from kb.datasets.diorama.draws import Draws

WIDTHS = (16, 32, 48, 64)  # channels of the convolutions
DIM = 128  # of a frame's features
SEED = 20190618  # of the stills: no world that is evaluated uses it
_KINDS = (("colour", s.COLOURS), ("size", s.SIZES), ("texture", s.TEXTURES))
_STATES = ("x", "y", "radius", "white", "thin")
_SCALE = (32.0, 32.0, 8.0, 8.0, 8.0)
Labels = dict[str, Tensor]


class Quantise(torch.autograd.Function):
    """Floor to multiples of a unit within bounds; the gradient passes where it is within."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, unit: float, low: float, high: float) -> Tensor:
        """Value as the integers will have it."""
        ctx.save_for_backward((x >= low) & (x <= high))
        return (x / unit).floor().mul(unit).clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        """Straight through inside the bounds."""
        (inside,) = ctx.saved_tensors
        return grads[0] * inside, None, None, None


class Network(nn.Module):
    """The backbone as it is trained, with the heads that are thrown away afterwards."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [3 * 9, *(9 * width for width in WIDTHS[:-1]), 16 * WIDTHS[-1]]
        outs = [*WIDTHS, DIM]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, outs, strict=True))
        per_shape = 1 + sum(len(values) for _, values in _KINDS) + len(_STATES)
        self.head = nn.Linear(DIM, len(s.SHAPES) * per_shape + len(s.PLACES))
        for layer, fan in zip(self.layers, sizes, strict=True):
            nn.init.normal_(layer.weight, std=(2 / fan) ** 0.5)
            nn.init.zeros_(layer.bias)

    def integers(self) -> list[tuple[Tensor, Tensor]]:
        """(weight, bias) of each layer as integers: the weight in 2^-shift, the bias beside it."""
        return [
            (
                (layer.weight * 2**shift + 0.5).floor().clamp(-127, 127),
                (layer.bias * 2**shift * backbone.UNIT).round(),
            )
            for layer, shift in zip(self.layers, backbone.SHIFTS, strict=True)
        ]

    def features(self, pixels: Tensor) -> Tensor:
        """(n, 64, 64, 3) pixels in units of 1/64 -> (n, dim)."""
        maps = pixels
        for i, (layer, shift) in enumerate(zip(self.layers, backbone.SHIFTS, strict=True)):
            unit = 2.0**-shift
            weight = Quantise.apply(layer.weight + unit / 2, unit, -127 * unit, 127 * unit)
            if i < len(WIDTHS):
                maps = _patches(maps)
            else:
                maps = maps.flatten(1)
            sums = functional.linear(maps, weight, layer.bias)
            top = backbone.TOP / backbone.UNIT
            maps = Quantise.apply(sums, 1 / backbone.UNIT, 0.0, top)
        return maps

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Scores by shape (n, shapes, per shape) and by place (n, places)."""
        scores = self.head(self.features(pixels))
        by_shape, by_place = scores[:, : -len(s.PLACES)], scores[:, -len(s.PLACES) :]
        return by_shape.unflatten(1, (len(s.SHAPES), -1)), by_place


def _patches(maps: Tensor) -> Tensor:
    """As backbone.patches."""
    side = maps.shape[1]
    padded = functional.pad(maps, (0, 0, 1, 1, 1, 1))
    return torch.cat(
        [padded[:, i : i + side : 2, j : j + side : 2] for i in range(3) for j in range(3)], dim=-1
    )


def stills(start: int, count: int, per_script: int = 4) -> tuple[NDArray[np.uint8], Labels]:
    """Frames of scripts `start` .. and what is to be seen in them."""
    easy = Difficulty(twins=0)
    frames, labels = [], []
    for number in range(start, start + count):
        draws = Draws(SEED, "stills", number)
        script = plot.write(draws, easy)
        pixels, states = stage.render(script), stage.poses(script)
        for t in draws.distinct(range(script.frames), per_script):
            frames.append(pixels[t])
            labels.append(_label(script, {name: track[:, t] for name, track in states.items()}))
    joined = {name: torch.tensor(np.stack([row[name] for row in labels])) for name in labels[0]}
    return np.stack(frames), joined


def _label(script: s.Script, pose: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Per shape: present, attributes as indices, state as numbers; and the place."""
    seen = np.zeros(len(s.SHAPES), np.float32)
    kinds = np.zeros((len(s.SHAPES), len(_KINDS)), np.int64)
    state = np.zeros((len(s.SHAPES), len(_STATES)), np.float32)
    for member, entity in enumerate(script.cast):
        at = s.SHAPES.index(entity.shape)
        seen[at] = 1
        kinds[at] = [values.index(getattr(entity, name)) for name, values in _KINDS]
        state[at] = [pose[n][member] / scale for n, scale in zip(_STATES, _SCALE, strict=True)]
    place = np.array(s.PLACES.index(script.place))
    return {"seen": seen, "kinds": kinds, "state": state, "place": place}


def loss_of(by_shape: Tensor, by_place: Tensor, labels: Labels) -> Tensor:
    """Sum of the tasks' losses; attributes and states count where the shape is present."""
    there = labels["seen"] > 0
    total = 4 * functional.binary_cross_entropy_with_logits(by_shape[..., 0], labels["seen"])
    total = total + 0.3 * functional.cross_entropy(by_place, labels["place"])
    for i, scores in enumerate(_attributes(by_shape)):
        total = total + functional.cross_entropy(scores[there], labels["kinds"][there][:, i])
    states = by_shape[..., -len(_STATES) :]
    return total + 10 * functional.mse_loss(states[there], labels["state"][there])


def _attributes(by_shape: Tensor) -> tuple[Tensor, ...]:
    return by_shape[..., 1 : -len(_STATES)].split([len(values) for _, values in _KINDS], dim=-1)


@torch.no_grad()
def accuracy(network: Network, pixels: NDArray[np.uint8], labels: Labels) -> dict[str, float]:
    """Held-out accuracy: presence, each attribute, place; error of the positions in pixels."""
    by_shape, by_place = network(torch.from_numpy(pixels).float() / backbone.UNIT)
    there = labels["seen"] > 0
    found = {"presence": ((by_shape[..., 0] > 0) == there).float().mean()}
    for i, (scores, (name, _)) in enumerate(zip(_attributes(by_shape), _KINDS, strict=True)):
        found[name] = (scores[there].argmax(1) == labels["kinds"][there][:, i]).float().mean()
    found["place"] = (by_place.argmax(1) == labels["place"]).float().mean()
    off = (by_shape[..., -len(_STATES) :] - labels["state"])[there].abs().mean(0)
    found |= {f"{n}_error": v * k for n, v, k in zip(_STATES, off, _SCALE, strict=True)}
    return {name: round(float(value), 4) for name, value in found.items()}


def train(epochs: int, scripts: int, batch: int = 128) -> tuple[Network, dict[str, Any]]:
    """Train on stills of `scripts` scripts; returns the network and how it was made."""
    torch.manual_seed(SEED)
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=1.5e-3)
    pixels, labels = stills(0, scripts)
    steps = epochs * (len(pixels) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    held = stills(10_000_000, 500)
    made: dict[str, Any] = {}
    for epoch in range(epochs):
        for rows in torch.randperm(len(pixels)).split(batch):
            if len(rows) < batch:
                continue
            part = torch.from_numpy(pixels[rows.numpy()]).float() / backbone.UNIT
            loss = loss_of(*network(part), {name: label[rows] for name, label in labels.items()})
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
        made = accuracy(network, *held)
        sys.stderr.write(f"epoch {epoch + 1}: loss {float(loss):.3f} {made}\n")
    return network, {"stills": len(pixels), "epochs": epochs, "batch": batch, "held_out": made}


def freeze(network: Network, how: dict[str, Any], path: Path) -> None:
    """Write the integers, and beside them how they were made."""
    arrays: dict[str, NDArray[Any]] = {}
    for i, (weight, bias) in enumerate(network.integers()):
        arrays[f"weight{i}"] = weight.detach().numpy().T.astype(np.int8)
        arrays[f"bias{i}"] = bias.detach().numpy().astype(np.int32)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    made = {"name": backbone.NAME, "dim": DIM, "seed": SEED, "torch": torch.__version__, **how}
    path.with_suffix(".json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train and write the weights that the package carries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--scripts", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=backbone.WEIGHTS)
    options = parser.parse_args()
    freeze(*train(options.epochs, options.scripts), options.out)


if __name__ == "__main__":
    main()
