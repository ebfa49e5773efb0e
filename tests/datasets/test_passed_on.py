"""Files that code bases pass on: JSFusion's tables, CE's lists, MMT's file a video."""

import pickle

import numpy as np
import pytest

from kb.datasets import inventory
from kb.datasets.corpus import Blank, Choice
from kb.datasets.features.experts import find_experts
from kb.datasets.features.hdf5 import files
from kb.datasets.readers.registry import READERS
from kb.records.errors import KBError
from tests.datasets import published
from tests.datasets.published import text

h5py = pytest.importorskip("h5py")


def pairs_of(corpus, split="test"):
    """(video, sentence) of a split."""
    return [(c.video, c.text) for c in corpus.splits[split].captions]


@pytest.fixture
def tables(tmp_path):
    """JSFusion's tables of LSMDC, as pandas writes them: tabs, quotes where they are needed."""
    folder = tmp_path / "DataFrame"
    text(
        folder / "LSMDC16_CAP_train.csv",
        "key\tvid_key\tdescription",
        'vid1\tvid1\t"SOMEONE says ""no"", and sits."',
        "vid2\tvid2\tHe waits.",
        "vid3\tmsr7\ta cat",
    )
    text(folder / "LSMDC16_CAP_val.csv", "key\tvid_key\tdescription", "vid4\tvid4\tShe runs.")
    text(
        folder / "LSMDC16_RET_test.csv",
        "key\tvid_key\tdescription",
        "RET0\tvid5\tIt rains.",
        "RET1\tvid6\tIt snows.",
    )
    head = "key\tvid_key\ta1\ta2\ta3\ta4\ta5\tanswer"
    for split, row in (
        ("val", "MC0\tvid4\tp\tq\tr\ts\tt\t0"),
        ("test", "MC1\tvid5\tp\tq\tr\ts\tt\t4"),
    ):
        text(folder / f"LSMDC16_MC_{split}.csv", head, row)
    head = "key\tvid_key\tsentence\tblank_sentence\tanswer"
    for split, clip in (("train", 1), ("val", 4), ("test", 5)):
        row = f"FIB{clip}\tvid{clip}\tIt rains.\tIt _____ .\trains"
        text(folder / f"LSMDC16_FIB_{split}.csv", head, row)
    return tmp_path


def test_jsfusions_tables_are_read_in_place_of_the_challenges(tables):
    """Quotes are quoting there, and clips of MSR-VTT among the training ones are left out."""
    corpus = READERS["lsmdc"](tables)
    assert pairs_of(corpus, "train") == [
        ("vid1", 'SOMEONE says "no", and sits.'),
        ("vid2", "He waits."),
    ]
    assert pairs_of(corpus) == [("vid5", "It rains."), ("vid6", "It snows.")]
    assert corpus.notes == ["LSMDC16_CAP_train.csv: 1 rows of MSR-VTT are left out"]


def test_answers_of_jsfusion_count_from_nought(tables):
    """Questions to train on are drawn there, and not published: their sentences are."""
    corpus = READERS["lsmdc"](tables, protocol="mc")
    assert corpus.choices["test"] == [Choice("vid5", ("p", "q", "r", "s", "t"), 4)]
    assert corpus.choices["train"] == []
    assert [video for video, _ in pairs_of(corpus, "train")] == ["vid1", "vid2"]
    blanks = READERS["lsmdc"](tables, protocol="fib").blanks
    assert blanks["test"] == [Blank("vid5", "It rains.", "It _____ .", "rains")]


@pytest.mark.parametrize(
    ("protocol", "file", "old", "new", "says"),
    [
        ("full", "RET_test", "RET1", "RET0", "RET0 is there twice"),
        ("full", "RET_test", "vid6", "vid5", "vid5 is twice among the test's pairs"),
        ("full", "RET_test", "\tIt snows.", "", "has another number of cells than the header"),
        ("full", "CAP_train", 'sits."', "sits.", "is not CSV (unexpected end of data)"),
        ("full", "CAP_val", "description", "caption", "has no column description"),
        ("mc", "MC_test", "\t4", "\t5", "the answer of MC1 is '5', not 0 to 4"),
        ("mc", "MC_val", "\tvid4", "\t", "MC0 names no clip"),
        ("fib", "FIB_val", "_____", "___", "FIB4 has no blank and answer"),
    ],
)
def test_a_broken_table_is_one_line(tables, protocol, file, old, new, says):
    """Repeated rows, missing cells and columns, answers that are none."""
    path = tables / f"DataFrame/LSMDC16_{file}.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(KBError) as caught:
        READERS["lsmdc"](tables, protocol=protocol)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_table_of_jsfusion_is_named(tables):
    """`kb data check` says which, and reads the others."""
    (tables / "DataFrame/LSMDC16_CAP_val.csv").unlink()
    report = inventory.take("lsmdc", tables)
    assert report.absent == ["LSMDC16_RET_val.csv"]
    assert report.splits["test"].captions == 2


