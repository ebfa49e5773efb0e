"""A contact sheet shows frames of the videos it is asked for, as a PNG that others can read."""

import struct
import zlib

import numpy as np
import pytest

from kb.datasets.synthetic import contact_sheet, rendering
from kb.datasets.synthetic.counterparts import COUNTERPARTS

WORLD = COUNTERPARTS["diorama-msrvtt"].world("diorama-msrvtt", "tiny", 0)
VIDEOS = list(WORLD.videos())[:3]


def read(png):
    """(height, width, 3) of a palette PNG, chunk by chunk."""
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(
            kind + data
        )
        chunks[kind], at = data, at + 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)[rows[:, 1:]]


def test_a_row_shows_a_video_from_its_first_frame_to_its_last():
    """Frames stand side by side, as they are."""
    pixels = contact_sheet.contact(VIDEOS)
    for number, video in enumerate(VIDEOS):
        frames = rendering.render(video.script)
        row = pixels[number * 66 : number * 66 + 64]
        assert np.array_equal(row[:, :64], frames[0])
        assert np.array_equal(row[:, -64:], frames[-1])


def test_the_picture_has_the_pixels_of_the_sheet():
    """Decoded chunk by chunk, checksums included."""
    pixels = contact_sheet.contact(VIDEOS)
    assert np.array_equal(read(contact_sheet.png(pixels)), pixels)


def test_a_picture_of_too_many_colours_is_refused():
    """A palette holds 256."""
    pixels = np.arange(257 * 3, dtype=np.uint16).view(np.uint8)[: 257 * 3].reshape(1, 257, 3)
    with pytest.raises(ValueError, match="257 colours"):
        contact_sheet.png(pixels)
