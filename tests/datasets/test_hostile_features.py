"""Feature files that want to hang the reader, fill the memory or show other bytes: one line each."""

import gzip
import io
import os
import pickle
import shutil
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.datasets import inventory
from kb.datasets.features import pickles
from kb.datasets.features.experts import find_experts
from kb.datasets.features.hdf5 import from_hdf5
from kb.datasets.features.storages import from_folder, from_table
from kb.datasets.features.tensorfiles import read_tables
from kb.datasets.features.videos import find_videos, frames_of
from kb.records.errors import KBError
from tests.datasets import published

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "cases" / "hostile"
SECOND = 1.0


def refused(call) -> str:
    """The one line with which something is refused, in under a second and a few megabytes."""
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(KBError) as caught:
            call()
        assert time.process_time() - began < SECOND
        assert tracemalloc.get_traced_memory()[1] < 80_000_000
    finally:
        tracemalloc.stop()
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 1000
    return line


def nested(levels: int, last: bytes) -> bytes:
    """A tuple of itself twice, so many levels deep, then what is done with it."""
    steps = b"".join(b"\x94h" + bytes([i]) + b"\x86" for i in range(levels))
    return b"\x80\x04" + last.replace(b"TUPLE", b"K\x01" + steps)


PROGRAMS = {
    "a tuple that doubles with each level, called": nested(40, b"TUPLE)R."),
    "the same with few levels": nested(24, b"TUPLE)R."),
    "the same as a key": nested(40, b"}TUPLEK\x02s."),
    "the same as a state": nested(40, b"cos\nsystem\n)RTUPLEb."),
    "a tuple three million deep as a key": b"\x80\x04}K\x01" + b"\x85" * 3_000_000 + b"K\x02s.",
    "a tuple a million deep, called": b"\x80\x04K\x01" + b"\x85" * 1_000_000 + b")R.",
    "a call of a call": b"\x80\x04cos\nsystem\n)R)R.",
    "a number, called": b"\x80\x04K\x01)R.",
    "sixty-four gibibytes announced": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 36) + b"abc.",
    "five million marks": b"\x80\x04" + b"(" * 5_000_000 + b".",
    "a float as a key": b"\x80\x04}G" + struct.pack(">d", 1.0) + b"K\x02s.",
    "a list as a key": b"\x80\x04}]K\x02s.",
    "a long line": b"F" + b"1" * 100_000 + b"\n.",
    "a long number": b"I" + b"9" * 60_000 + b"\n.",
    "a memo before the first": b"\x80\x04g-1\n.",
    "a name that is no text": b"\x80\x04K\x01K\x02\x93.",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_pickle_that_would_hang_is_one_line(tmp_path, program):
    """Only names are called, only str and int are keys, tuples are nested a few levels."""
    path = tmp_path / "x.pkl"
    path.write_bytes(program)
    refused(lambda: read_tables(path))


OBJECTS = {
    "lists": b"]", "dictionaries": b"}", "marked lists": b"(l", "marked tuples": b"(t",
    "tuples": b"K\x01\x85", "names": b"ca\nb\n", "calls": b"h\0)R", "stored": b"P\n", "sets": b"(\x91",
}  # fmt: skip


@pytest.mark.parametrize("one", OBJECTS.values(), ids=OBJECTS)
def test_objects_are_held_against_the_bytes(tmp_path, monkeypatch, one):
    """A byte can make a hundred and fifty of memory: a file has so many, and one for some bytes."""
    monkeypatch.setattr(pickles, "_OBJECTS", 10)
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x04cx\ny\n\x940" + one * 2000 + bytes(100) + b".")
    assert "lists, tuples and names" in refused(lambda: read_tables(path))
    apart = b"".join(b"r" + struct.pack("<I", 1000 * n + 7) for n in range(2000))
    path.write_bytes(b"\x80\x04N" + apart + b"]" * 200 + b".")
    assert "lists, tuples and names" in refused(lambda: read_tables(path))


def checkpoint(path: Path, tail: bytes, storage: bytes = bytes(16)) -> None:
    """A .pth of one tensor, `tail` being what follows its type: key, device, count, sizes."""
    program = b"\x80\x02}X\x02\0\0\0v1ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage"
    program += b"ctorch\nFloatStorage\n" + tail
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", program)
        archive.writestr("x/data/0", storage)


