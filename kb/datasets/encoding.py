"""Frames into video files: what makes the generated world a folder of real, encoded videos."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import Exit, KBError


def write_video(path: Path, frames: NDArray[np.uint8], fps: int, codec: str = "mpeg4") -> None:
    """Encode (frames, height, width, 3) RGB into a file, in the container of its extension.

    MPEG-4 part 2 is in every build of FFmpeg. Raises KBError where PyAV is missing or refuses.
    """
    try:
        import av  # noqa: PLC0415  (only who encodes or decodes needs it)
    except ImportError as error:
        mend = "pip install av (extra `features`)"
        raise KBError("videos need PyAV", mend=mend, code=Exit.UNREACHABLE) from error
    try:
        with av.open(str(path), "w") as file:
            stream: Any = file.add_stream(codec, rate=fps)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            stream.bit_rate = 4_000_000
            for pixels in frames:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            file.mux(stream.encode(None))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise KBError(f"cannot be encoded ({error})", where=path) from error
