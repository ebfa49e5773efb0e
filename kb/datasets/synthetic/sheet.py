"""A contact sheet: a row of frames for each of a few videos, as a small PNG."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import stage
from kb.datasets.synthetic.script import Video

FRAMES = 8  # of a video, evenly spread
_GAP = 2  # pixels between frames
_PAPER = 255  # of the gaps
_PALETTE = 256
Pixels = NDArray[np.uint8]


def contact(videos: Sequence[Video]) -> Pixels:
    """(height, width, 3): a row a video, time from left to right."""
    return np.concatenate([_row(stage.render(video.script)) for video in videos])


def _row(pixels: Pixels) -> Pixels:
    """Frames side by side, a gap under them and between."""
    chosen = np.linspace(0, len(pixels) - 1, FRAMES).round().astype(int)
    edges = ((0, 0), (0, _GAP), (0, _GAP), (0, 0))
    framed = np.pad(pixels[chosen], edges, constant_values=_PAPER)
    row: Pixels = np.concatenate(list(framed), axis=1)[:, :-_GAP]
    return row


def png(pixels: Pixels) -> bytes:
    """(height, width, 3) as a PNG with a palette; ValueError above 256 colours.

    Portable Network Graphics, third edition (W3C 2025), sections 5 and 11.
    """
    colours, index = _indexed(pixels)
    height, width = index.shape
    rows = np.pad(index, ((0, 0), (1, 0)))  # before each row: filter 0
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", colours.tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _indexed(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """(colours, 3) and (height, width): which colour each pixel has."""
    colours, index = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > _PALETTE:
        raise ValueError(f"{len(colours)} colours, a palette holds {_PALETTE}")
    return colours, index.reshape(pixels.shape[:2]).astype(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
