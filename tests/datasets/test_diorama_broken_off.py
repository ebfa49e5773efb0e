"""A generation that is broken off goes on: Ctrl-C, kill, an error, a full disk; the bytes are the same."""

import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from kb import datasets
from kb.cli import INTERRUPTED
from kb.datasets import cache
from kb.datasets.features.bigfile import open_features
from kb.datasets.synthetic import modalities, stock
from kb.datasets.synthetic.stock import JOURNAL, Stock
from kb.records.errors import KBError
from tests.datasets.test_diorama_bytes import WHOLE, fingerprint

NAME = "diorama-msrvtt"
IDS = [f"video{n}" for n in range(10)]
FOLDERS = {"frames": "cnn", "audio": "audio"}


def features(n):
    """Of one video: two or three frames; audio of every other."""
    features_of_video = {"frames": np.full((2 + n % 2, 4), n, np.float32)}
    return (
        features_of_video
        if n % 2
        else {**features_of_video, "audio": np.full((1, 3), -n, np.float32)}
    )


def put_down(root, after=10, key="world"):
    """How many videos stood, and how many were put down before an error, if there is one."""
    root.mkdir(exist_ok=True)
    put = 0
    with Stock(root, FOLDERS, key, IDS) as store:
        stood = store.done
        for n in range(stood, len(IDS)):
            if put == after:
                raise ValueError("broken off")
            store.add(features(n))
            put += 1
    return stood, put


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """What a run left that was broken off after six videos."""
    monkeypatch.setattr(stock, "EVERY", 4)
    with pytest.raises(ValueError, match="broken off"):
        put_down(tmp_path / "begun", 6)
    return tmp_path / "begun"


def same(root, tmp_path):
    """The files are those of a run in one piece."""
    put_down(tmp_path / "whole")
    for path in (root, tmp_path / "whole"):
        stock.finish(path)
    return fingerprint(root) == fingerprint(tmp_path / "whole")


def test_what_stands_is_not_made_again(begun, tmp_path):
    """Broken off twice, the third run makes the rest, and the bytes are those of one run."""
    assert stock.standing(begun) == 6
    with pytest.raises(ValueError, match="broken off"):
        put_down(begun, 1)
    assert put_down(begun) == (7, 3)
    assert put_down(begun) == (10, 0)
    assert same(begun, tmp_path)
    assert np.array_equal(
        open_features(begun / "FeatureData/cnn").read("video7"), features(7)["frames"]
    )


def spoil(begun, how):
    """Change what a broken run left."""
    journal = begun / JOURNAL
    rows = journal.read_text().splitlines(keepends=True)
    vectors = begun / "FeatureData/cnn/feature.bin"
    changes = {
        "half a line": lambda: journal.write_text("".join(rows)[:-5]),
        "more bytes than noted": lambda: vectors.write_bytes(vectors.read_bytes() + b"xy" * 50),
        "fewer bytes than noted": lambda: vectors.write_bytes(vectors.read_bytes()[:-4]),
        "no vectors": vectors.unlink,
        "another world": lambda: journal.write_text("".join(['"another"\n', *rows[1:]])),
        "other videos": lambda: journal.write_text("".join([rows[0], *rows[2:]])),
        "no journal": journal.unlink,
        "no text": lambda: journal.write_bytes(b"\xff\xfe"),
        "no entries": lambda: journal.write_text('"world"\n[3]\n3\n'),
        "no shapes": lambda: journal.write_text('"world"\n["video0",{"frames":3}]\n'),
    }
    changes[how]()
    (begun / "left.json").write_text("{}")
    (begun / "left").mkdir()


@pytest.mark.parametrize(
    ("how", "stands"),
    [
        ("half a line", 5),
        ("more bytes than noted", 6),
        ("fewer bytes than noted", 0),
        ("no vectors", 0),
        ("another world", 0),
        ("other videos", 0),
        ("no journal", 0),
        ("no text", 0),
        ("no entries", 0),
        ("no shapes", 0),
    ],
)
def test_what_does_not_fit_together_is_made_again(begun, tmp_path, how, stands):
    """Killed in the middle of a line or of a vector, or left by another world: nothing is trusted."""
    spoil(begun, how)
    assert put_down(begun) == (stands, 10 - stands)
    assert same(begun, tmp_path)


def test_a_disk_that_cannot_hold_it_is_told_early(tmp_path, monkeypatch):
    """After the first videos, not after the last that fitted; and with room, it goes on."""
    monkeypatch.setattr(stock, "EVERY", 4)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(KBError, match=r"needs about \d+ MiB more .* 0 are free; set KB_CACHE"):
            put_down(tmp_path / "begun")
    assert put_down(tmp_path / "begun") == (4, 6)


def test_features_stand_where_the_annotations_broke_off(tmp_path, monkeypatch):
    """An error after the last video costs no video, and the dataset is the recorded bytes."""
    whole, out = modalities.derive, tmp_path / "data"
    with monkeypatch.context() as patch:
        patch.setattr("kb.datasets.synthetic.truth.dump", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            datasets.make(NAME, size="tiny", out=out)
    assert datasets.catalogue.standing(NAME, size="tiny", seed=0, out=out) == (100, 100)
    assert not out.exists()
    monkeypatch.setattr(modalities, "derive", lambda world, videos: whole(world, videos[:0]))
    datasets.make(NAME, size="tiny", out=out)
    assert fingerprint(out) == WHOLE[NAME]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["data"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_from_outside_goes_on(tmp_path, end):
    """Ctrl-C says one line and exits with 130; after it as after a kill, the next run goes on."""
    out = tmp_path / "data"
    noted = cache.begun(out) / JOURNAL
    command = [
        sys.executable,
        "-m",
        "kb",
        "data",
        "make",
        NAME,
        "--size",
        "tiny",
        "--out",
        str(out),
    ]
    process = subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE, text=True)
    while stock.standing(noted.parent) < 1:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(end)
    errors = process.communicate()[1]
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert errors == f"kb: {INTERRUPTED}\n"
    there = stock.standing(noted.parent)
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stderr == f"resuming: {there:,} of 100 videos exist\n"
    assert fingerprint(out) == WHOLE[NAME]
