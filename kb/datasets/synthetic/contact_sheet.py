"""Pictures and statistics of a synthetic dataset: lengths, counts, contact sheet, captions."""

import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Corpus
from kb.datasets.synthetic import rendering, truth
from kb.datasets.synthetic.script import Video

SHOWN = 6  # videos of a contact sheet
_OF_A_FAMILY = 2
_CAPTIONS = 2  # of a video
_CUTS = {"least": 0.0, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "most": 1.0}
FRAMES = 8  # of a video, evenly spread
_GAP = 2  # pixels between frames
_PAPER = 255  # of the gaps
_PALETTE = 256
Pixels = NDArray[np.uint8]


def shown(root: Path) -> list[Video]:
    """Videos for a contact sheet: the first families of the test split, two of each at most."""
    families: dict[str, list[Video]] = {}
    for video in truth.videos(root):
        if video.split == "test":
            families.setdefault(video.family, []).append(video)
    return [video for own in families.values() for video in own[:_OF_A_FAMILY]][:SHOWN]


def contact_sheet(root: Path) -> bytes:
    """A PNG of the frames of `shown`, one row per video."""
    return png(contact(shown(root)))


def examples(corpus: Corpus, root: Path) -> list[dict[str, Any]]:
    """The videos of the contact sheet, from the top down, each with its first captions."""
    captions = corpus.splits["test"].captions
    rows = []
    for video in shown(root):
        texts = [caption.text for caption in captions if caption.video == video.id]
        rows.append({"video": video.id, "twin": video.twin, "captions": texts[:_CAPTIONS]})
    return rows


def spreads(corpus: Corpus, root: Path) -> dict[str, dict[str, float]]:
    """Least, quartiles and most of what is counted, over all splits."""
    captions = [caption for data in corpus.splits.values() for caption in data.captions]
    scripts = [video.script for video in truth.videos(root)]
    counted: dict[str, Sequence[float]] = {
        "words a caption": [len(caption.text.split()) for caption in captions],
        "captions a video": list(Counter(caption.video for caption in captions).values()),
        "acts a video": [len(script.events) for script in scripts],
        "frames a video": [script.frames for script in scripts],
        "seconds a video": list(corpus.durations.values()),  # where the files tell
    }
    return {what: _spread(values) for what, values in counted.items() if values}


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {name: float(np.quantile(values, cut)) for name, cut in _CUTS.items()}


def contact(videos: Sequence[Video]) -> Pixels:
    """(height, width, 3): one row per video, time from left to right."""
    return np.concatenate([_row(rendering.render(video.script)) for video in videos])


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
    """(colours, 3) palette and (height, width) colour index of each pixel."""
    colours, index = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > _PALETTE:
        raise ValueError(f"{len(colours)} colours, a palette holds {_PALETTE}")
    return colours, index.reshape(pixels.shape[:2]).astype(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
