"""Frames into video files: what makes the generated world a folder of real, encoded videos."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import Exit, KBError

LOSSLESS = "libx264rgb"  # H.264 that keeps every pixel; not in every build of FFmpeg
LOSSY = "mpeg4"  # MPEG-4 part 2, which is
_OPTIONS = {LOSSLESS: {"crf": "0"}, LOSSY: {}}
_PIXELS = {LOSSLESS: "rgb24", LOSSY: "yuv420p"}
_BITS = 4_000_000  # a second, of the lossy one


def write_video(path: Path, frames: NDArray[np.uint8], fps: int, codec: str | None = None) -> None:
    """Encode (frames, height, width, 3) RGB into a file, in the container of its extension.

    Without a codec, lossless where this FFmpeg can. Raises KBError where PyAV is missing or refuses.
    """
    try:
        import av  # noqa: PLC0415  (only who encodes or decodes needs it)
    except ImportError as error:
        hint = "pip install av (extra `features`)"
        raise KBError("videos need PyAV", hint=hint, code=Exit.UNREACHABLE) from error
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
