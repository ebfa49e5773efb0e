"""The page of the synthetic benchmark shows data/worlds.json, and only where there is one."""

import json

import numpy as np
import pytest

from kb.datasets.synthetic import contact_sheet
from kb.publish import publishing
from kb.records import Library

POINT = {"t2v": {"R@1": 2.5}, "v2t": {"R@1": 2.5}, "SumR": 15.0}
ROW = {
    "name": "diorama-pond",
    "size": "small",
    "seed": 0,
    "fingerprint": "0123456789abcdef",
    "keeps": ["two ponds"],
    "leaves": ["the <sea>"],
    "splits": {split: {"videos": 40, "captions": 800} for split in ("train", "val", "test")},
    "twins": {"order": 7},
    "points": {
        "chance": POINT,
        "bow-mean": POINT | {"t2v": {"R@1": 21.25}, "twins": {"order": 50.0}},
        "oracle": POINT | {"t2v": {"R@1": 97.75}, "twins": {"order": 98.5}},
    },
    "tasks": {
        "fib": {"metric": "accuracy", "questions": 30, "points": {"chance": 1.5, "oracle": 43.25}}
    },
    "spreads": {
        "words a caption": {
            "least": 3,
            "quarter": 7,
            "median": 9.5,
            "three_quarters": 12,
            "most": 61,
        }
    },
    "sheet": [
        {"video": "v1", "twin": "", "captions": ["a duck dives"]},
        {"video": "v2", "twin": "manner", "captions": ["a <duck> dives fast"]},
    ],
}


@pytest.fixture
def site(copy, tmp_path):
    """The built site of a knowledge base with one measured counterpart and its contact sheet."""
    document = {"schema_version": 1, "stagings": [ROW]}
    (copy / "data" / "worlds.json").write_text(json.dumps(document))
    picture = copy / "site" / "assets" / "worlds" / "diorama-pond-small-0.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(contact_sheet.png(np.zeros((2, 2, 3), np.uint8)))
    publishing.publish(Library.open(copy), tmp_path / "out", strict=True)
    return tmp_path / "out" / "site"


def test_what_was_measured_has_a_page(site):
    """Scores and twins of all counterparts, each with a link to its own page."""
    page = (site / "worlds" / "index.html").read_text()
    for told in ("diorama-pond", "21.2", "97.8", "50.0", "98.5", "worlds/diorama-pond/"):
        assert told in page


def test_a_staging_has_a_page_of_its_own(site):
    """What it keeps and leaves out, how long captions are, frames and what is said of them."""
    page = (site / "worlds" / "diorama-pond" / "index.html").read_text()
    for told in (
        "two ponds",
        "0123456789abcdef",
        "9.5",
        "61",
        "a duck dives",
        "its manner",
        "which word is missing",
        "43.2",
    ):
        assert told in page
    assert "<sea>" not in page
    assert "<duck>" not in page
    assert 'src="../../assets/worlds/diorama-pond-small-0.png"' in page
    assert (site / "assets" / "worlds" / "diorama-pond-small-0.png").is_file()


def test_without_measurements_there_is_no_page(built):
    """Nor an entry that leads to one."""
    assert not (built / "site" / "worlds").exists()
    assert 'worlds/"' not in (built / "site" / "index.html").read_text()
