"""msrvtt-vgg1000: five folds of MSR-VTT's first 1,000 videos, fetched, checked and read."""

import hashlib
import json
import os
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kb.cli import run
from kb.datasets import sources
from kb.datasets.readers import msrvtt_vgg1000
from kb.datasets.readers.registry import READERS
from kb.records.errors import KBError
from tests.datasets import vgg1000

READER = READERS["msrvtt-vgg1000"]
COPY = os.environ.get("KB_MSRVTT_VGG1000")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A tree in the dataset's form."""
    return vgg1000.write(tmp_path_factory.mktemp("vgg") / "copy")


def test_every_video_is_in_one_gallery_and_folds_are_even():
    """Five folds of 200; fold i tests, fold i + 1 validates, three train."""
    galleries = Counter()
    for test in range(5):
        splits = msrvtt_vgg1000.folds(test)
        assert {name: len(ids) for name, ids in splits.items()} == {
            "train": 600,
            "val": 200,
            "test": 200,
        }
        assert splits["val"] == msrvtt_vgg1000.folds((test + 1) % 5)["test"]
        assert len({video for ids in splits.values() for video in ids}) == 1000
        galleries.update(splits["test"])
    assert galleries == Counter(msrvtt_vgg1000.videos())


def test_a_fold_is_read_from_an_annotation_of_all_videos(root):
    """Other videos than the thousand are left out; the models take their small configuration."""
    corpus = READER(root, protocol="fold-3")
    assert corpus.splits["test"].videos == msrvtt_vgg1000.folds(3)["test"]
    assert len(corpus.splits["train"].captions) == 1200
    assert corpus.features["frames"].read("video7").shape == (2, vgg1000.DIM)
    assert corpus.laptop
    assert READER(root).protocol == "fold-0"


def test_an_excerpt_in_another_order_is_the_same_dataset(root, tmp_path):
    """The fingerprint is of captions and features, not of the file they lie in."""
    (tmp_path / "features").symlink_to(root / "features")
    path = tmp_path / "videodatainfo.json"
    vgg1000.annotations(path, msrvtt_vgg1000.videos(), order=-1)
    assert READER(tmp_path).fingerprint == READER(root).fingerprint


def test_other_captions_and_files_than_the_published_are_reported(root, capsys):
    """`kb data check` holds the captions and each feature file to their sums."""
    assert run(["data", "check", "msrvtt-vgg1000", "--root", str(root)]) == 1
    report = capsys.readouterr().out
    assert "the captions of MSRVTT_data.json are not those published (sha256)" in report
    assert "1,000 files are not those published (sha256), features/video0.npy first" in report
    assert "test       200 of 200 videos" in report


def test_an_unknown_fold_names_the_known_ones(root):
    """fold-5 is none."""
    with pytest.raises(KBError, match="protocol fold-5 is unknown for msrvtt-vgg1000; choose fold"):
        READER(root, protocol="fold-5")


def test_the_catalogue_has_a_sum_for_each_feature_file():
    """A thousand files of one size, each with its SHA-256, below one commit of the repository."""
    source = sources.source("msrvtt-vgg1000")
    series = [file for file in source.files if file.path.startswith("features/")]
    assert [file.path for file in series] == [f"features/{v}.npy" for v in msrvtt_vgg1000.videos()]
    assert {file.bytes for file in series} == {25_728}
    assert len({file.sha256 for file in series}) == 1000
    assert "and 993 files like the last, 25,547,904 bytes" in source.text()


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, *words):
        """Nothing is printed."""


@pytest.fixture
def served(tmp_path):
    """A folder that a local server serves, and a catalogue of its files."""
    folder = tmp_path / "served"
    (folder / "big").mkdir(parents=True)
    for number in range(12):
        (folder / f"big/video{number}.npy").write_bytes(bytes([number]) * 64)
    (folder / "MSRVTT_data.json").write_text("{}")
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{http.server_port}/"
    files = sorted((folder / "big").iterdir())
    sums = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}" for one in files]
    (tmp_path / "sums.txt").write_text("\n".join(sums))
    entry = {
        "home": url,
        "licence": "none",
        "elsewhere": "nothing",
        "files": [{"url": f"{url}MSRVTT_data.json", "path": "MSRVTT_data.json"}],
        "series": [{"url": f"{url}big/", "path": "features/", "bytes": 64, "sums": "sums.txt"}],
    }
    (tmp_path / "sources.json").write_text(json.dumps({"msrvtt-vgg1000": entry}))
    yield folder
    http.shutdown()
    thread.join()
    http.server_close()


def fetch(place):
    """The command, into `place`/copy."""
    line = ["data", "fetch", "msrvtt-vgg1000", "--sources", str(place / "sources.json")]
    return run([*line, "--out", str(place / "copy")])


def test_a_series_of_files_is_fetched_and_verified(served, tmp_path, capsys):
    """Each file by its sum; the next command is named."""
    assert served.is_dir()
    assert fetch(tmp_path) == 0
    said = capsys.readouterr().err
    assert "13 files, 12 of them verified by their sha256" in said
    assert f"next: kb data check msrvtt-vgg1000 --root {tmp_path / 'copy'}" in said
    assert (tmp_path / "copy/features/video11.npy").read_bytes() == b"\x0b" * 64


def test_a_file_of_a_series_that_changed_is_refused(served, tmp_path, capsys):
    """The sum of one file is another: exit 4, its address named, and those before it are kept."""
    (served / "big/video5.npy").write_bytes(b"x" * 64)
    assert fetch(tmp_path) == 4
    assert "big/video5.npy: has the SHA-256" in capsys.readouterr().err
    assert (tmp_path / "copy/features/video4.npy").is_file()
    assert not (tmp_path / "copy/features/video5.npy").exists()


def test_a_line_of_sums_of_another_form_is_named(served, tmp_path, capsys):
    """File and line."""
    assert served.is_dir()
    with (tmp_path / "sums.txt").open("a") as file:
        file.write("\nabc ../x.npy")
    assert fetch(tmp_path) == 2
    assert "sums.txt:13: is no line `sha256 name`" in capsys.readouterr().err


@pytest.mark.skipif(COPY is None, reason="KB_MSRVTT_VGG1000 names no copy of the real files")
def test_the_real_copy_is_as_published_and_no_address_is_in_two_folds(capsys):
    """All sums agree; cuts of one YouTube video are in one fold."""
    assert run(["data", "check", "msrvtt-vgg1000", "--root", COPY]) == 0
    capsys.readouterr()
    path = next(p for name in msrvtt_vgg1000.FILES if (p := Path(COPY, name)).is_file())
    entries = json.loads(path.read_text(encoding="utf-8"))["videos"]
    address = {entry["video_id"]: entry["url"] for entry in entries}
    folds = [{address[v] for v in msrvtt_vgg1000.folds(fold)["test"]} for fold in range(5)]
    assert sum(map(len, folds)) == len(set.union(*folds))
