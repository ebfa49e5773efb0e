"""Pixels -> frame features: a small frozen 2-D CNN, trained once on stills of the world.

Weights are 8-bit integers and activations 0..255; every partial sum stays below 2^24, so that
float32 matrix products carry exact integers and the features are the same bytes on any machine,
library and number of threads. `python -m kb.datasets.synthetic.train` made the weights.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("backbone.npz")
NAME = "diorama-cnn-1"  # the feature folder's name
STRIDES = (2, 2, 2, 1, 2)  # of the convolutions: 64 pixels a side become 4
SPAN = 3  # of the convolutions, pixels
MIDDLE = 128  # grey: the first layer's zero
UNIT = 64  # an activation of 64 is 1.0
TOP = 255  # the largest activation
EXACT = 1 << 24  # integers below it are exact in float32, whatever the order of summation
_CHUNK = 256  # frames at once: the patches of the first layer stay in the cache's reach


@dataclass(frozen=True)
class Layer:
    """One affine map of integers followed by division by 2^shift and clipping to 0..255."""

    weight: Floats  # (inputs, outputs), integers in -127..127
    bias: Floats  # (outputs,), integers
    shift: int

    def __call__(self, inputs: Floats) -> Floats:
        """(..., inputs) integers -> (..., outputs) integers, exactly."""
        sums = inputs @ self.weight
        sums += self.bias
        sums *= np.float32(2.0**-self.shift)
        np.floor(sums, out=sums)
        return np.clip(sums, 0, TOP, out=sums)

    def largest_sum(self) -> int:
        """Bound of every partial sum, for inputs in 0..255."""
        return int((np.abs(self.weight).sum(axis=0) * TOP + np.abs(self.bias)).max())


@cache
def layers(path: Path = WEIGHTS) -> tuple[Layer, ...]:
    """The frozen layers: the convolutions and the last, fully connected."""
    with np.load(path) as stored:
        return tuple(
            Layer(
                stored[f"weight{i}"].astype(np.float32),
                stored[f"bias{i}"].astype(np.float32),
                int(shift),
            )
            for i, shift in enumerate(stored["shifts"])
        )


def features(pixels: NDArray[np.uint8]) -> Floats:
    """(frames, 64, 64, 3) uint8 -> (frames, dim) float32, multiples of 1/64 in 0..4."""
    stack = layers()
    out = np.empty((len(pixels), stack[-1].weight.shape[1]), np.float32)
    for start in range(0, len(pixels), _CHUNK):
        out[start : start + _CHUNK] = _forward(stack, pixels[start : start + _CHUNK])
    return out / np.float32(UNIT)


def _forward(stack: tuple[Layer, ...], pixels: NDArray[np.uint8]) -> Floats:
    maps = pixels.astype(np.float32) - np.float32(MIDDLE)
    for convolution, stride in zip(stack[:-1], STRIDES, strict=True):
        maps = convolution(patches(maps, stride))
    return stack[-1](maps.reshape(len(maps), -1))


def patches(maps: Floats, stride: int) -> Floats:
    """(n, side, side, c) -> (n, side / stride, side / stride, 9 c): 3 x 3 windows, zero border."""
    side = maps.shape[1]
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = [
        padded[:, i : i + side : stride, j : j + side : stride]
        for i in range(SPAN)
        for j in range(SPAN)
    ]
    return np.concatenate(windows, axis=-1)
