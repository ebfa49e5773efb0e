"""Pixels -> motion features: a small frozen 3-D CNN, trained once on clips of the world.

As the backbone it computes with integers that float32 carries exactly (see `backbone`), so that
the features are the same bytes on any machine, library and number of threads.
`python -m kb.datasets.synthetic.train_motion` made the weights.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import backbone
from kb.datasets.synthetic.backbone import MIDDLE, SPAN, UNIT, Floats, Layer

WEIGHTS = Path(__file__).with_name("motion.npz")
NAME = "diorama-cnn3d-1"
WINDOW = 8  # frames of a clip: about one act
HOP = 4  # frames from one clip to the next
STRIDES = (
    (2, 2),
    (2, 2),
    (1, 2),
)  # (time, space) of the convolutions: 8 x 32 x 32 become 2 x 4 x 4
_CHUNK = 64  # clips at once


def features(pixels: NDArray[np.uint8]) -> Floats:
    """(frames, 64, 64, 3) uint8 of one video -> (clips, dim) float32, multiples of 1/64 in 0..4."""
    stack = backbone.layers(WEIGHTS)
    windows = clips(pixels)
    parts = [_forward(stack, windows[i : i + _CHUNK]) for i in range(0, len(windows), _CHUNK)]
    return np.concatenate(parts) / np.float32(UNIT)


def clips(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(clips, 8, 32, 32, 3): a window every 4 frames, the last frame repeated behind the end."""
    count = max(1, -(-(len(pixels) - WINDOW) // HOP) + 1)
    at = np.arange(count)[:, None] * HOP + np.arange(WINDOW)
    windows: NDArray[np.uint8] = halved(pixels)[np.minimum(at, len(pixels) - 1)]
    return windows


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 64, 64, 3) -> (n, 32, 32, 3): means of 2 x 2 pixels, rounded down."""
    wide = pixels.astype(np.uint16)
    four = wide[:, ::2, ::2] + wide[:, 1::2, ::2] + wide[:, ::2, 1::2] + wide[:, 1::2, 1::2]
    return (four >> 2).astype(np.uint8)


def _forward(stack: tuple[Layer, ...], windows: NDArray[np.uint8]) -> Floats:
    maps = windows.astype(np.float32) - np.float32(MIDDLE)
    for convolution, strides in zip(stack[:-1], STRIDES, strict=True):
        maps = convolution(patches(maps, *strides))
    return stack[-1](maps.reshape(len(maps), -1))


def patches(maps: Floats, in_time: int, in_space: int) -> Floats:
    """(n, t, side, side, c) -> (n, t', side', side', 27 c): 3 x 3 x 3 windows, zero border."""
    _, steps, side, _, _ = maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0)))
    windows = [
        padded[:, k : k + steps : in_time, i : i + side : in_space, j : j + side : in_space]
        for k in range(SPAN)
        for i in range(SPAN)
        for j in range(SPAN)
    ]
    return np.concatenate(windows, axis=-1)
