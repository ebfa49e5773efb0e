"""Train the world's backbone once and freeze it: `python -m kb.datasets.synthetic.train`.

The task is the world's "ImageNet": for a still, which shapes are there, and for each its colour,
size, texture, position and state. Quantisation takes part in training (straight-through
gradients), so that the integers the backbone computes with are the ones that were trained.
"""

import argparse
import functools
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kb.datasets.synthetic import backbone, plot, rendering
from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws

WIDTHS = (24, 48, 64, 64, 64)  # channels of the convolutions
DIM = 128  # of a frame's features
SEED = 20190618  # of the stills: no world that is evaluated uses it
_KINDS = (("colour", s.COLOURS), ("size", s.SIZES), ("texture", s.TEXTURES))
_STATES = ("x", "y", "radius", "white", "thin")
_SCALE = (32.0, 32.0, 8.0, 8.0, 8.0)
BATCH = 128
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


def _quantised(x: Tensor, unit: float, low: float, high: float) -> Tensor:
    result: Tensor = Quantise.apply(x, unit, low, high)  # type: ignore[no-untyped-call]
    return result


class Network(nn.Module):
    """The backbone as it is trained, with the heads that are thrown away afterwards.

    First in floats with batch normalisation; `fold` puts the norms into the weights, after which
    the network trains on as the integers will compute it.
    """

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *WIDTHS[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, 3, stride=stride, padding=1)
            for i, o, stride in zip(inputs, WIDTHS, backbone.STRIDES, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in WIDTHS)
        self.last = nn.Linear(16 * WIDTHS[-1], DIM)
        self.last_norm = nn.BatchNorm1d(DIM)
        per_shape = 1 + sum(len(values) for _, values in _KINDS) + len(_STATES)
        self.head = nn.Linear(DIM, len(s.SHAPES) * per_shape + len(s.PLACES))
        self.shifts: list[int] = []  # by layer, once folded

    @torch.no_grad()
    def fold(self) -> None:
        """Put the norms into the weights and fix the unit of each layer's integers."""
        norms = [*self.norms, self.last_norm]
        for layer, norm in zip(self._affine(), norms, strict=True):
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            layer.weight.mul_(gain.view(-1, *[1] * (layer.weight.ndim - 1)))
            layer.bias.copy_((layer.bias - norm.running_mean) * gain + norm.bias)
            largest = layer.weight.abs().flatten().quantile(0.9995).item()
            self.shifts.append(math.floor(math.log2(127 / largest)))

    def _affine(self) -> list[Any]:
        return [*self.convolutions, self.last]

    def integers(self) -> list[tuple[Tensor, Tensor]]:
        """(weight, bias) of each layer as the integers that `backbone` multiplies."""
        layers = []
        for layer, shift in zip(self._affine(), self.shifts, strict=True):
            weight = (layer.weight * 2**shift + 0.5).floor().clamp(-127, 127)
            order = (*range(2, weight.ndim), 1, 0)
            matrix = weight.permute(order).reshape(-1, weight.shape[0])
            layers.append((matrix, (layer.bias * 2**shift * backbone.UNIT).round()))
        return layers

    def features(self, pixels: Tensor) -> Tensor:
        """(n, 64, 64, 3) pixels in units of 1/64, around zero -> (n, dim)."""
        maps = pixels.permute(0, 3, 1, 2)
        for i, layer in enumerate(self.convolutions):
            conv = functools.partial(functional.conv2d, stride=layer.stride, padding=1)
            maps = self._activate(conv, maps, i, layer, self.norms[i])
        flat = maps.permute(0, 2, 3, 1).flatten(1)
        return self._activate(functional.linear, flat, len(WIDTHS), self.last, self.last_norm)

    def _activate(self, product: Any, maps: Tensor, i: int, layer: Any, norm: Any) -> Tensor:
        top = backbone.TOP / backbone.UNIT
        if not self.shifts:
            activated: Tensor = norm(product(maps, layer.weight, layer.bias)).clamp(0, top)
            return activated
        unit = 2.0 ** -self.shifts[i]
        weight = _quantised(layer.weight + unit / 2, unit, -127 * unit, 127 * unit)
        return _quantised(product(maps, weight, layer.bias), 1 / backbone.UNIT, 0.0, top)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Scores by shape (n, shapes, per shape) and by place (n, places)."""
        scores = self.head(self.features(pixels))
        by_shape, by_place = scores[:, : -len(s.PLACES)], scores[:, -len(s.PLACES) :]
        return by_shape.unflatten(1, (len(s.SHAPES), -1)), by_place


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """Pixels as the first layer reads them."""
    return (torch.from_numpy(pixels).float() - backbone.MIDDLE) / backbone.UNIT


def stills(start: int, count: int) -> tuple[NDArray[np.uint8], Labels]:
    """`count` stills of different stages, and their labels."""
    frames, labels = [], []
    for number in range(start, start + count):
        draws = Draws(SEED, "still", number)
        script = replace(plot.write(draws, Difficulty()), frames=1)
        pose = _pose(script, draws)
        frames.append((rendering.paint(script, pose)[0] * script.light // 16).astype(np.uint8))
        labels.append(_label(script, {name: track[:, 0] for name, track in pose.items()}))
    joined = {name: torch.tensor(np.stack([row[name] for row in labels])) for name in labels[0]}
    return np.stack(frames), joined


def _pose(script: s.Script, draws: Draws) -> dict[str, NDArray[np.int32]]:
    """A state such as acts bring about: anywhere, swollen, bright or faint at times."""
    cast = range(len(script.cast))
    swollen = [5 if draws.chance(15) else 0 for _ in cast]
    rest = rendering.poses(replace(script, events=()))
    drawn = {
        "x": [draws.between(5, 58) for _ in cast],
        "y": [draws.between(8, 58) for _ in cast],
        "radius": [int(rest["radius"][i, 0]) + draws.below(1 + swollen[i]) for i in cast],
        "white": [draws.below(9) if draws.chance(12) else 0 for _ in cast],
        "thin": [draws.below(9) if draws.chance(12) else 0 for _ in cast],
    }
    return {name: np.array(values, np.int32)[:, None] for name, values in drawn.items()}


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
    return torch.split(by_shape[..., 1 : -len(_STATES)], [len(v) for _, v in _KINDS], dim=-1)


@torch.no_grad()
def accuracy(network: Network, pixels: NDArray[np.uint8], labels: Labels) -> dict[str, float]:
    """Held-out accuracy: presence, each attribute, place; error of the positions in pixels."""
    by_shape, by_place = network(as_input(pixels))
    there = labels["seen"] > 0
    measures = {"presence": ((by_shape[..., 0] > 0) == there).float().mean()}
    for i, (scores, (name, _)) in enumerate(zip(_attributes(by_shape), _KINDS, strict=True)):
        measures[name] = (scores[there].argmax(1) == labels["kinds"][there][:, i]).float().mean()
    measures["place"] = (by_place.argmax(1) == labels["place"]).float().mean()
    off = (by_shape[..., -len(_STATES) :] - labels["state"])[there].abs().mean(0)
    measures |= {f"{n}_error": v * k for n, v, k in zip(_STATES, off, _SCALE, strict=True)}
    return {name: round(float(value), 4) for name, value in measures.items()}


def train(epochs: int, count: int) -> tuple[Network, dict[str, Any]]:
    """Train on `count` stills, a quarter of the epochs as integers."""
    torch.manual_seed(SEED)
    network = Network()
    (pixels, labels), held_out = stills(0, count), stills(10_000_000, 2000)

    def loss(rows: Tensor) -> Tensor:
        part = {name: label[rows] for name, label in labels.items()}
        by_shape, by_place = network(as_input(pixels[rows.numpy()]))
        return loss_of(by_shape, by_place, part)

    def judge() -> dict[str, float]:
        return accuracy(network, *held_out)

    fit_and_fold(network, count, loss, judge, epochs, epochs // 4)
    made = {"stills": count, "epochs": epochs, "held_out_stills": len(held_out[0])}
    return network, {**made, "held_out": judge()}


def fit_and_fold(
    network: Network,
    count: int,
    loss_at: Callable[[Tensor], Tensor],
    judge: Callable[[], dict[str, float]],
    epochs: int,
    integer_epochs: int,
) -> None:
    """Train in floats, fold to integers, and train those for the last `integer_epochs`."""
    fit(network, count, loss_at, judge, epochs - integer_epochs, 4e-3)
    network.eval()
    network.fold()
    fit(network, count, loss_at, judge, integer_epochs, 5e-4)


def fit(
    network: Network,
    count: int,
    loss_at: Callable[[Tensor], Tensor],
    judge: Callable[[], dict[str, float]],
    epochs: int,
    rate: float,
) -> None:
    """Adam over `count` examples in random order, the learning rate up and down once."""
    steps = count // BATCH
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * steps)
    for epoch in range(epochs):
        network.train(not network.shifts)
        for rows in torch.randperm(count)[: steps * BATCH].view(steps, BATCH):
            loss = loss_at(rows)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
        network.eval()
        sys.stderr.write(f"epoch {epoch + 1}: loss {loss.item():.3f} {judge()}\n")


def freeze(network: Network, how: dict[str, Any], path: Path) -> None:
    """Write the integer weights and a note on their training."""
    arrays: dict[str, NDArray[Any]] = {}
    for i, (weight, bias) in enumerate(network.integers()):
        arrays[f"weight{i}"] = weight.detach().numpy().astype(np.int8)
        arrays[f"bias{i}"] = bias.detach().numpy().astype(np.int32)
    arrays["shifts"] = np.array(network.shifts, np.int8)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    made = {**how, "torch": torch.__version__}
    path.with_suffix(".json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train and write the weights that the package carries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--stills", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=backbone.WEIGHTS)
    options = parser.parse_args()
    network, how = train(options.epochs, options.stills)
    freeze(network, {"name": backbone.NAME, "dim": DIM, "seed": SEED, **how}, options.out)


if __name__ == "__main__":
    main()
