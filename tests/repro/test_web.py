"""The search in place of the web's, against counts by hand."""

import numpy as np
import pytest
import torch

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.records.errors import KBError
from kb.repro import views
from kb.repro.split_tensors import load_split
from kb.repro.views import web
from kb.repro.views.view import Source
from kb.repro.vocabulary import Vocabulary

CPU = torch.device("cpu")


class Numbered:
    """Features of two equal frames: the number of the video."""

    dim = 3

    def __contains__(self, video: str) -> bool:
        """All but one video."""
        return video != "v7"

    def read(self, video: str) -> np.ndarray:
        """Frames that are all the video's number."""
        return np.full((2, 3), float(video[1:]), np.float32)


def corpus(**splits: list[str]) -> Corpus:
    """A caption per video; training has v0, v1, ..., the test goes on."""
    numbers = iter(range(99))
    data = {}
    for name, texts in splits.items():
        videos = [f"v{next(numbers)}" for _ in texts]
        rows = [Caption(f"{v}#0", v, t) for v, t in zip(videos, texts, strict=True)]
        data[name] = SplitData(name, videos, rows)
    return Corpus("toy", "full", "0", data, {"frames": Numbered()})


TRAIN = ["dog wall car", "dog wall", "dog", "cat", "cat ball", "dog ball", "wall car", "the"]
TOY = corpus(train=TRAIN, test=["dog wall car", "the ball of the cat"])
WORDS = Vocabulary(("the", "of", "dog", "wall", "cat", "ball", "car"))


def found(data: Corpus, split: str) -> list[list[int]]:
    """Training videos found for each query."""
    return torch.cat(list(web.results(Source(data, split, WORDS, CPU)))).tolist()


def test_videos_whose_captions_share_more_concepts_come_first() -> None:
    """Of equal counts any order; function words count nothing; the query's own video is not there."""
    by_test, by_train = found(TOY, "test"), found(TOY, "train")
    assert by_test[0][0] == 0
    assert (set(by_test[0][1:3]), set(by_test[0][3:])) == ({1, 6}, {2, 5})
    assert by_test[1][0] == 4
    assert set(by_test[1][1:3]) == {3, 5}
    assert all(row not in images for row, images in enumerate(by_train))
    assert by_train[0][0] in {1, 6}


def test_clips_of_the_query_s_own_video_are_left_out() -> None:
    """What was cut from the same video would show the target itself."""
    data = corpus(train=TRAIN, test=["dog wall car"])
    data.cut_from = {"v0": "film", "v6": "film", "v8": "film"}
    assert not {0, 6} & set(found(data, "test")[0])
    assert not {0, 6} & set(found(data, "train")[0])


def test_a_search_has_the_same_answers_every_time() -> None:
    """Stills and ties are drawn from a fixed seed."""
    assert found(TOY, "train") == found(TOY, "train")
    assert web.stills(TOY).equal(web.stills(TOY))


def test_images_are_stills_of_the_videos_found() -> None:
    """In a batch of the test; one without frames has zeros."""
    batch = load_split(TOY, "test", WORDS, {"web"}, CPU).captions(torch.tensor([1, 0]))
    stills = web.stills(TOY)
    assert batch.images.equal(stills[torch.tensor(found(TOY, "test"))[[1, 0]]])
    assert stills[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


def test_the_benchmark_never_shows_a_query_its_own_video(corpus) -> None:
    """In no split is an image one of the target's."""
    words = Vocabulary.build(c.text for c in corpus.splits["train"].captions)
    videos = corpus.splits["train"].videos
    for split in ("train", "val", "test"):
        source = Source(corpus, split, words, CPU)
        rows = torch.cat(list(web.results(source))).tolist()
        assert len(rows) == len(source.captions)
        for caption, images in zip(source.captions, rows, strict=True):
            assert caption.video not in {videos[row] for row in images}


def test_too_few_videos_are_refused() -> None:
    """A search needs more videos than it has results."""
    with pytest.raises(KBError, match="web: training has no more than 5 videos"):
        views.refuse_missing({"web"}, corpus(train=TRAIN[:5]), ["train"])
