"""`kb data check` on a user's copy: what it found, why other files were passed over, what is next."""

import pickle
from collections import Counter

import numpy as np
import pytest

from kb.cli import run
from kb.datasets.features.bigfile import Writer
from kb.datasets.readers import msrvtt
from tests.datasets import msrvtt_copy
from tests.datasets.msrvtt_copy import features


@pytest.fixture
def root(tmp_path):
    """The annotations of a small copy, without features."""
    return msrvtt_copy.write(tmp_path / "copy")


@pytest.fixture
def report(root, capsys):
    """The report of `kb data check` without the lines on published counts."""

    def check():
        run(["data", "check", "msrvtt", "--root", str(root)])
        lines = capsys.readouterr().out.splitlines()
        return [line.strip() for line in lines if "were published" not in line]

    return check


def test_the_folder_of_frames_is_named_with_the_others_to_choose_from(root, report):
    """Two folders by frame: the first by name, how to take the other, and the next command."""
    features(root / "i3d", dim=4)
    features(root / "resnet")
    lines = report()
    assert "frames: 4 dimensions, 24 videos, in i3d" in lines
    assert "resnet: 6 dimensions, 24 videos, in resnet" in lines
    why = "features of frames are those of i3d, the first by name; not resnet"
    assert f"- {why} (--features frames=resnet)" in lines
    assert lines[-1] == f"next: kb repro dual-encoding --data msrvtt --root {root} --config small"


def test_one_vector_per_video_serves_models_that_average(root, report):
    """Said in the line of the features, in a note, and by the model that is next."""
    features(root / "mean_resnet", steps=0)
    lines = report()
    assert "frames: 6 dimensions, one vector per video, 24 videos, in mean_resnet" in lines
    assert lines[-1].startswith("next: kb repro moee ")


def test_archives_that_were_not_unpacked_are_named(root, report):
    """A zip beside the annotations holds the features: nothing else is there."""
    (root / "resnet.zip").write_bytes(b"PK")
    lines = report()
    assert "- resnet.zip is not unpacked: passed over" in lines
    assert lines[-1].startswith(f"next: put features under {root} ")


def test_stray_files_are_named_and_the_features_beside_them_read(root, report):
    """AppleDouble, statistics, a Counter, a vocabulary with an object in it, other videos."""
    features(root / "resnet", name="video{}.mp4.npy")
    (root / "resnet/._video0.mp4.npy").write_bytes(b"\0\5\x16\7")
    np.savez(root / "resnet/stats.npz", mean=np.ones(6), std=np.ones(6))
    (root / "words.pkl").write_bytes(pickle.dumps(Counter("abc")))
    (root / "vocab.pkl").write_bytes(pickle.dumps({"dog": np.ones(2), "cat": Counter("a")}))
    (root / "other.pkl").write_bytes(pickle.dumps({"clip7": np.ones((2, 3), np.float32)}))
    lines = report()
    assert "frames: 6 dimensions, 24 videos, in resnet" in lines
    for stray in ("resnet has stats.npz of no video", "words.pkl wants", "vocab.pkl wants"):
        assert any(line.startswith(f"- {stray}") for line in lines)


def test_a_broken_pickle_that_names_the_videos_is_refused(root, report):
    """It was meant to be features: it is no stray file."""
    value = {"video0": Counter("a"), "video1": np.ones((2, 3))}
    (root / "resnet.pkl").write_bytes(pickle.dumps(value))
    assert any(line.startswith("! ") and "resnet.pkl: wants" in line for line in report())


def test_keys_of_an_hdf5_file_that_are_no_videos_are_shown(root, report):
    """A table of features beside a table of names."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(root / "resnet.h5", "w") as file:
        file["features"], file["names"] = np.ones((24, 5, 6)), np.arange(24)
    keys = "resnet.h5 has the keys features, names, none of which is a video: passed over"
    assert f"- {keys}" in report()


def test_a_folder_of_extracted_features_is_found_wherever_it_lies(root, report):
    """`kb features --out ROOT/x` writes a BigFile, which is no `FeatureData/`."""
    writer = Writer(root / "x")
    for number in range(24):
        writer.add([f"video{number}_{step}" for step in (0, 1)], np.ones((2, 5), np.float32))
    writer.close(by_frame=True)
    assert "frames: 5 dimensions, 24 videos, in x" in report()


def test_without_annotations_the_next_command_fetches_them(tmp_path, capsys):
    """The files are published."""
    run(["data", "check", "msrvtt", "--root", str(tmp_path)])
    assert capsys.readouterr().out.endswith(f"next: kb data fetch msrvtt --out {tmp_path}\n")


def test_averages_beside_their_frames_are_no_expert_of_their_own(root):
    """`mean_resnet` beside resnet, as the layout bigfile writes both."""
    features(root / "resnet")
    features(root / "mean_resnet", steps=0)
    corpus = msrvtt.read(root)
    assert list(corpus.features) == ["frames"]
    assert "mean_resnet: averages of features by frame, passed over" in corpus.notes
