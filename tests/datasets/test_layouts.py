"""A corpus written as the field's code bases read it, and read back by our own readers."""

import csv
import json
import pickle
import shutil
from collections import Counter

import numpy as np
import pytest

from kb.datasets import catalogue, layouts
from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.datasets.features import hdf5
from kb.datasets.features.bigfile import open_features
from kb.datasets.readers import msrvtt
from kb.datasets.readers.registry import READERS
from kb.records.errors import KBError
from tests.datasets import published

VIDEOS = {"train": ["v-a", "v_1"], "val": ["v_2"], "test": ["v_3", "v_10"]}


class Fixed:
    """Features of some videos, by frame or one vector each."""

    def __init__(self, dim, steps, *, without=()):
        ids = [v for split in VIDEOS.values() for v in split if v not in without]
        draws = np.random.default_rng(dim)
        self.dim = dim
        self.arrays = {
            v: draws.normal(size=(steps + n % 2 * (steps > 1), dim)).astype("f4")
            for n, v in enumerate(ids)
        }

    def __contains__(self, video):
        return video in self.arrays

    def read(self, video):
        """(steps, dim)."""
        return self.arrays[video]


@pytest.fixture
def corpus():
    """Three splits of two captions a video, frames and motion, and audio that one video lacks."""
    splits = {
        name: SplitData(
            name, ids, [Caption(f"{v}#{k}", v, f"Ein  Hund, {k} é") for v in ids for k in (0, 1)]
        )
        for name, ids in VIDEOS.items()
    }
    features = {"frames": Fixed(5, 3), "motion": Fixed(4, 2), "audio": Fixed(3, 1, without=["v_3"])}
    return Corpus("toy", "full", "0" * 64, splits, features)


def test_every_layout_is_read_back_by_our_own_reader(corpus, tmp_path):
    """Splits, order of videos and captions come back, white space aside; so do features by frame."""
    for layout in layouts.LAYOUTS:
        folder = tmp_path / layout
        folder.mkdir()
        layouts.write(corpus, layout, folder)
        read_back = layouts.read(folder)
        assert read_back.name == "toy"
        for name, split in corpus.splits.items():
            assert read_back.splits[name].videos == split.videos
            assert [(c.id, c.text) for c in read_back.splits[name].captions] == [
                (c.id, " ".join(c.text.split())) for c in split.captions
            ]


@pytest.mark.parametrize("layout", ["bigfile", "mmt"])
def test_features_come_back_number_for_number(corpus, tmp_path, layout):
    """By frame or one vector a video; a video that an expert lacks is lacking."""
    layouts.write(corpus, layout, tmp_path)
    read_back = layouts.read(tmp_path).features
    assert set(read_back) == {"frames", "motion", "audio"}
    for name, features in corpus.features.items():
        for video, array in features.arrays.items():
            assert np.array_equal(read_back[name].read(video), array)
    assert "v_3" not in read_back["audio"]


def test_collections_have_the_names_that_hybrid_space_looks_for(corpus, tmp_path):
    """TextData, VideoSets and FeatureData of each split's collection, frames by video."""
    layouts.write(corpus, "bigfile", tmp_path)
    assert (
        (tmp_path / "toytest/TextData/toytest.caption.txt").read_text().startswith("v_3#0 Ein Hund")
    )
    assert (tmp_path / "toytest/VideoSets/toytest.txt").read_text() == "v_3\nv_10\n"
    frames = (tmp_path / "toytest/FeatureData/frames/video2frames.txt").read_text()
    assert (
        frames
        == "{'v_3': ['v_3_0', 'v_3_1', 'v_3_2', 'v_3_3'], 'v_10': ['v_10_0', 'v_10_1', 'v_10_2']}"
    )


def test_collections_have_one_vector_per_video_for_those_who_average(corpus, tmp_path):
    """W2VV++ and SEA read `mean_<expert>`; of one vector per video there is no mean beside it."""
    layouts.write(corpus, "bigfile", tmp_path)
    place = tmp_path / "toytest/FeatureData"
    assert sorted(folder.name for folder in place.iterdir()) == [
        *("audio", "frames", "mean_frames", "mean_motion", "motion"),
    ]
    mean = open_features(place / "mean_frames").read("v_10")
    assert np.allclose(mean, corpus.features["frames"].read("v_10").mean(0, keepdims=True))
    notes = layouts.read(tmp_path).notes
    assert "mean_frames, mean_motion: averages of features by frame, passed over" in notes
    for expert in ("frames", "motion"):
        for split in VIDEOS:
            shutil.rmtree(tmp_path / f"toy{split}/FeatureData/{expert}")
    alone = layouts.read(tmp_path)
    assert alone.own_names["frames"] == "mean_frames"
    assert "frames" in alone.by_video


