"""Video files: found under a root, decoded to frames at a rate, encoded. All with PyAV.

A video that is broken, cut short, or larger than any says so in one line.
"""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import Exit, KBError

T = TypeVar("T")
EXTENSIONS = frozenset(
    [
        ".3g2",
        ".3gp",
        ".avi",
        ".flv",
        ".gif",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".webm",
        ".wmv",
    ]
)
_DEPTH = 3  # folders below the root
_MOST_PIXELS = 8192 * 8192  # of one frame; more is a bomb or damage
_LONGEST = 86_400  # seconds of a video; the same
_LONGEST_PICTURE = 600  # seconds of one picture on the screen; the same
_SLACK = Fraction(1, 2)  # seconds that a container may announce beyond its last frame
_SHARE = Fraction(2, 100)  # of its length; the same
LOSSLESS = "libx264rgb"  # H.264 that keeps every pixel; not in every build of FFmpeg
LOSSY = "mpeg4"  # MPEG-4 part 2, which is
_OPTIONS = {LOSSLESS: {"crf": "0"}, LOSSY: {}}
_PIXELS = {LOSSLESS: "rgb24", LOSSY: "yuv420p"}
_BITS = 4_000_000  # a second, of the lossy one
_AGAIN = "fetch the video again"


def find_videos(root: Path) -> dict[str, Path]:
    """Every video file at most three folders below the root; the first where an id is repeated.

    Links to folders are not followed; hidden files and folders are passed over, pipes too.
    """
    videos: dict[str, Path] = {}
    for folder, below, files in os.walk(root):
        place = Path(folder)
        below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
        if len(place.relative_to(root).parts) >= _DEPTH:
            below.clear()
        for file in sorted(files):
            name, extension = os.path.splitext(file)  # noqa: PTH122  (millions of names)
            is_video = extension.lower() in EXTENSIONS and not file.startswith(".")
            if is_video and (place / file).is_file():
                videos.setdefault(name, place / file)
    return videos


def frames_of(path: Path, fps: float) -> Iterator[NDArray[np.uint8]]:
    """(height, width, 3) RGB frames: the k-th is the picture on the screen at k/fps seconds.

    Pictures are repeated or left out to keep that rate, and turned as the file says. A video that
    gives out in the middle raises KBError then; one without a picture raises at once.
    """
    rate = Fraction(fps).limit_denominator(1000)
    yield from _decoded(path, lambda file: _at_rate(file, path, rate))


def stored_frames(path: Path) -> Iterator[tuple[NDArray[np.uint8], Fraction]]:
    """(height, width, 3) RGB of every picture in the file, with the file's own rate.

    Errors as of `frames_of`.
    """
    yield from _decoded(path, lambda file: _each(file, path))


def _decoded(path: Path, read: Callable[[Any], Iterator[T]]) -> Iterator[T]:
    """What is read of a file, with what a decoder says in one line."""
    av = _av()
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        raise KBError("is no regular file", where=path)
    try:
        with av.open(str(path)) as file:
            yield from read(file)
    except (av.FFmpegError, OSError, ValueError) as error:
        what = f"cannot be decoded ({_reason(error)})"
        raise KBError(what, where=path, hint=_AGAIN) from error


def _av() -> Any:
    try:
        import av  # noqa: PLC0415  (only who encodes or decodes needs it)
    except ImportError as error:
        hint = "pip install av (extra `features`)"
        raise KBError("videos need PyAV", hint=hint, code=Exit.UNREACHABLE) from error
    av.logging.set_level(None)  # what is wrong is told once, by us
    return av


def _at_rate(file: Any, path: Path, fps: Fraction) -> Iterator[NDArray[np.uint8]]:
    stream = _pictures(file, path)
    shown, start = 0, None  # frames given out; time of the first picture
    last, time = None, Fraction(0)  # the picture on the screen and when it came up
    for frame in file.decode(stream):
        before, time = time, _time(frame, stream, start, path)
        start = time if start is None else start
        if last is not None:
            _refuse_long_picture(time - before, path)
        while last is not None and start + shown / fps < time:
            yield last
            shown += 1
        last = _upright(frame)
    if last is None or start is None:
        raise KBError("has no frame", where=path, hint=_AGAIN)
    _refuse_long_picture(_frame_length(stream), path)
    end = time + _frame_length(stream)
    _refuse_cut_short(file, stream, end - start, path)
    while start + shown / fps < end:
        yield last
        shown += 1


