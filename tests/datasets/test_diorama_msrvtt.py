"""The world staged as MSR-VTT: its files, its fingerprints, its truth, its reference points."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from kb import datasets
from kb.datasets import cache
from kb.datasets.catalogue import folder_of
from kb.datasets.features.bigfile import BigFile
from kb.datasets.readers import msrvtt
from kb.datasets.synthetic import backbone, oracle, truth
from kb.datasets.synthetic.meaning import rows, whole
from kb.records.errors import KBError


@pytest.fixture(scope="module")
def tiny(smallest):
    """The tiny size of seed 0."""
    return smallest("diorama-msrvtt")


def expected_recall(scores, per_video):
    """Text-to-video R@1 in percent, a tie counting as the share of it that is right."""
    own = scores[np.arange(len(scores)), np.arange(len(scores)) // per_video][:, None]
    better, tied = (scores > own + 1e-6).sum(1), (np.abs(scores - own) <= 1e-6).sum(1)
    return 100 * float(np.where(better == 0, 1 / tied, 0).mean())


def test_the_files_have_the_published_keys(tiny):
    """Key for key what MSR-VTT's own files hold, so that any code that reads those reads these."""
    for name in (msrvtt.TRAIN_VAL, msrvtt.TEST):
        document = json.loads((tiny / name).read_text())
        assert set(document) == {"info", "videos", "sentences"}
        keys = {"id", "video_id", "category", "url", "start time", "end time", "split"}
        assert all(set(video) == keys for video in document["videos"])
        assert all(set(s) == {"sen_id", "video_id", "caption"} for s in document["sentences"])
    assert {v["split"] for v in document["videos"]} == {"test"}


def test_the_reader_of_the_real_files_reads_the_staging(tiny):
    """Splits, twenty captions per video, a feature per frame of each video."""
    corpus = datasets.load("diorama-msrvtt", root=tiny)
    assert {n: (len(s.videos), len(s.captions)) for n, s in corpus.splits.items()} == {
        "train": (60, 1200),
        "val": (10, 200),
        "test": (30, 600),
    }
    for video in truth.videos(tiny):
        features = corpus.features["frames"].read(video.id)
        assert features.shape == (video.script.frames, corpus.features["frames"].dim)
    assert BigFile(tiny / "FeatureData" / backbone.NAME).names[0] == "video0_0"


def test_the_mean_of_frames_cannot_tell_twins_in_order_apart(tiny):
    """Twins in order or manner have the same features in another order."""
    corpus, videos = datasets.load("diorama-msrvtt", root=tiny), truth.videos(tiny)
    pairs = oracle.distinguishing(videos)
    assert set(pairs) == {"order", "binding", "manner"}
    for first, twin in pairs["order"] + pairs["manner"]:
        one, other = (corpus.features["frames"].read(videos[i].id) for i in (first, twin))
        assert np.array_equal(np.sort(one, axis=0), np.sort(other, axis=0))
        assert not np.array_equal(one, other)


def test_the_oracle_finds_the_video_and_chance_does_not(tiny):
    """Matching facts against scripts is right nearly always, even with the annotators' errors."""
    scores = oracle.similarity(tiny)
    assert scores.shape == (600, 30)
    assert expected_recall(scores, 20) > 90
    assert expected_recall(np.zeros_like(scores), 20) == pytest.approx(100 / 30)


def test_the_oracle_reads_order_binding_and_manner(tiny):
    """A caption that states everything agrees wholly with its video and less with each twin."""
    videos = truth.videos(tiny)
    table = rows([whole(v.script) for v in videos], 3)
    scores = oracle.agreement(table, table)
    assert np.allclose(np.diag(scores), 1)
    for pairs in oracle.distinguishing(videos).values():
        for first, twin in pairs:
            assert scores[first, twin] < 1
            assert scores[twin, first] < 1


