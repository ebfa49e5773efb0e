"""The page of the embedded world shows data/worlds.json, and only where there is one."""

import json

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
}


def test_what_was_measured_has_a_page(copy, tmp_path):
    """Scores, twins, and what a staging keeps and leaves out, in a strict build."""
    document = {"schema_version": 1, "stagings": [ROW]}
    (copy / "data" / "worlds.json").write_text(json.dumps(document))
    publishing.publish(Library.open(copy), tmp_path / "out", strict=True)
    page = (tmp_path / "out" / "site" / "worlds" / "index.html").read_text()
    for shown in ("diorama-pond", "21.2", "97.8", "50.0", "98.5", "two ponds", "0123456789abcdef"):
        assert shown in page
    assert "<sea>" not in page


def test_without_measurements_there_is_no_page(built):
    """Nor an entry that leads to one."""
    assert not (built / "site" / "worlds").exists()
    assert 'worlds/"' not in (built / "site" / "index.html").read_text()