def test_a_vocabulary_of_the_authors_is_passed_over(corpus, tmp_path):
    """hybrid_space and SEA leave pickles of their own classes beside the captions."""
    layouts.write(corpus, "bigfile", tmp_path)
    place = tmp_path / "toytrain/TextData/vocab"
    place.mkdir(parents=True)
    words = Counter(hund=3, ein=2)
    for name, value in (("word_vocab_5", words), ("bow", {"word2idx": words, "idx": {0: words}})):
        (place / f"{name}.pkl").write_bytes(pickle.dumps(value, protocol=2))
    read_back = layouts.read(tmp_path)
    assert set(read_back.features) == {"frames", "motion", "audio"}
    passed = [note for note in read_back.notes if note.endswith("passed over")]
    assert sum("TextData/vocab" in note for note in passed) == 2


def test_mmt_has_a_file_per_video_too(corpus, tmp_path):
    """Features by expert and captions as words, three letters down; read without the pickles."""
    pytest.importorskip("h5py")
    layouts.write(corpus, "mmt", tmp_path)
    path = tmp_path / "vid_feat_files/mult_h5/v/_/3/v_3.h5"
    assert hdf5.captions(path)[1] == ["Ein", "Hund,", "1", "é"]
    for name in ("raw-captions.pkl", "layout.json"):
        (tmp_path / name).unlink()
    shutil.rmtree(tmp_path / "mmt_feats")
    read_back = msrvtt.read(tmp_path, name="toy")
    assert next(c.text for c in read_back.splits["test"].captions) == "Ein Hund, 0 é"
    for name, features in corpus.features.items():
        for video, array in features.arrays.items():
            assert np.array_equal(read_back.features[name].read(video), array)
    assert "v_3" not in read_back.features["audio"]


def test_clip4clip_trains_on_a_table_and_tests_on_pairs(corpus, tmp_path):
    """One sentence a test video; the JSON has them all, with the official names of the splits."""
    layouts.write(corpus, "clip4clip", tmp_path)
    with (tmp_path / "MSRVTT_JSFUSION_test.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "key": "ret1",
        "vid_key": "msr1",
        "video_id": "v_10",
        "sentence": "Ein Hund, 0 é",
    }
    assert (tmp_path / "MSRVTT_train.9k.csv").read_text() == "video_id\nv-a\nv_1\n"
    document = json.loads((tmp_path / "MSRVTT_data.json").read_text())
    assert [v["split"] for v in document["videos"]] == [
        "train",
        "train",
        "validate",
        "test",
        "test",
    ]
    pairs = msrvtt.read(tmp_path, protocol="1k-A").splits["test"].captions
    assert [(c.video, c.text) for c in pairs] == [
        ("v_3", "Ein Hund, 0 é"),
        ("v_10", "Ein Hund, 0 é"),
    ]


def test_pixels_become_videos_that_decode(corpus, tmp_path):
    """One mp4 a video, as many frames as were given, close to the pixels."""
    pytest.importorskip("av")
    from kb.datasets.features.videos import frames_of  # noqa: PLC0415

    grey = {v: np.full((6, 64, 64, 3), 40 * n, np.uint8) for n, v in enumerate(VIDEOS["test"], 1)}
    layouts.write(corpus, "clip4clip", tmp_path, pixels=iter(grey.items()))
    for video, pixels in grey.items():
        decoded = np.stack(list(frames_of(tmp_path / f"videos/{video}.mp4", fps=8)))
        assert decoded.shape == pixels.shape
        assert np.abs(decoded.astype(int) - pixels).mean() < 8


def test_mmt_reads_plain_pickles_of_numpy(corpus, tmp_path):
    """Python's own unpickling gives tokens, arrays, and NaN where an expert saw nothing."""
    layouts.write(corpus, "mmt", tmp_path)
    tokens = pickle.loads((tmp_path / "raw-captions.pkl").read_bytes())
    assert tokens["v_3"][1] == ["Ein", "Hund,", "1", "é"]
    audio = pickle.loads((tmp_path / "mmt_feats/features.audio.pkl").read_bytes())
    assert np.isnan(audio["v_3"])
    assert np.array_equal(audio["v_10"], corpus.features["audio"].read("v_10"))