def test_a_row_of_lsmdc_without_a_sentence_is_left_out_and_told(tmp_path):
    """The published training file has five; tabs behind the last cell are no cells."""
    published.lsmdc(tmp_path)
    path = tmp_path / "LSMDC16_annos_training.csv"
    first, second = path.read_text().splitlines()
    silent = first.rpartition("\t")[0].replace("1_F_0-1", "1_F_5-6")
    path.write_bytes("\r\n".join([silent + "\t", first + "\t\t", second, ""]).encode("utf-8-sig"))
    corpus = READERS["lsmdc"](tmp_path)
    assert [sentence for _, sentence in pairs_of(corpus, "train")] == [
        "SOMEONE sits.",
        'SOMEONE "waits".',
    ]
    assert corpus.notes == [f"{path.name}:1: 1 rows without a sentence are left out"]


WORDS = {
    "video7": [["a", "cat"], ["un", "café"]],
    "video8": [["a", "dog"]],
    "video9": [["a", "cup"]],
}
RGB = {video: np.full((n + 2, 4), n, np.float32) for n, video in enumerate(WORDS)}


def write_videos(folder, *, spread=True):
    """MMT's folder: an HDF5 file a video, three letters down."""
    for video, captions in WORDS.items():
        path = (folder.joinpath(*video[:3]) if spread else folder) / f"{video}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            for number, words in enumerate(captions):
                file[f"raw_captions.{number}"] = np.array(words, dtype=h5py.string_dtype())
                file[f"raw_captions_t.{number}"] = np.zeros((len(words), 2))
            file["features.rgb"] = RGB[video]
            file["features_t.rgb"] = np.zeros((len(RGB[video]), 2))
            file["features.audio"] = np.full((1, 3), np.nan if video == "video8" else 1.0)


def write_lists(root, cut):
    """CE's lists of a protocol: train, and what is tested on."""
    text(root / f"train_list_{cut}.txt", "video9.mp4")
    text(root / f"{'val' if cut == 'jsfusion' else 'test'}_list_{cut}.txt", "video7", "video8")


@pytest.mark.parametrize("spread", [True, False])
def test_a_file_a_video_gives_features_and_captions(tmp_path, spread):
    """MMT's release: what an expert did not see is NaN there, and is not there here."""
    write_videos(tmp_path / "vid_feat_files/mult_h5", spread=spread)
    for split, video in (("train", "video9"), ("val", "video8"), ("test", "video7")):
        text(tmp_path / f"{split}_list.txt", video)
    corpus = READERS["msrvtt"](tmp_path)
    assert pairs_of(corpus) == [("video7", "a cat"), ("video7", "un café")]
    assert list(corpus.features) == ["audio", "frames"]
    assert "video8" not in corpus.features["audio"]
    for video, array in RGB.items():
        assert np.array_equal(corpus.features["frames"].read(video), array)
    assert corpus.fingerprint == READERS["msrvtt"](tmp_path).fingerprint


@pytest.mark.parametrize("form", ["tokens", "files"])
def test_the_1k_protocols_are_read_by_ces_lists(tmp_path, form):
    """1k-A: the numbered caption of each video; 1k-B: the first. A list may name files."""
    if form == "tokens":
        (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(WORDS))
    else:
        write_videos(tmp_path / "vid_feat_files/mult_h5")
    for cut in ("jsfusion", "miech"):
        write_lists(tmp_path, cut)
    picked = {"video7": np.int64(1), "video8": 0}
    (tmp_path / "jsfusion_val_caption_idx.pkl").write_bytes(pickle.dumps(picked))
    one_k_a = READERS["msrvtt"](tmp_path, protocol="1k-A")
    assert pairs_of(one_k_a) == [("video7", "un café"), ("video8", "a dog")]
    assert one_k_a.splits["train"].videos == ["video9"]
    assert pairs_of(READERS["msrvtt"](tmp_path, protocol="1k-B"))[0] == ("video7", "a cat")
    (tmp_path / "jsfusion_val_caption_idx.pkl").write_bytes(pickle.dumps({"video7": 2}))
    with pytest.raises(KBError, match="caption 2 of video7 is none of its 2"):
        READERS["msrvtt"](tmp_path, protocol="1k-A")


