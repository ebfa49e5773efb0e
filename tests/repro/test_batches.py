"""What a model reads of a corpus, against loops over its items."""

import numpy as np
import pytest
import torch

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.records.errors import KBError
from kb.repro import batches
from kb.repro.batches import views
from kb.repro.vocabulary import Vocabulary, tokenise

CPU = torch.device("cpu")


class Held:
    """Features that lie in memory."""

    dim = 3

    def __init__(self, held) -> None:
        self.held = held

    def __contains__(self, video: str) -> bool:
        return video in self.held

    def read(self, video: str):
        """(steps, dim)."""
        return self.held[video]


@pytest.fixture
def toy() -> Corpus:
    """Three videos of 2, 4 and no steps, captions out of order."""
    rng = np.random.default_rng(0)
    held = {f"v{i}": rng.normal(size=(n, 3)).astype(np.float32) for i, n in ((0, 2), (1, 4))}
    texts = [("v1", "red ball ball"), ("v0", "blue"), ("v2", ""), ("v1", "a blue unseen ball")]
    captions = [Caption(f"{v}#{i}", v, text) for i, (v, text) in enumerate(texts)]
    split = SplitData("train", ["v0", "v1", "v2"], captions)
    return Corpus("toy", "full", "0" * 64, {"train": split}, {"frames": Held(held)})


WORDS = Vocabulary(("a", "ball", "blue", "red"))


def test_captions_are_ids_masks_and_bags(toy) -> None:
    """Rows are what encoding each sentence alone gives, cut to the longest of the batch."""
    found = views(toy, "train", WORDS, {"words", "bow", "frames"}, CPU)
    batch = found.captions(torch.tensor([3, 1]))
    texts = ["a blue unseen ball", "blue"]
    for row, text in enumerate(texts):
        ids = WORDS.encode(text)
        assert batch.words[row, : len(ids)].tolist() == ids
        assert batch.mask[row].sum() == len(ids)
        wanted = [tokenise(text).count(word) for word in WORDS.words]
        assert batch.bow[row].tolist() == wanted
    assert batch.words.shape == (2, 6)


@pytest.mark.parametrize("fits", [8 << 30, 0])
def test_clips_are_padded_with_zeros_and_masked(toy, monkeypatch, fits: int) -> None:
    """Held in memory or read from disk, a batch holds each video's steps, then zeros."""
    monkeypatch.setattr(batches, "FITS", fits)
    found = views(toy, "train", WORDS, {"frames"}, CPU)
    clips = found.clips(torch.tensor([1, 2, 0, 1]))
    features, mask = clips.features["frames"], clips.mask["frames"]
    assert mask.sum(1).tolist() == [4, 0, 2, 4]
    held = toy.features["frames"].held
    for row, video in ((0, "v1"), (2, "v0"), (3, "v1")):
        steps = len(held[video])
        assert np.array_equal(features[row, :steps].numpy(), held[video])
        assert not features[row, steps:].any()
    assert not features[1].any()


def test_captions_name_the_rows_of_their_videos(toy) -> None:
    """The owner of a caption is its video's row in the gallery."""
    assert views(toy, "train", WORDS, {"words"}, CPU).owner.tolist() == [1, 0, 2, 1]


def test_no_bag_is_made_that_nobody_reads(toy) -> None:
    """A model that does not name `bow` gets none."""
    assert views(toy, "train", WORDS, {"words"}, CPU).captions(torch.tensor([0])).bow is None


def test_an_expert_that_the_data_lack_is_named(toy) -> None:
    """One line says which expert is missing and which there are."""
    with pytest.raises(KBError, match=r"no features audio.*it has frames"):
        views(toy, "train", WORDS, {"words", "audio"}, CPU)