KEY, CPU = b"X\x01\0\0\x000", b"X\x03\0\0\0cpu"
HALF = b"G" + struct.pack(">d", 0.5)
TENSORS = {
    "stride 0": KEY + CPU + b"K\x04tQK\x00(J\0\0\x10\0K\x01t(K\x00K\x00ttRs.",
    "more than the storage": KEY + CPU + b"K\x04tQK\x00(K\x09t(K\x01ttRs.",
    "overlapping strides": KEY + CPU + b"K\x04tQK\x00(K\x04K\x04t(K\x00K\x01ttRs.",
    "a negative offset": KEY + CPU + b"K\x04tQJ\xfc\xff\xff\xff(K\x02t(K\x01ttRs.",
    "a negative stride": KEY + CPU + b"K\x04tQK\x03(K\x02t(J\xff\xff\xff\xffttRs.",
    "a negative size": KEY + CPU + b"K\x04tQK\x00(J\xff\xff\xff\xfft(K\x01ttRs.",
    "a float as a size": KEY + CPU + b"K\x04tQK\x00(" + HALF + b"t(K\x01ttRs.",
    "a truth value as an offset": KEY + CPU + b"K\x04tQ\x88(K\x01t(K\x01ttRs.",
    "a huge integer": KEY + CPU + b"K\x04tQK\x00(\x8a\x09" + b"\xff" * 8 + b"\0t(K\x01ttRs.",
    "a storage that is not there": KEY[:-1] + b"7" + CPU + b"K\x04tQK\x00(K\x01t(K\x01ttRs.",
    "a tuple for a key": b"K\x01K\x02\x86" + CPU + b"K\x04tQK\x00(K\x01t(K\x01ttRs.",
}


@pytest.mark.parametrize("tail", TENSORS.values(), ids=TENSORS)
def test_a_tensor_never_has_more_bytes_than_the_file_has_for_it(tmp_path, tail):
    """Sizes, strides and offsets are integers from 0 that stay in the storage and do not repeat it."""
    checkpoint(tmp_path / "x.pth", tail)
    refused(lambda: read_tables(tmp_path / "x.pth"))


def test_the_checkpoint_of_these_tests_is_one_that_can_be_read(tmp_path):
    """The same file with honest sizes: torch and we read the same numbers."""
    numbers = np.arange(4, dtype=np.float32)
    checkpoint(
        tmp_path / "x.pth",
        KEY + CPU + b"K\x04tQK\x00(K\x02K\x02t(K\x02K\x01ttRs.",
        numbers.tobytes(),
    )
    table = read_tables(tmp_path / "x.pth")[""]
    assert np.array_equal(from_table(tmp_path / "x.pth", table).read("v1"), numbers.reshape(2, 2))


def test_members_of_one_name_are_refused(tmp_path):
    """In a .pth and in an npz: readers would differ on which counts."""
    for name, members in (("x.pth", ["x/data.pkl"] * 2), ("f/v1.npz", ["x.npy"] * 2)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(members[0], pickle.dumps({}))
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(members[1], pickle.dumps({}))
    assert "two members of one name" in refused(lambda: read_tables(tmp_path / "x.pth"))
    assert "two members of one name" in refused(lambda: from_folder(tmp_path / "f"))


def npy(header: str, body: bytes = b"") -> bytes:
    """An npy file with this header."""
    text = header.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


HEADERS = {
    "a gibibyte": "{'descr': '<f4', 'fortran_order': False, 'shape': (268435456,), }",
    "a tebibyte": "{'descr': '<f4', 'fortran_order': False, 'shape': (524288, 524288), }",
    "a negative size": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }",
    "an overflow": f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({1 << 70}, 4), }}",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "text": "{'descr': '<U9', 'fortran_order': False, 'shape': (1,), }",
    "brackets": "(" * 110,
    "no dictionary": "[1, 2]",
    "a program": "__import__('os').system('true')",
}


@pytest.mark.parametrize("packed", [False, True], ids=["npy", "npz"])
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_lies_is_refused_before_memory_is_taken(tmp_path, header, packed):
    """Shapes that the bytes do not have, types that are no numbers, headers that are none."""
    raw = npy(header, bytes(36))
    if packed:
        with zipfile.ZipFile(tmp_path / "v1.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("features.npy", raw)
    else:
        (tmp_path / "v1.npy").write_bytes(raw)
    refused(lambda: from_folder(tmp_path))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "|u1", "<i8"])
def test_arrays_of_an_npz_are_read_as_numpy_reads_them(tmp_path, order, dtype):
    """Both orders, both byte orders, compressed and not."""
    array = np.asarray(np.arange(12).reshape(3, 4), dtype, order=order)
    np.savez_compressed(tmp_path / "v1.npz", features=array)
    np.savez(tmp_path / "v2.npz", features=array)
    storage, _ = from_folder(tmp_path)
    for video in ("v1", "v2"):
        assert np.array_equal(storage.read(video), array.astype(np.float32))


