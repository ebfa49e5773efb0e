"""Annotation files that are broken, contradictory or dangerous: one clear line each."""

import gzip
import json
import os
import pickle

import pytest

from kb.datasets import inventory
from kb.datasets.readers.registry import READERS
from kb.records.errors import KBError
from tests.datasets import published

WRITE = {
    "msvd": published.msvd,
    "tgif": published.tgif,
    "vatex": published.vatex,
    "activitynet": published.activitynet,
    "didemo": published.didemo,
    "lsmdc": published.lsmdc,
    "avs": published.avs,
    "howto100m": published.howto100m,
}
FILES = {
    "msvd": "msvdtest/TextData/msvdtest.caption.txt",
    "tgif": "data/tgif-v1.0.tsv",
    "vatex": "vatex_validation_v1.0.json",
    "activitynet": "val_1.json",
    "didemo": "val_data.json",
    "lsmdc": "LSMDC16_challenge_1000_publictect.csv",
    "avs": "iacc.3/TextData/tv16.avs.txt",
    "howto100m": "caption.json",
}


def refused(root, name, file):
    """The one line with which a reader refuses the dataset."""
    with pytest.raises(KBError) as caught:
        READERS[name](root)
    line = str(caught.value)
    assert "\n" not in line
    assert os.path.basename(file) in line  # noqa: PTH119  (a name to be found in a line)
    return line


@pytest.fixture(params=WRITE, ids=str)
def broken(request, tmp_path):
    """Name of a dataset, its root, and the file that a test breaks."""
    WRITE[request.param](tmp_path)
    return request.param, tmp_path, tmp_path / FILES[request.param]


def test_an_empty_file_is_named(broken):
    """Zero bytes."""
    name, root, path = broken
    path.write_bytes(b"")
    assert "is empty" in refused(root, name, path.name)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_wrongly_encoded_file_is_named_with_its_byte(broken, encoding):
    """UTF-16, or a letter in Latin-1."""
    name, root, path = broken
    words = path.read_text().replace(" ", " é", 1)
    path.write_bytes(words.encode(encoding))
    assert "is not UTF-8 (byte" in refused(root, name, path.name)


def test_a_compressed_file_is_not_taken_for_text(broken):
    """A gzip that nobody unpacked."""
    name, root, path = broken
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert "is not UTF-8" in refused(root, name, path.name)


@pytest.mark.parametrize("name", ["vatex", "activitynet", "didemo", "howto100m"])
def test_a_truncated_json_says_that_it_ends_in_the_middle(tmp_path, name):
    """Half a file."""
    WRITE[name](tmp_path)
    path = tmp_path / FILES[name]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "ends in the middle" in refused(tmp_path, name, path.name)


@pytest.mark.parametrize("name", ["vatex", "activitynet", "didemo", "howto100m"])
@pytest.mark.parametrize("content", ["3", '"x"', "[3]", '{"v": 3}', "[[]]", '{"v": {}}', "[{}]"])
def test_json_of_another_kind_is_refused(tmp_path, name, content):
    """A document without the keys of the published one."""
    WRITE[name](tmp_path)
    path = tmp_path / FILES[name]
    path.write_text(content)
    refused(tmp_path, name, path.name)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("msvd", "d_3_8#0 a", "d_3_8 a", ":1: d_3_8 names no caption; a line is `video#number"),
        ("msvd", "e_4_9#0 ", "d_3_8#0 ", "d_3_8#0 stands in line 1 too"),
        ("msvd", "d_3_8#0 a d runs", "d_3_8#0", "d_3_8#0 has no sentence"),
        ("tgif", "\ta a runs", " a a runs", ":1: has 1 tab-separated fields, 2 are expected"),
        ("tgif", "https://38.media.tumblr.com/0f/tumblr_a_0_5.gif", "x", "is no url of a GIF"),
        ("vatex", '"c-x_', '"d-x_', "d-x_000003_000013 is there twice"),
        ("vatex", '"en 0"', "null", "enCap of c-x_000003_000013 is no text"),
        ("activitynet", '"duration": 20.0', '"duration": NaN', "duration of v_c is no number"),
        ("activitynet", "[7, 20]", "[7]", "a time stamp of v_c is no [start, end]"),
        ("activitynet", ", [7, 20]", "", "v_c has 2 sentences and 1 time stamps"),
        ("activitynet", '"v_c"', '"v_a"', "v_a is in train.json too"),
        (
            "activitynet",
            '"duration": 20.0',
            '"duration": 1, "duration": 2',
            "duration is there twi",
        ),
        ("didemo", '"annotation_id": 3', '"annotation_id": 2', "annotation 2 is there twice"),
        ("didemo", "[[0, 1], [0, 1], [0, 1], [0, 1]]", "[]", "entry 1 has no times"),
        ("lsmdc", "3_F_2-3", "3_F_0-1", ":2: 3_F_0-1 is there twice"),
        ("lsmdc", "\tShe runs.\n", "", "the file ends in the middle"),
        ("avs", "502 a dog", "501 a dog", ":2: 501 is there twice"),
        ("avs", "501 a", "a", ":1: is no `number text`"),
        ("howto100m", '"end": [2, 4, 9, 10]', '"end": [2]', "xx has columns of 4, 1, 4 entries"),
        ("howto100m", '"xx": ', '"zz": ', ""),
    ],
)
def test_a_contradiction_is_told_where_it_stands(tmp_path, name, old, new, says):
    """Wrong fields, repeated ids, columns of other lengths: file, line where there is one, hint."""
    WRITE[name](tmp_path)
    path = tmp_path / FILES[name]
    raw = path.read_text()
    assert old in raw
    path.write_text(raw.replace(old, new))
    if says:
        assert says in refused(tmp_path, name, path.name)
    else:
        assert READERS[name](tmp_path).notes  # a video that is not listed is left out, and told


