"""The BigFile format: what the field's reader returns, ours returns; broken folders are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from kb.datasets.features import arrays
from kb.datasets.features.bigfile import (
    BigFile,
    FrameVectors,
    Writer,
    frames_by_video,
    open_features,
)
from kb.records.errors import KBError

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "bigfile"


@pytest.fixture
def folder(tmp_path):
    """A copy of the sample that a test may break."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "sample"))


def test_a_batch_is_read_as_the_fields_reader_reads_it():
    """Duplicates collapse, unknown ids are skipped, rows come in the order of storage."""
    store = BigFile(SAMPLE)
    expected = json.loads((SAMPLE / "expected_reads.json").read_text())
    assert [store.count, store.dim] == expected["shape"]
    assert store.names == expected["names"]
    wanted = expected["read_unsorted_dup_missing"]
    names, vectors = store.read_many(wanted["requested"])
    assert names == wanted["returned_names"]
    assert [row.tobytes().hex() for row in vectors] == wanted["returned_vectors_float32_hex"]
    assert store.read_many(["nobody"])[0] == []


def test_a_written_folder_has_the_bytes_of_the_fields_writer(tmp_path):
    """The same ids and vectors give the same three files, byte for byte."""
    store, writer = BigFile(SAMPLE), Writer(tmp_path)
    writer.add(store.names, np.asarray(store.vectors))
    writer.close(by_frame=False)
    for name in ("feature.bin", "id.txt", "shape.txt"):
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes()


def test_frames_come_in_the_order_of_their_numbers():
    """video7_10 follows video7_2, whatever the order of storage."""
    features = open_features(SAMPLE / "frames")
    assert isinstance(features, FrameVectors)
    store = features.store
    wanted = [store.read(f"video7_{n}") for n in (0, 1, 2, 10)]
    assert np.array_equal(features.read("video7"), np.stack(wanted))
    assert "video8" not in features


def test_the_companion_is_the_one_of_the_fields_generator():
    """Frame ids grouped by video as the official script groups them."""
    names = (SAMPLE / "frames" / "id.txt").read_text().split()
    official = (SAMPLE / "frames" / "video2frames.txt").read_text()
    assert repr(frames_by_video(names)) == official


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("feature.bin", b"\0" * 219, "219 bytes"),
        ("feature.bin", b"\0" * 224, "224 bytes"),
        ("shape.txt", b"11", "two counts"),
        ("shape.txt", b"-1 5", "two counts"),
        ("shape.txt", b"\xff\xfe", "two counts"),
        ("shape.txt", b"12 5", "names 11 vectors, shape.txt says 12"),
        ("id.txt", b"", "names 0 vectors"),
    ],
)
def test_a_folder_whose_files_disagree_is_refused_in_one_line(folder, file, content, says):
    """A truncated, overlong or contradictory file is named with what is wrong."""
    (folder / file).write_bytes(content)
    with pytest.raises(KBError) as caught:
        BigFile(folder)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["feature.bin", "id.txt", "shape.txt"])
def test_a_missing_file_is_named(folder, file):
    """Each of the three files is needed."""
    (folder / file).unlink()
    with pytest.raises(KBError, match=f"has no {file}"):
        BigFile(folder)


@pytest.mark.parametrize(
    "content",
    ["__import__('os').system('true')", "{'a': 1}", "[]", "{'a': ['a_0']", "{'v': ['v_0']}", ""],
)
def test_the_companion_is_never_evaluated(tmp_path, content):
    """Anything but a dictionary of lists of known frames is refused."""
    folder = Path(shutil.copytree(SAMPLE / "frames", tmp_path / "frames"))
    (folder / "video2frames.txt").write_text(content)
    with pytest.raises(KBError, match="video2frames"):
        open_features(folder)


def test_a_feature_that_is_no_number_is_refused_when_read(tmp_path):
    """NaN in one video is an error of that video, not a score."""
    writer = Writer(tmp_path)
    writer.add(["a_0", "b_0"], np.array([[1.0, 2.0], [np.nan, 0.0]], np.float32))
    writer.close(by_frame=True)
    features = open_features(tmp_path)
    assert features.read("a").tolist() == [[1.0, 2.0]]
    with pytest.raises(KBError, match="features of b hold NaN"):
        features.read("b")


def test_pages_that_were_read_are_given_back_and_views_stay_good(tmp_path, monkeypatch):
    """However much is read, at most a bounded part stays mapped in; earlier views keep their values."""
    monkeypatch.setattr(arrays, "_SHOWN", 1 << 16)
    numbers = np.arange(64 * 1024, dtype=np.float32).reshape(64, 1024)
    writer = Writer(tmp_path)
    writer.add([f"v{n}" for n in range(64)], numbers)
    writer.close(by_frame=False)
    store, released = BigFile(tmp_path), []
    monkeypatch.setattr(store._mapping, "data", Pages(store._mapping.data, released))
    views = [store.read(f"v{n}") for n in range(64)]
    assert np.array_equal(np.stack(views), numbers)
    assert len(released) == 3  # before the 17th, 33rd and 49th page


class Pages:
    """A memory map that notes when its pages are given back."""

    def __init__(self, data, released):
        self.data, self.released = data, released

    def madvise(self, option):
        """Give back, and note it."""
        self.released.append(option)
        self.data.madvise(option)
