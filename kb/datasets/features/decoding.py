"""Frames from video files at a rate, with PyAV. A video that is broken says so in one line."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import Exit, KBError

_MOST_PIXELS = 8192 * 8192  # of one frame; more is a bomb or damage
_LONGEST = 86_400  # seconds of a video; the same


def frames_of(path: Path, fps: float) -> Iterator[NDArray[np.uint8]]:
    """(height, width, 3) RGB frames: the k-th is the picture on the screen at k/fps seconds.

    Pictures are repeated or left out to keep that rate. A video that gives out in the middle raises
    KBError then; one without a picture raises at once.
    """
    av = _av()
    try:
        with av.open(str(path)) as file:
            yield from _at_rate(file, path, Fraction(fps).limit_denominator(1000))
    except (av.FFmpegError, OSError, ValueError) as error:
        what = f"cannot be decoded ({_reason(error)})"
        raise KBError(what, where=path, hint="fetch the video again") from error


def _av() -> Any:
    try:
        import av  # noqa: PLC0415  (only who decodes needs it)
    except ImportError as error:
        hint = "pip install av (extra `features`)"
        raise KBError("videos need PyAV", hint=hint, code=Exit.UNREACHABLE) from error
    av.logging.set_level(None)  # what is wrong is told once, by us
    return av


def _at_rate(file: Any, path: Path, fps: Fraction) -> Iterator[NDArray[np.uint8]]:
    if not file.streams.video:
        raise KBError("has no picture", where=path, hint="is it a video?")
    stream = file.streams.video[0]
    stream.thread_type = "AUTO"
    shown, start = 0, None  # frames given out; time of the first picture
    last = None  # the picture on the screen and when it came up
    for frame in file.decode(stream):
        _check(frame, path)
        time = _time(frame, stream)
        start = time if start is None else start
        if time - start > _LONGEST:
            raise KBError("claims to be longer than a day", where=path, hint="it is not decoded")
        while last is not None and start + shown / fps < time:
            yield last
            shown += 1
        last = frame.to_ndarray(format="rgb24")
    if last is None:
        raise KBError("has no frame", where=path, hint="fetch the video again")
    end = time + _length(stream)
    while start is not None and start + shown / fps < end:
        yield last
        shown += 1


def _check(frame: Any, path: Path) -> None:
    if frame.width * frame.height > _MOST_PIXELS:
        what = f"has frames of {frame.width} x {frame.height}"
        raise KBError(what, where=path, hint="larger than any video; it is not decoded")


def _time(frame: Any, stream: Any) -> Fraction:
    """When a frame is shown, in seconds."""
    if frame.pts is None:
        raise ValueError("a frame without its time")
    return Fraction(frame.pts) * Fraction(stream.time_base)


def _length(stream: Any) -> Fraction:
    """How long the last frame is shown, in seconds."""
    return 1 / Fraction(stream.average_rate) if stream.average_rate else Fraction(1, 25)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