def test_howto100m_has_one_vector_a_video_of_frames_and_of_motion(corpus, tmp_path):
    """Largest values over the steps, as tensors by video, train with validation and test apart."""
    import torch  # noqa: PLC0415

    layouts.write(corpus, "howto100m", tmp_path)
    train = torch.load(tmp_path / "MSRVTT_train.pth", weights_only=True)
    assert list(train["2d"]) == ["v-a", "v_1", "v_2"]
    test = torch.load(tmp_path / "MSRVTT_JSFUSION_test.pth", weights_only=True)
    assert np.array_equal(test["3d"]["v_10"], corpus.features["motion"].read("v_10").max(0))
    features = layouts.read(tmp_path).features
    assert np.array_equal(
        features["frames"].read("v_3")[0], corpus.features["frames"].read("v_3").max(0)
    )
    assert set(features) == {"frames", "motion"}


@pytest.mark.parametrize(
    ("name", "write", "protocol"),
    [
        ("msvd", published.msvd, "full"),
        ("tgif", published.tgif, "full"),
        ("vatex", published.vatex, "full"),
        ("activitynet", published.activitynet, "moments"),
        ("didemo", published.didemo, "full"),
        ("lsmdc", published.lsmdc, "full"),
    ],
)
@pytest.mark.parametrize("layout", ["bigfile", "clip4clip", "mmt"])
def test_any_data_set_with_captions_can_be_written(tmp_path, name, write, protocol, layout):
    """Layouts know no dataset: what a reader read is what comes back."""
    (tmp_path / "real").mkdir()
    write(tmp_path / "real")
    read = READERS[name](tmp_path / "real", protocol=protocol)
    (tmp_path / "out").mkdir()
    layouts.write(read, layout, tmp_path / "out")
    read_back = layouts.read(tmp_path / "out")
    for split in read.splits:
        assert read_back.splits[split].videos == read.splits[split].videos
        assert [c.text for c in read_back.splits[split].captions] == [
            c.text for c in read.splits[split].captions
        ]


def test_what_a_layout_cannot_hold_is_refused_in_one_line(corpus, tmp_path):
    """Ids with separators, topics without captions, a layout nobody knows."""
    corpus.splits["test"].captions = []
    with pytest.raises(KBError, match="toy has no test captions, which the layout mmt needs"):
        layouts.write(corpus, "mmt", tmp_path)
    corpus.splits["test"].videos = ["a b"]
    with pytest.raises(KBError, match="'a b' cannot be an id in the layout bigfile"):
        layouts.write(corpus, "bigfile", tmp_path)
    with pytest.raises(KBError, match="choose published, bigfile, clip4clip, mmt, howto100m"):
        layouts.write(corpus, "coco", tmp_path)


def test_code_bases_folders_of_msrvtt_are_read_without_our_mark(corpus, tmp_path):
    """RUC's collections, and CE's lists with tokens."""
    corpus.name = "msrvtt10k"
    for layout in ("bigfile", "mmt"):
        folder = tmp_path / layout
        folder.mkdir()
        layouts.write(corpus, layout, folder)
        (folder / "layout.json").unlink()
        assert READERS["msrvtt"](folder).splits["test"].videos == VIDEOS["test"]


def test_a_staging_is_written_with_its_pixels(tmp_path):
    """`write_layout` renders the world's videos, and will not write over what is there."""
    pytest.importorskip("av")
    world, pixels = catalogue.with_pixels("diorama-msrvtt", size="tiny")
    out = catalogue.write_layout(world, "clip4clip", tmp_path / "out", pixels)
    videos = {path.stem for path in (out / "videos").iterdir()}
    read_back = msrvtt.read(out)
    assert videos == {v for split in read_back.splits.values() for v in split.videos}
    with pytest.raises(KBError, match="is not empty"):
        catalogue.write_layout(world, "mmt", tmp_path / "out")


def test_a_staging_in_another_layout_is_loaded_from_its_root(tmp_path):
    """The mark tells the layout; captions and frames are those of the published files."""
    world, _ = catalogue.with_pixels("diorama-msrvtt", size="tiny")
    out = catalogue.write_layout(world, "bigfile", tmp_path / "out")
    read_back = catalogue.load("diorama-msrvtt", root=out)
    assert read_back.splits["test"].videos == world.splits["test"].videos
    assert [c.text for c in read_back.splits["train"].captions] == [
        c.text for c in world.splits["train"].captions
    ]
    video = read_back.splits["test"].videos[0]
    same = read_back.features["frames"].read(video) == world.features["frames"].read(video)
    assert same.all()