def _each(file: Any, path: Path) -> Iterator[tuple[NDArray[np.uint8], Fraction]]:
    stream = _pictures(file, path)
    rate, start = Fraction(stream.average_rate or stream.guessed_rate or 0), None
    for frame in file.decode(stream):
        time = _time(frame, stream, start, path)
        start = time if start is None else start
        yield _upright(frame), rate
    if start is None:
        raise KBError("has no frame", where=path, hint=_AGAIN)
    _refuse_cut_short(file, stream, time + _frame_length(stream) - start, path)


def _pictures(file: Any, path: Path) -> Any:
    """The stream of pictures."""
    if not file.streams.video:
        raise KBError("has no picture", where=path, hint="is it a video?")
    stream = file.streams.video[0]
    stream.thread_type = "SLICE"  # threads of whole frames swallow the decoder's errors
    return stream


def _refuse_cut_short(file: Any, stream: Any, there: Fraction, path: Path) -> None:
    """KBError where the pictures end long before the container says."""
    announced = _announced(file, stream)
    if announced - there > max(_SLACK, _SHARE * announced):
        what = f"is cut short: {float(there):.1f} of {float(announced):.1f} seconds are there"
        raise KBError(what, where=path, hint=_AGAIN)


def _check(frame: Any, path: Path) -> None:
    if frame.width * frame.height > _MOST_PIXELS:
        what = f"has frames of {frame.width} x {frame.height}"
        raise KBError(what, where=path, hint="larger than any video; it is not decoded")


def _refuse_long_picture(seconds: Fraction, path: Path) -> None:
    """A few bytes can say that a picture stays for days: each second of it would be frames."""
    if seconds > _LONGEST_PICTURE:
        what = f"claims to show one picture for {float(seconds):,.0f} seconds"
        raise KBError(what, where=path, hint="it is not decoded")


def _upright(frame: Any) -> NDArray[np.uint8]:
    """(height, width, 3) pixels, turned by the file's display matrix, as players show them."""
    pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4  # counterclockwise
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _time(frame: Any, stream: Any, start: Fraction | None, path: Path) -> Fraction:
    """When a frame is shown, in seconds. KBError for a frame too large, or too long after `start`."""
    _check(frame, path)
    if frame.pts is None:
        raise ValueError("a frame without its time")
    time = Fraction(frame.pts) * Fraction(stream.time_base)
    if start is not None and time - start > _LONGEST:
        raise KBError("claims to be longer than a day", where=path, hint="it is not decoded")
    return time


def _frame_length(stream: Any) -> Fraction:
    """How long the last frame is shown, in seconds."""
    return 1 / Fraction(stream.average_rate) if stream.average_rate else Fraction(1, 25)


def _announced(file: Any, stream: Any) -> Fraction:
    """Seconds of pictures that the container announces; 0 where it does not, or counts sound too."""
    if stream.duration:
        return Fraction(stream.duration) * Fraction(stream.time_base)
    if file.duration and len(file.streams) == 1:
        return Fraction(file.duration, 1_000_000)
    return Fraction(0)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def write_video(path: Path, frames: NDArray[np.uint8], fps: int, codec: str | None = None) -> None:
    """Encode (frames, height, width, 3) RGB into a file, in the container of its extension.

    Without a codec, lossless where this FFmpeg can. Raises KBError where PyAV is missing or refuses.
    """
    av = _av()
    try:
        with av.open(str(path), "w") as file:
            codec = codec or (LOSSLESS if LOSSLESS in av.codecs_available else LOSSY)
            stream: Any = file.add_stream(codec, rate=fps, options=_OPTIONS[codec])
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt, stream.bit_rate = _PIXELS[codec], _BITS
            for pixels in frames:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            file.mux(stream.encode(None))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise KBError(f"cannot be encoded ({error})", where=path) from error
