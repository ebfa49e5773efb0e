"""Archives are unpacked whole, inside their folder, or refused in one line."""

import errno
import gzip
import io
import os
import tarfile
import time
import tracemalloc
import zipfile

import pytest

from kb.datasets import unpack
from kb.records.errors import Exit, KBError


def tar_of(path, *members):
    """A tar of (name, kind, content or link's target)."""
    with tarfile.open(path, "w") as file:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            if kind == tarfile.REGTYPE:
                entry.size = len(content)
                file.addfile(entry, io.BytesIO(content))
            else:
                entry.linkname = content
                file.addfile(entry)


REG, SYM, LINK = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("../x", REG, b"1")], "would lie outside the folder"),
        ([("/tmp/x", REG, b"1")], "would lie outside the folder"),
        ([("a/../../x", REG, b"1")], "would lie outside the folder"),
        ([("a\\..\\x", REG, b"1")], "would lie outside the folder"),
        ([("C:x", REG, b"1")], "would lie outside the folder"),
        ([("a", SYM, "/etc"), ("a/passwd", REG, b"1")], "is a link or a device"),
        ([("a", LINK, "/etc/passwd")], "is a link or a device"),
        ([("a", tarfile.FIFOTYPE, "")], "is a link or a device"),
        ([("a", REG, b"1"), ("A", REG, b"2")], "is there twice"),
    ],
)
def test_a_member_that_wants_out_is_refused_before_any_is_written(tmp_path, members, says):
    """Traversal, absolute names, links, devices, names that differ only in case."""
    tar_of(tmp_path / "x.tar", ("good", REG, b"1"), *members)
    (tmp_path / "out").mkdir()
    with pytest.raises(KBError, match=says):
        unpack.unpack(tmp_path / "x.tar", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_bombs_are_not_unpacked(tmp_path):
    """Sixty-four mebibytes of zeros in sixty-four kibibytes, and a header that lies."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(64 << 20))
    with pytest.raises(KBError, match="it is a bomb or damaged"):
        unpack.unpack(tmp_path / "x.zip", tmp_path)
    with zipfile.ZipFile(tmp_path / "y.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(4 << 20))
    raw = (tmp_path / "y.zip").read_bytes()
    (tmp_path / "y.zip").write_bytes(raw.replace((4 << 20).to_bytes(4, "little"), b"\x09\0\0\0"))
    with pytest.raises(KBError, match=r"y\.zip"):
        unpack.unpack(tmp_path / "y.zip", tmp_path)
    assert not (tmp_path / "zeros").exists()


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar"])
def test_a_broken_archive_is_one_line(tmp_path, name):
    """Bytes that are none, and half of one."""
    for raw in (b"nothing", b"PK\x03\x04" + bytes(40), b"\x1f\x8b\x08" + bytes(40)):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(KBError, match="cannot be unpacked"):
            unpack.unpack(tmp_path / name, tmp_path)


def header(name, kind, size, link=""):
    """One header of a tar, with any size."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    raw = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    field = (
        b"%011o\0" % size
        if 0 <= size < 8**11
        else b"\xff" * 4 + size.to_bytes(8, "big", signed=True)
    )
    raw[124:136] = field
    raw[148:156] = b"%06o\0 " % (sum(raw[:148]) + 8 * 32 + sum(raw[156:]))
    return bytes(raw)


HEADERS = {
    "a name of 64 MiB": header("././@LongLink", tarfile.GNUTYPE_LONGNAME, 64 << 20) + bytes(64 << 20),
    "a link of 64 MiB": header("././@LongLink", tarfile.GNUTYPE_LONGLINK, 64 << 20) + bytes(64 << 20),
    "a record of 64 MiB": header("x", tarfile.XHDTYPE, 64 << 20) + bytes(64 << 20),
    "a global record": header("x", tarfile.XGLTYPE, 64 << 20) + bytes(64 << 20),
    "five thousand records": (header("x", tarfile.XHDTYPE, 11) + b"11 path=ab\n".ljust(512, b"\0")) * 5000,
    "a size below zero": header("x", tarfile.REGTYPE, -1024) + bytes(1024),
    "a name of a size below zero": header("x", tarfile.GNUTYPE_LONGNAME, -1024) + bytes(1024),
    "an exbibyte": header("x", tarfile.REGTYPE, 1 << 60) + bytes(1024),
}  # fmt: skip


@pytest.mark.parametrize("raw", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz"])
def test_a_header_of_a_tar_is_not_read_without_end(tmp_path, raw, name):
    """Long names, PAX records and sizes that lie: one short line, few megabytes, no hang."""
    raw += bytes(1024)
    (tmp_path / name).write_bytes(gzip.compress(raw, 1) if name.endswith("gz") else raw)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(KBError) as caught:
        unpack.unpack(tmp_path / name, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert time.process_time() - began < 5
    assert len(str(caught.value)) < 500
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_killed_run_had_unpacked_stays_and_the_rest_follows(tmp_path):
    """Half of the files lie there already, with the same bytes."""
    tar_of(tmp_path / "x.tar", ("a", REG, b"1"), ("b", REG, b"2"))
    (tmp_path / "a").write_bytes(b"1")
    assert unpack.unpack(tmp_path / "x.tar", tmp_path) == ["a", "b"]
    assert (tmp_path / "b").read_bytes() == b"2"


def test_a_disk_that_fills_up_says_so(tmp_path, monkeypatch):
    """Not `fetch it again`: the archive is whole. Nothing is left half unpacked."""
    tar_of(tmp_path / "x.tar", ("a", REG, b"1"))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(unpack, "_write", full)
    with pytest.raises(KBError, match=r"No space left on device.*make room") as caught:
        unpack.unpack(tmp_path / "x.tar", tmp_path)
    assert caught.value.code == Exit.UNREACHABLE
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


def test_an_archive_never_writes_over_what_is_there(tmp_path):
    """A file of the same name stays as it was."""
    (tmp_path / "mine").write_text("mine")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("mine", "theirs")
    with pytest.raises(KBError, match="is there already"):
        unpack.unpack(tmp_path / "x.zip", tmp_path)
    assert (tmp_path / "mine").read_text() == "mine"
