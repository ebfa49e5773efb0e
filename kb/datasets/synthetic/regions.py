"""Regions: boxes of the figures in each frame, with features of their crops."""

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import backbone, rendering
from kb.datasets.synthetic.script import Script

HOP = 6  # frames from one look to the next
PLACE = 5  # numbers of a box: left, top, right, bottom in widths of the picture, time in videos
_FAINT = 7  # of 8: a figure that has faded so far is not found
_SIDE = rendering.SIDE


def boxes(script: Script) -> NDArray[np.int32]:
    """(boxes, 6): frame, member of the cast, left, top, right, bottom in pixels."""
    states = rendering.poses(script)
    rows = [
        (frame, member, *_box(states, member, frame))
        for frame in range(HOP // 2, script.frames, HOP)
        for member in range(len(script.cast))
        if states["thin"][member, frame] < _FAINT
    ]
    return np.array(rows, np.int32).reshape(-1, 6)


def _box(states: dict[str, NDArray[np.int32]], member: int, frame: int) -> tuple[int, ...]:
    x, y, r = (int(states[name][member, frame]) for name in ("x", "y", "radius"))
    return max(x - r - 1, 0), max(y - r, 0), min(x + r + 2, _SIDE), min(y + r + 1, _SIDE)


def crops(script: Script, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(boxes, 64, 64, 3): each frame with everything outside the box grey, which reads as zero."""
    row, column = np.arange(_SIDE)[:, None], np.arange(_SIDE)[None, :]
    table = boxes(script)
    left, top, right, bottom = (table[:, i, None, None] for i in range(2, 6))
    inside = (left <= column) & (column < right) & (top <= row) & (row < bottom)
    return np.where(inside[..., None], pixels[table[:, 0]], np.uint8(backbone.MIDDLE))


def places(script: Script) -> NDArray[np.float32]:
    """(boxes, 5): the box in 64ths of the picture, and when, in 64ths of the video."""
    table = boxes(script)
    when = table[:, 0] * _SIDE // script.frames
    numbers = np.concatenate([table[:, 2:], when[:, None]], axis=1)
    return numbers.astype(np.float32) / np.float32(_SIDE)
