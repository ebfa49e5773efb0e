"""`kb data measure` records the reference points of a synthetic dataset, and nothing else."""

import pytest

from kb.cli import data as command
from kb.datasets.synthetic import contact_sheet
from kb.records import KBError, worlds
from kb.repro import worlds as room


@pytest.fixture
def row():
    """The smallest synthetic dataset after one epoch of its baseline."""
    return room.measure("diorama-msrvtt", size="tiny", progress=lambda *_: None, epochs=1)


def test_reference_points_of_synthetic_data_are_in_order_and_stored(row, tmp_path):
    """Chance lies below the oracle; minimal pairs are counted; the row is read back as written."""
    assert row.points["chance"].t2v["R@1"] == pytest.approx(100 / row.splits["test"].videos)
    assert row.points["oracle"].t2v["R@1"] > row.points["chance"].t2v["R@1"]
    assert set(row.points["oracle"].twins) == set(row.points["bow-mean"].twins) == set(row.twins)
    other = row.model_copy(update={"size": "small"})
    worlds.record(tmp_path, other)
    before = worlds.record(tmp_path, row).read_bytes()
    assert worlds.read(tmp_path) == [other, row]
    assert worlds.record(tmp_path, row).read_bytes() == before


def test_the_command_records_a_row_for_the_named_dataset(row, base, monkeypatch):
    """The row that is measured lands in data/worlds.json."""
    monkeypatch.setattr(room, "measure", lambda *_, **__: row)
    command.measure("diorama-msrvtt", size="tiny")
    assert worlds.read(base / "data") == [row]
    picture = (base / "site" / "assets" / worlds.picture(row)).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000


def test_a_row_tells_how_long_captions_are_and_shows_some(row):
    """Quartiles in order; of each family shown, the first and at most one twin."""
    assert set(row.spreads) == {
        "words a caption",
        "captions a video",
        "acts a video",
        "frames a video",
    }
    for spread in row.spreads.values():
        cuts = list(spread.model_dump().values())
        assert cuts == sorted(cuts)
    assert row.spreads["captions a video"].median == 20
    assert len(row.sheet) == contact_sheet.SHOWN
    assert row.sheet[0].twin == ""
    assert all(len(one.captions) == 2 for one in row.sheet)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 1, "stagings": [{"name": "a"}]}'])
def test_a_broken_file_is_one_clear_line(text, tmp_path):
    """It names the file and how to fix it, and is left as it is."""
    worlds.path(tmp_path).write_text(text)
    with pytest.raises(KBError, match=r"worlds.json.*not the measured stagings"):
        worlds.read(tmp_path)
    assert worlds.path(tmp_path).read_text() == text


def test_a_name_of_no_synthetic_dataset_is_refused(base):
    """With the names that are."""
    with pytest.raises(KBError, match="no synthetic dataset"):
        command.measure("msrvtt")
