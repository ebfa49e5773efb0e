"""Long videos of the world, told act by act."""

import json

import pytest

from kb import datasets
from kb.datasets.readers.didemo import CHUNK as SECONDS_OF_CHUNK
from kb.datasets.readers.didemo import key
from kb.datasets.synthetic import activitynet_format, didemo_format, questions, truth


@pytest.fixture(scope="module")
def paragraphs(smallest):
    """The smallest counterpart of ActivityNet Captions."""
    return smallest("diorama-activitynet")


@pytest.fixture(scope="module")
def chunks(smallest):
    """The smallest counterpart of DiDeMo."""
    return smallest("diorama-didemo")


def overlap(moment, act, second):
    """Intersection over union of a moment and an act of so many seconds a frame."""
    start, end = act.start * second, act.end * second
    inter = min(moment.end, end) - max(moment.start, start)
    return max(inter, 0) / (max(moment.end, end) - min(moment.start, start))


def test_a_paragraph_has_a_sentence_an_act_in_the_order_of_time(paragraphs):
    """At least two; each stamp lies on an act that comes after the one before."""
    corpus = datasets.load("diorama-activitynet", root=paragraphs, protocol="moments")
    for video in truth.videos(paragraphs):
        moments, acts = corpus.moments[video.id], list(video.script.events)
        assert 2 <= len(moments) <= len(acts)
        assert corpus.durations[video.id] == video.script.frames * activitynet_format.SECONDS
        for moment in moments:
            best = max(acts, key=lambda act: overlap(moment, act, activitynet_format.SECONDS))
            assert overlap(moment, best, activitynet_format.SECONDS) > 0.4
            acts = acts[acts.index(best) + 1 :]


def test_the_second_telling_is_of_the_same_videos_in_other_words(paragraphs):
    """val_2 tells of val_1's videos."""
    one, two = (
        {c.video: c.text for c in data.splits["test"].captions}
        for data in (
            datasets.load("diorama-activitynet", root=paragraphs, protocol=protocol)
            for protocol in ("full", "val_2")
        )
    )
    assert one.keys() == two.keys()
    assert sum(one[video] != two[video] for video in one) > 0.9 * len(one)


def test_scripts_find_moments_that_a_guess_does_not(paragraphs):
    """The act that bears a sentence out is where it was marked; all of a video is too long."""
    corpus = datasets.load("diorama-activitynet", root=paragraphs)
    points = questions.tasks(corpus, paragraphs, {})["moments"]["points"]
    assert points["oracle"] > 85
    assert points["whole video"] < points["chance"] < points["most frequent moment"]
    assert points["most frequent moment"] < points["oracle"] / 2


def test_a_moment_of_didemo_is_the_chunk_of_its_act(chunks):
    """Four mark it; where most agree, the act is."""
    corpus = datasets.load("diorama-didemo", root=chunks, protocol="moments")
    right = total = 0
    for video in truth.videos(chunks):
        length = video.script.frames // didemo_format.CHUNK
        assert corpus.durations[video.id] == length * SECONDS_OF_CHUNK
        starts = {_middle(act) // didemo_format.CHUNK for act in video.script.events}
        assert len(starts) == length
        for moment in corpus.moments[video.id]:
            assert len(moment.votes) == 4
            total += 1
            one_chunk = moment.end - moment.start == SECONDS_OF_CHUNK
            right += one_chunk and moment.start // SECONDS_OF_CHUNK in starts
    assert right > 0.9 * total


def _middle(act):
    return (act.start + act.end) // 2


def test_some_videos_of_didemo_stand_under_a_second_extension(tmp_path):
    """The reader takes them for one video."""
    root = datasets.make("diorama-didemo", size="tiny", seed=1, out=tmp_path / "other")
    names = {
        entry["video"]
        for split in ("train", "val", "test")
        for entry in json.loads((root / f"{split}_data.json").read_bytes())
    }
    assert len({key(name) for name in names}) == 100
    assert len(names) > 100
