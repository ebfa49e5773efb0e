"""The MSR-VTT reader on small invented files: what it reads and what it refuses."""

import json

import numpy as np
import pytest

from kb.datasets.features.bigfile import Writer
from kb.datasets.readers import msrvtt
from kb.records.errors import Exit, KBError


def entry(number, split):
    """A video as the published files describe it."""
    return {
        "category": 9,
        "url": "https://www.youtube.com/watch?v=9lZi22qLlEo",
        "video_id": f"video{number}",
        "start time": 137.72,
        "end time": 149.44,
        "split": split,
        "id": number,
    }


def sentence(number, video, text):
    """A sentence as the published files hold it."""
    return {"caption": text, "video_id": f"video{video}", "sen_id": number}


def document(videos, sentences):
    """One of the two files."""
    info = {"contributor": "nobody", "year": "2016", "version": "1.0", "description": "invented"}
    return {"info": info, "videos": videos, "sentences": sentences}


@pytest.fixture
def root(tmp_path):
    """A dataset of three train, one validation and two test videos."""
    videos = [entry(i, "train") for i in range(3)] + [entry(3, "validate")]
    sentences = [sentence(i, i % 4, f"a sentence {i}") for i in range(8)]
    (tmp_path / msrvtt.TRAIN_VAL).write_text(json.dumps(document(videos, sentences)))
    videos = [entry(4, "test"), entry(5, "test")]
    sentences = [sentence(8, 5, "a cup"), sentence(9, 4, "a dog"), sentence(10, 5, "un café")]
    (tmp_path / msrvtt.TEST).write_text(json.dumps(document(videos, sentences)))
    return tmp_path


def write_frames(root, videos, name="resnet"):
    """Two frames of three numbers for each video."""
    writer = Writer(root / "FeatureData" / name)
    for video in videos:
        writer.add([f"{video}_0", f"{video}_1"], np.ones((2, 3), np.float32))
    writer.close(by_frame=True)


def change(path, edit):
    """Edit a JSON file in place."""
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def test_splits_and_captions_come_in_file_order(root):
    """Official splits by the videos' own `split`; a caption's number counts within its video."""
    corpus = msrvtt.read(root)
    assert {n: s.videos for n, s in corpus.splits.items()} == {
        "train": ["video0", "video1", "video2"],
        "val": ["video3"],
        "test": ["video4", "video5"],
    }
    test = [(c.id, c.video, c.text) for c in corpus.splits["test"].captions]
    assert test == [
        ("video4#0", "video4", "a dog"),
        ("video5#0", "video5", "a cup"),
        ("video5#1", "video5", "un café"),
    ]


def test_one_joined_file_reads_the_same(root, tmp_path_factory):
    """MSRVTT_data.json, which holds both parts, gives the same splits."""
    parts = [json.loads((root / n).read_text()) for n in (msrvtt.TRAIN_VAL, msrvtt.TEST)]
    other = tmp_path_factory.mktemp("joined")
    joined = {k: parts[0][k] + parts[1][k] for k in ("videos", "sentences")}
    (other / msrvtt.JOINED).write_text(json.dumps(joined))
    assert msrvtt.read(other).splits == msrvtt.read(root).splits


def test_a_folder_between_and_a_byte_order_mark_are_tolerated(root):
    """Files one folder down, saved with a mark by some editor, still read."""
    text = (root / msrvtt.TEST).read_text()
    (root / "annotation").mkdir()
    (root / "annotation" / msrvtt.TEST).write_text(text, encoding="utf-8-sig")
    (root / msrvtt.TEST).unlink()
    assert msrvtt.read(root).splits["test"].videos == ["video4", "video5"]


def test_the_features_of_every_video_are_found(root):
    """The frame-level BigFile is the expert "frames"; another folder keeps its name."""
    videos = [f"video{i}" for i in range(6)]
    write_frames(root, videos)
    writer = Writer(root / "FeatureData" / "audio")
    writer.add(videos[:2], np.zeros((2, 7), np.float32))
    writer.close(by_frame=False)
    features = msrvtt.read(root).features
    assert {n: f.dim for n, f in features.items()} == {"frames": 3, "audio": 7}
    assert features["frames"].read("video5").shape == (2, 3)
    assert features["audio"].read("video0").shape == (1, 7)
    assert "video2" not in features["audio"]


def test_folders_by_split_are_one_expert(root):
    """The field keeps a collection per split; the same feature name in each is one expert."""
    write_frames(root / "msrvtt10ktrain", ["video0", "video1", "video2", "video3"])
    write_frames(root / "msrvtt10ktest", ["video4", "video5"])
    features = msrvtt.read(root).features
    assert list(features) == ["frames"]
    assert features["frames"].read("video0").shape == features["frames"].read("video5").shape


def test_features_of_other_ids_are_refused(root):
    """Features that lack a video would change the gallery."""
    write_frames(root, [f"vid{i}" for i in range(6)])
    with pytest.raises(KBError, match="features of 3 of 3 train videos are missing, video0 first"):
        msrvtt.read(root)