def test_agreement_is_what_a_loop_over_facts_counts():
    """Stated facts borne out, at the best order-keeping placement of two events among three."""
    table = rows([whole(v.script) for v in folder_of("diorama-msrvtt", "tiny", 3)[0].videos()], 3)
    stated = table[:12].copy()
    stated[:, 1 + 4 + 20 :] = -1  # two events at most
    for i in range(12):
        for j in range(12):
            assert oracle.agreement(stated[i : i + 1], table[j : j + 1])[0, 0] == pytest.approx(
                by_hand(stated[i], table[j])
            )


def by_hand(stated, shown):
    """Agreement of one caption with one script, fact by fact."""
    head = sum(a == b != -1 for a, b in zip(stated[:5], shown[:5], strict=True))
    events = [stated[5 + 10 * k :][:10] for k in range(3) if stated[5 + 10 * k] != -1]
    real = [shown[5 + 10 * k :][:10] for k in range(3)]
    places = [(a,) for a in range(3)] if len(events) == 1 else [(0, 1), (0, 2), (1, 2)]
    best = max(
        sum(
            a == b != -1
            for event, place in zip(events, chosen, strict=True)
            for a, b in zip(event, real[place], strict=True)
        )
        for chosen in places
    )
    return (head + best) / sum(a != -1 for a in stated)


def test_a_second_make_touches_nothing(tiny):
    """What is there and is the world asked for is returned as it stands."""
    before = {p: p.stat().st_mtime_ns for p in tiny.rglob("*")}
    assert datasets.make("diorama-msrvtt", size="tiny", out=tiny) == tiny
    assert {p: p.stat().st_mtime_ns for p in tiny.rglob("*")} == before


def test_a_folder_of_another_world_is_not_taken_for_this_one(tiny, tmp_path):
    """Another seed, or somebody's own files, in --out: refused, not overwritten."""
    with pytest.raises(KBError, match="holds another world"):
        datasets.make("diorama-msrvtt", size="tiny", seed=9, out=tiny)
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(KBError, match=r"diorama\.json: is not there"):
        datasets.make("diorama-msrvtt", size="tiny", out=tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_the_cache_is_where_kb_cache_says(tmp_path, monkeypatch):
    """KB_CACHE moves it; the folder's name tells worlds apart."""
    monkeypatch.setenv("KB_CACHE", str(tmp_path))
    assert cache.home() == tmp_path
    folders = {
        folder_of("diorama-msrvtt", size, seed)[1] for size in ("tiny", "small") for seed in (0, 1)
    }
    assert len(folders) == 4
    assert all(folder.is_relative_to(tmp_path) for folder in folders)


def test_two_processes_make_it_once(tmp_path):
    """The second waits for the first and both get the same whole folder."""
    code = "from kb import datasets; print(datasets.load('diorama-msrvtt', 'tiny').fingerprint)"
    environment = {**os.environ, "KB_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", code]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in running]
    assert outputs[0] == outputs[1] != ""
    assert [process.returncode for process in running] == [0, 0]
    assert len([p for p in (tmp_path / "diorama").iterdir() if p.is_dir()]) == 1


def test_a_failed_make_keeps_nothing(tmp_path):
    """An error half way leaves no folder; the next make starts afresh."""

    def fails(folder):
        (folder / "half").write_text("half")
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        cache.made_once(tmp_path / "data", fails)
    (tmp_path / ".data.part-left").mkdir()  # as a killed process leaves it
    made = cache.made_once(tmp_path / "data", lambda folder: (folder / "whole").touch())
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["data"]
    assert [p.name for p in made.iterdir()] == ["whole"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    """A file where the cache's folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(KBError, match="set KB_CACHE or --out"):
        datasets.make("diorama-msrvtt", size="tiny", out=tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: datasets.load("diorama-nothing"), "no dataset is called"),
        (lambda: datasets.load("msrvtt"), "--root names the folder"),
        (lambda: datasets.make("msrvtt"), "is no synthetic dataset"),
        (lambda: datasets.make("diorama-msrvtt", size="huge"), "tiny, small, full"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(call, says):
    """Unknown dataset, counterpart or size."""
    with pytest.raises(KBError, match=says):
        call()
