"""mp4 files whose boxes lie about sizes, counts and times: frames in plain number, or one line."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kb.datasets.features.videos import LOSSY, frames_of, write_video
from kb.records.errors import KBError

pytest.importorskip("av")
WITHIN = ("moov", "trak", "mdia", "minf", "stbl", "edts")


def boxes(raw: bytes, start: int, end: int) -> Iterator[tuple[str, int]]:
    """(type, place) of every box, those within boxes too (ISO/IEC 14496-12, 4.2)."""
    while start + 8 <= end:
        (size,) = struct.unpack(">I", raw[start : start + 4])
        kind = raw[start + 4 : start + 8].decode("latin-1")
        yield kind, start
        if kind in WITHIN:
            yield from boxes(raw, start + 8, start + size)
        start += size


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three seconds of noise."""
    pixels = np.random.default_rng(0).integers(255, size=(24, 32, 48, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("video") / "x.mp4"
    write_video(path, pixels, 8, LOSSY)
    return path.read_bytes()


def with_word(raw: bytes, kind: str, offset: int, word: int) -> bytes:
    """The file with 32 bits of the first box of a type replaced."""
    place = next(place for name, place in boxes(raw, 0, len(raw)) if name == kind) + offset
    return raw[:place] + struct.pack(">I", word) + raw[place + 4 :]


def decoded(path: Path, raw: bytes) -> int | str:
    """How many frames come, or the one line; in seconds, and never more than the file has."""
    path.write_bytes(raw)
    began, count = time.process_time(), 0
    try:
        for _ in frames_of(path, 5):
            count += 1
            assert count < 4000
    except KBError as error:
        return str(error)
    finally:
        assert time.process_time() - began < 5
    return count


SIZES = (
    "ftyp",
    "mdat",
    "moov",
    "trak",
    "mdia",
    "minf",
    "stbl",
    "stsd",
    "stts",
    "stsc",
    "stsz",
    "stco",
)
COUNTS = (
    ("stsd", 12),
    ("stts", 12),
    ("stsc", 12),
    ("stsz", 16),
    ("stco", 12),
    ("stss", 12),
    ("elst", 12),
)


@pytest.mark.parametrize("kind", SIZES)
def test_a_box_of_another_size(honest: bytes, tmp_path: Path, kind: str) -> None:
    """None, one, seven, two and four gibibytes: whatever a box says of its length."""
    for size in (0, 1, 7, 9, 0x7FFFFFFF, 0xFFFFFFFF):
        decoded(tmp_path / "x.mp4", with_word(honest, kind, 0, size))


@pytest.mark.parametrize(("kind", "offset"), COUNTS)
def test_a_table_of_another_length(honest: bytes, tmp_path: Path, kind: str, offset: int) -> None:
    """A million rows and four milliards that are not there."""
    for count in (0, 1_000_000, 0x10000000, 0xFFFFFFFF):
        decoded(tmp_path / "x.mp4", with_word(honest, kind, offset, count))


LIES = {
    "a picture that stays for a day": ("stts", 20, 0x7FFFFFFF),
    "no time between pictures": ("stts", 20, 0),
    "a clock of one tick a second": ("mdhd", 20, 1),
    "a clock without ticks": ("mdhd", 20, 0),
    "a length of days": ("mdhd", 24, 0xFFFFFFFE),
    "a film of days": ("mvhd", 24, 0xFFFFFFFE),
    "samples of two gibibytes": ("stsz", 12, 0x7FFFFFFF),
    "a first sample of two gibibytes": ("stsz", 20, 0x7FFFFFFF),
    "a chunk beyond the end": ("stco", 16, 0xFFFFFFF0),
    "frames of 65,535 x 65,535": ("stsd", 48, 0xFFFFFFFF),
}


@pytest.mark.parametrize(("kind", "offset", "word"), LIES.values(), ids=LIES)
def test_a_lie_about_time_or_place(
    honest: bytes, tmp_path: Path, kind: str, offset: int, word: int
) -> None:
    """Clocks, durations, sizes of samples and frames."""
    decoded(tmp_path / "x.mp4", with_word(honest, kind, offset, word))


def test_what_is_held_for_days_is_refused(honest: bytes, tmp_path: Path) -> None:
    """Forty kilobytes do not become half a million frames; the honest file is read."""
    path = tmp_path / "x.mp4"
    assert decoded(path, honest) == 15
    held = decoded(path, with_word(honest, "stts", 20, 0x7FFFFFFF))
    assert "claims to show one picture for 131,072 seconds" in str(held)
    assert "cannot be decoded" in str(decoded(path, honest[: len(honest) // 2]))


def test_changed_bytes_of_the_tables(honest: bytes, tmp_path: Path) -> None:
    """Sixty files with a few bytes of the header changed."""
    draws = np.random.default_rng(0)
    (start,) = (place for name, place in boxes(honest, 0, len(honest)) if name == "moov")
    for _ in range(60):
        raw = bytearray(honest)
        for place in draws.integers(start, len(raw), 5):
            raw[place] = draws.choice([0, 1, 127, 128, 255])
        decoded(tmp_path / "x.mp4", bytes(raw))