def test_a_broken_file_of_a_video_is_one_line(tmp_path):
    """Cut short, without captions, words that lie in another file, words that are none."""
    folder = tmp_path / "mult_h5"
    for split, video in (("train", "video9"), ("val", "video8"), ("test", "video7")):
        text(tmp_path / f"{split}_list.txt", video)
    cases = {
        "is no HDF5 file": lambda p: p.write_bytes(p.read_bytes()[:300]),
        "has no raw_captions.0": lambda p: change(p, lambda f: f.move("raw_captions.0", "x")),
        "raw_captions.0 is no list of words": lambda p: change(p, link),
        "raw_captions.1 is no list of words": lambda p: change(p, number),
        "features.rgb is a link": lambda p: change(p, lambda f: relink(f, "features.rgb")),
    }
    for says, spoil in cases.items():
        write_videos(folder)
        spoil(folder / "v/i/d/video8.h5")
        with pytest.raises(KBError) as caught:
            READERS["msrvtt"](tmp_path)
        assert says in str(caught.value)
        assert "video8.h5" in str(caught.value)


def change(path, edit):
    """Edit an HDF5 file in place."""
    with h5py.File(path, "r+") as file:
        edit(file)


def relink(file, name):
    """Put a link to another file in the place of a dataset."""
    del file[name]
    file[name] = h5py.ExternalLink("video9.h5", name)


def link(file):
    """Captions in another file."""
    relink(file, "raw_captions.0")


def number(file):
    """Numbers in the place of words."""
    file["raw_captions.1"] = np.ones(3)


def test_an_id_that_leads_out_of_the_folder_has_no_file(tmp_path):
    """Whatever a list says."""
    write_videos(tmp_path / "mult_h5", spread=False)
    assert set(files(tmp_path / "mult_h5", ["../mult_h5/video7", "..", "video7"])) == {"video7"}


def test_folders_that_are_links_hold_features_too(tmp_path):
    """CE keeps `structured-symlinks`."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/audio.pkl").write_bytes(pickle.dumps(RGB))
    (tmp_path / "root").mkdir()
    (tmp_path / "root/aggregated").symlink_to(tmp_path / "elsewhere")
    assert list(find_experts(tmp_path / "root", set(RGB)).experts) == ["audio"]


def test_msvd_is_read_from_the_lines_beside_its_videos(tmp_path):
    """AllVideoDescriptions.txt: remarks after #, blank lines, `clip sentence`."""
    published.lists(tmp_path)
    lines = [f"{v} {t}" for v in published.VIDEOS for t in published.TEXTS[v]]
    text(tmp_path / "AllVideoDescriptions.txt", "# English descriptions", "#", "", *lines)
    corpus = READERS["msvd"](tmp_path)
    assert pairs_of(corpus) == [
        (v, t) for v in published.SPLITS["test"] for t in published.TEXTS[v]
    ]
    text(tmp_path / "AllVideoDescriptions.txt", *lines, "x_1_2")
    with pytest.raises(KBError, match=r"AllVideoDescriptions.txt:8: x_1_2 has no sentence"):
        READERS["msvd"](tmp_path)


def test_narration_may_be_in_arrays_and_its_times_in_quotes(tmp_path):
    """A pickle of numpy's arrays is read as lists; a video listed for two tasks is one video."""
    published.howto100m(tmp_path)
    (tmp_path / "caption.json").unlink()
    narration = {
        "xx": {
            "start": np.array([0.0, 2.0]),
            "end": ["2.0", "9.5"],
            "text": np.array(["a", "b"], "O"),
        },
        "yy": {"start": [np.float64(1)], "end": [2], "text": [np.nan]},
    }
    (tmp_path / "caption.pickle").write_bytes(pickle.dumps(narration))
    with (tmp_path / "HowTo100M_v1.csv").open("a") as file:
        file.write("xx,Crafts,,3,79\n")
    corpus = READERS["howto100m"](tmp_path, protocol="lines")
    spans = [(c.text, c.span) for c in corpus.splits["train"].captions]
    assert spans == [("a", (0.0, 2.0)), ("b", (2.0, 9.5))]
    assert corpus.notes == ["1 rows of HowTo100M_v1.csv name a video again, for another task"]
    narration["xx"]["end"][1] = "soon"
    (tmp_path / "caption.pickle").write_bytes(pickle.dumps(narration))
    with pytest.raises(KBError, match="a time of xx is no number"):
        READERS["howto100m"](tmp_path, protocol="lines")