def test_the_fingerprint_follows_annotations_and_features(root):
    """Another caption or another feature is another corpus."""
    plain = msrvtt.read(root).fingerprint
    write_frames(root, [f"video{i}" for i in range(6)])
    featured = msrvtt.read(root).fingerprint
    change(root / msrvtt.TEST, lambda d: d["sentences"][0].update(caption="a mug"))
    assert len({plain, featured, msrvtt.read(root).fingerprint}) == 3


def test_one_k_a_takes_its_pairs_from_the_csv(root):
    """1k-A: the CSV's sentence is the only query of a video; training is the list's videos."""
    rows = 'key,vid_key,video_id,sentence\r\nret0,msr5,video5,"a cup, a saucer"\r\n'
    (root / "MSRVTT_JSFUSION_test.csv").write_text(rows)
    (root / "MSRVTT_train.9k.csv").write_text("video_id\nvideo0\nvideo4\n")
    corpus = msrvtt.read(root, protocol="1k-A")
    assert [c.text for c in corpus.splits["test"].captions] == ["a cup, a saucer"]
    assert corpus.splits["train"].videos == ["video0", "video4"]
    assert corpus.splits["val"].videos == []
    assert corpus.protocol == "1k-A"


def test_one_k_b_takes_the_first_sentence(root):
    """1k-B: lists of ids; the first caption of a test video is its query."""
    (root / "train_list_miech.txt").write_text("video0\nvideo1\n")
    (root / "test_list_miech.txt").write_text("video5\n")
    corpus = msrvtt.read(root, protocol="1k-B")
    assert [(c.video, c.text) for c in corpus.splits["test"].captions] == [("video5", "a cup")]


def test_a_protocol_may_not_train_on_its_test_videos(root):
    """The 9k list beside the wrong test list is noticed."""
    (root / "train_list_miech.txt").write_text("video5\n")
    (root / "test_list_miech.txt").write_text("video5\n")
    with pytest.raises(KBError, match="trains on 1 video of the test split"):
        msrvtt.read(root, protocol="1k-B")


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("MSRVTT_train.9k.csv", "video\nvideo0\n", "no column video_id"),
        ("MSRVTT_train.9k.csv", "video_id\nvideo99\n", "video99 is no video"),
        ("MSRVTT_JSFUSION_test.csv", "key,vid_key,video_id,sentence\nret0,x\n", "cells"),
        ("MSRVTT_JSFUSION_test.csv", 'key,vid_key,video_id,sentence\n"ret0', "not CSV"),
    ],
)
def test_broken_lists_of_a_protocol_are_refused(root, file, content, says):
    """A list that cannot be what it claims is named with its line."""
    (root / "MSRVTT_JSFUSION_test.csv").write_text(
        "key,vid_key,video_id,sentence\nret0,msr5,video5,a cup\n"
    )
    (root / "MSRVTT_train.9k.csv").write_text("video_id\nvideo0\n")
    (root / file).write_text(content)
    with pytest.raises(KBError, match=says):
        msrvtt.read(root, protocol="1k-A")


def test_an_unknown_protocol_names_the_known_ones(root):
    """A typo is answered with the choice."""
    with pytest.raises(KBError, match="full, 1k-A, 1k-A-7k, 1k-B"):
        msrvtt.read(root, protocol="1kA")


@pytest.mark.parametrize("name", [msrvtt.TRAIN_VAL, msrvtt.TEST])
def test_a_missing_file_is_out_of_reach(root, name):
    """Exit code 4, and the path."""
    (root / name).unlink()
    with pytest.raises(KBError, match=f"{name}: is not there") as caught:
        msrvtt.read(root)
    assert caught.value.code == Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda raw: raw[: len(raw) // 2], "ends in the middle"),
        (lambda _: b"", "is empty"),
        (lambda raw: raw.replace(b"caf", b"\xff"), "not UTF-8"),
        (lambda raw: raw.decode().encode("utf-16"), "not UTF-8"),
        (lambda raw: b"\x1f\x8b\x08\x00" + raw, "not UTF-8"),
        (lambda _: b"<html>404</html>", "not JSON"),
        (lambda _: b"[]", "no list of videos"),
        (lambda _: b'{"videos": 3}', "no list of videos"),
        (lambda _: b"[" * 100_000, "not JSON"),
        (lambda raw: raw.replace(b'"split": "test"', b'"split": "tset"'), "split 'tset'"),
        (lambda raw: raw.replace(b'"video_id": "video4"', b'"video_id": "video0"'), "twice"),
        (
            lambda raw: raw.replace(b'"video_id": "video5", "sen', b'"video_id": "x", "sen'),
            "is of x",
        ),
        (lambda raw: raw.replace(b'"caption": "a dog"', b'"caption": null'), "no caption"),
        (lambda raw: raw.replace(b'"a dog"', b'"\\ud800"'), "broken text"),
    ],
)
def test_a_broken_annotation_file_is_one_clear_line(root, damage, says):
    """Truncated, empty, wrongly encoded, of another kind, or contradictory: the file is named."""
    path = root / msrvtt.TEST
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(KBError) as caught:
        msrvtt.read(root)
    assert says in str(caught.value)
    assert msrvtt.TEST in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_pasted_twice_is_refused(root):
    """Repeated sentences would weigh twice."""
    change(root / msrvtt.TEST, lambda d: d.update(sentences=d["sentences"] * 2))
    with pytest.raises(KBError, match="is there twice"):
        msrvtt.read(root)