def test_a_file_pasted_twice_is_refused(tmp_path):
    """The ids of the second half are those of the first."""
    published.msvd(tmp_path)
    path = tmp_path / FILES["msvd"]
    path.write_text(path.read_text() * 2)
    assert "d_3_8#0 stands in line 1 too" in refused(tmp_path, "msvd", path.name)


def test_a_list_that_names_an_unknown_video_is_refused(tmp_path):
    """Ids of two releases do not match."""
    published.msvd_json(tmp_path)
    (tmp_path / "val_list.txt").write_text("z_9_9\n")
    assert "z_9_9 is no video of the annotations" in refused(tmp_path, "msvd", "val_list.txt")


def test_the_same_video_may_not_be_trained_on_and_tested(tmp_path):
    """Lists of two protocols beside each other."""
    published.msvd_json(tmp_path)
    (tmp_path / "test_list.txt").write_text("a_0_5\n")
    with pytest.raises(KBError, match="trains on 1 video of the test split, a_0_5"):
        READERS["msvd"](tmp_path)


class Bomb:
    """Whatever unpickles this runs a program."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["msvd", "howto100m"])
def test_a_pickle_is_never_executed(tmp_path, name, protocol):
    """A program in place of the captions is named, and does not run."""
    mark = tmp_path / "ran"
    bomb = pickle.dumps({"xx": Bomb(mark), "a_0_5": [Bomb(mark)]}, protocol=protocol)
    if name == "msvd":
        published.msvd_pickle(tmp_path)
        path = tmp_path / "raw-captions.pkl"
    else:
        published.howto100m(tmp_path, ".pickle")
        path = tmp_path / "caption.pickle"
    path.write_bytes(bomb)
    line = refused(tmp_path, name, path.name)
    assert "system" in line
    assert "nothing in it was executed" in line
    assert not mark.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x04",
        b"garbage",
        b"\x80\x09.",
        b"]" + b"2" * 9,
        b"\x80\x04X\xff\xff\xff\x7fabc.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"(lp0\n" + b"(lp1\n" * 5000 + b"a" * 5000 + b".",
        b"\x80\x02}" + b")\x85" * 3000 + b"Ns.",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
        b"ccodecs\nopen\n(S'x'\ntR.",
        b"\x80\x02\x82\x01.",
    ],
)
def test_broken_pickles_are_one_line(tmp_path, raw):
    """Truncated, of lies about lengths, nested without end, of instructions data never need."""
    published.msvd_pickle(tmp_path)
    (tmp_path / "raw-captions.pkl").write_bytes(raw)
    refused(tmp_path, "msvd", "raw-captions.pkl")


def test_an_array_of_objects_is_no_list_of_names(tmp_path):
    """Numpy would unpickle it."""
    published.msvd_names(tmp_path)
    import numpy as np  # noqa: PLC0415

    np.save(tmp_path / "public_split/tst_names.npy", np.array([{"a": 1}, None]), allow_pickle=True)
    assert "is no array of names" in refused(tmp_path, "msvd", "tst_names.npy")


def test_what_is_missing_is_told_in_one_screen_and_as_json(tmp_path):
    """`kb data check` reads what is there, counts it, and names the files and videos that are not."""
    published.didemo(tmp_path)
    (tmp_path / "train_data.json").unlink()
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "1@N01_2_c.mp4").write_bytes(b"x")
    report = inventory.take("didemo", tmp_path)
    assert report.absent == ["train_data.json"]
    assert report.missing == {"videos": {"val": ["1@N01_2_b"]}}
    assert "val has 1 video, 1,065 were published" in report.problems
    assert len(report.text().splitlines()) <= 24
    plain = json.loads(json.dumps(report.plain()))
    assert plain["whole"] is False
    assert plain["splits"]["test"] == {
        "videos": 1,
        "captions": 1,
        "published": 1004,
        "published_captions": [1004],
    }
