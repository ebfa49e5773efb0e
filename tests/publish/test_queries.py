"""Queries with their ranks and frames: matched by their place in the split, or not shown."""

import base64
import struct
import zlib

import pytest

from kb.publish.pages.queries import queries
from kb.records import Library
from kb.records.worlds import Measured

PRINT = "ab" * 16
POINT = {"t2v": {"R@1": 1.0}}
ROW = {
    "name": "diorama-pond",
    "size": "small",
    "seed": 0,
    "fingerprint": PRINT,
    "keeps": [],
    "leaves": [],
    "splits": {
        "train": {"videos": 5, "captions": 5},
        "val": {"videos": 2, "captions": 2},
        "test": {"videos": 3, "captions": 6},
    },
    "twins": {"order": 1},
    "points": dict.fromkeys(("chance", "bow-mean", "oracle"), POINT),
    "sheet": [
        {"video": "video8", "twin": "", "captions": ["a raft", "the raft"]},
        {"video": "video9", "twin": "order", "captions": ["a knot"]},
    ],
}


@pytest.fixture
def look(tmp_path, invented):
    """The queries of a run with six ranks, on a sheet of two rows of 526 pixels."""
    (tmp_path / "worlds").mkdir()
    size = struct.pack(">II", 526, 132)
    picture = tmp_path / "worlds" / "diorama-pond-small-0.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + size)

    def make(ranks=(9, 9, 1, 3, 2, 9), **changed):
        run = next(iter(Library.open(invented).runs("paper-boats")))
        packed = base64.b64encode(zlib.compress(struct.pack(f"<{len(ranks)}f", *ranks))).decode()
        data = run.data.model_copy(update={"fingerprint": PRINT})
        run = run.model_copy(update={"ranks": {"t2v": packed}, "data": data})
        return queries(tmp_path, Measured.model_validate(ROW | changed), run)

    return make


def test_a_caption_has_the_rank_of_its_place_in_the_split(look):
    """Video 8 is the second of the test split, so its captions are the third and the fourth."""
    assert [(one.text, one.rank, one.right) for one in look()] == [
        ("the raft", 3, False),
        ("a knot", 2, False),
        ("a raft", 1, True),
    ]


def test_a_strip_is_the_row_of_its_video(look):
    """Half of the sheet each; the second video names its pair."""
    strips = {one.video: one for one in look()}
    assert (strips["video8"].strip.top, strips["video9"].strip.top) == (0, 66)
    assert [strips[name].twin for name in ("video8", "video9")] == ["", "order"]
    assert strips["video8"].paired


@pytest.mark.parametrize(
    "changed",
    [
        {"fingerprint": "cd" * 16},  # another world
        {"sheet": None},
        {"sheet": [{"video": "tumblr_x", "twin": "", "captions": ["a"]}]},  # not numbered
        {"sheet": [{"video": "video3", "twin": "", "captions": ["a"]}]},  # of another split
        {"name": "diorama-lake"},  # no picture
        {"splits": ROW["splits"] | {"test": {"videos": 3, "captions": 7}}},
    ],
)
def test_what_cannot_be_matched_is_not_shown(look, changed):
    """A rank is never put beside a caption that it may not belong to."""
    assert look(**changed) == []