def test_hdf5_that_is_far_larger_than_what_it_stores_is_refused(tmp_path):
    """A gibibyte of fill values in a kilobyte; a group of groups; nothing in a group."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("v1", (1 << 14, 1 << 14), "f4", chunks=(64, 64), fillvalue=1.0)
    assert "it is not read" in refused(lambda: from_hdf5(tmp_path / "x.h5"))
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file.create_group("v1/v2/v3")
    refused(lambda: from_hdf5(tmp_path / "y.h5"))
    with h5py.File(tmp_path / "z.h5", "w") as file:
        file.create_group("v1")
    refused(lambda: from_hdf5(tmp_path / "z.h5"))


def test_pipes_and_devices_are_not_opened(tmp_path):
    """A FIFO named like features, annotations or a video: opening it would wait for ever."""
    published.msvd(tmp_path)
    before = inventory.take("msvd", tmp_path).plain()
    for name in ("r/video0.npy", "video0.npz", "x.pkl", "x.pth", "x.h5", "video0.mp4", "shape.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tmp_path / name)
    assert inventory.take("msvd", tmp_path).plain() == before
    assert find_videos(tmp_path) == {}
    pytest.importorskip("av")
    assert "no regular file" in refused(lambda: list(frames_of(tmp_path / "video0.mp4", 1)))
    for call in (read_tables, from_hdf5):
        refused(lambda call=call: call(tmp_path / "x.pkl"))


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
    | st.tuples(inner, inner),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(plain, st.integers(0, 5))
def test_plain_data_is_read_as_pickle_reads_it(value, protocol):
    """Every protocol: what python's own unpickler makes of it, we make of it."""
    raw = pickle.dumps(value, protocol)
    assert pickles.load(raw, Path("x")) == (value, len(raw))


BYTES = [
    pickle.dumps({"v1": np.ones((2, 3), np.float32), "v2": np.zeros(3)}, protocol)
    for protocol in range(6)
]


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(BYTES), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255))))
def test_changed_bytes_are_read_or_refused(tmp_path_factory, raw, changes):
    """Any bytes changed in a pickle: arrays, or one line; and never a hang."""
    path = tmp_path_factory.mktemp("x") / "x.pkl"
    content = bytearray(raw)
    for place, byte in changes:
        content[place % len(content)] = byte
    path.write_bytes(content)
    try:
        for table in read_tables(path).values():
            storage = from_table(path, table)
            for video in storage.videos:
                storage.read(video)
    except KBError:
        pass


@settings(deadline=None, max_examples=60)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255))))
def test_changed_bytes_of_a_checkpoint_are_read_or_refused(tmp_path_factory, zipped, changes):
    """The same for both forms of .pth."""
    path = tmp_path_factory.mktemp("x") / "x.pth"
    buffer = io.BytesIO()
    torch.save({"v1": torch.ones(2, 3)}, buffer, _use_new_zipfile_serialization=zipped)
    raw = bytearray(buffer.getvalue())
    for place, byte in changes:
        raw[place % len(raw)] = byte
    path.write_bytes(raw)
    try:
        for table in read_tables(path).values():
            storage = from_table(path, table)
            for video in storage.videos:
                storage.read(video)
    except KBError:
        pass


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/cases/hostile")
def test_the_hostile_files_that_are_known_are_refused_in_a_second(tmp_path):
    """Every pickle, .pth, h5 and npz of the collection."""
    for path in sorted((SHARED / "pickles").iterdir()):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        (tmp_path / path.name.removesuffix(".gz")).write_bytes(raw)
    for path in (SHARED / "data").glob("*.p*"):
        shutil.copy(path, tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 6
    for path in files:
        refused(lambda path=path: read_tables(path))
    refused(lambda: from_hdf5(SHARED / "data" / "h5_bomb.h5"))
    refused(lambda: from_folder(SHARED / "data" / "npz_shape_lie"))


def test_a_stray_file_is_noted_and_the_features_beside_it_are_read(tmp_path):
    """What macOS leaves, a Counter, features by file of a video's name; frames are named."""
    from collections import Counter  # noqa: PLC0415

    for name, value in (("a", Counter("abc")), ("b", {"mean": 3}), ("c", [1, 2])):
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(value))
    for folder in ("resnet", "__MACOSX/resnet", ".cache"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(3):
        steps = 1 if number == 0 else 5
        np.save(tmp_path / f"resnet/v{number}.mp4.npy", np.ones((steps, 8), np.float32))
        (tmp_path / f"resnet/._v{number}.mp4.npy").write_bytes(b"\0\5\x16\7")
        (tmp_path / f"__MACOSX/resnet/v{number}.npy").write_bytes(b"\0\5\x16\7")
    discovered = find_experts(tmp_path, {"v0", "v1", "v2"})
    assert list(discovered.experts) == ["frames"]
    assert discovered.experts["frames"].read("v2").shape == (5, 8)
    assert discovered.notes == [
        "a.pkl wants collections.Counter called, which makes no array: passed over",
        "features of frames are those of resnet",
    ]
