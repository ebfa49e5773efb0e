"""What captions name, counted by hand."""

import sys

import pytest
import torch

from kb.datasets.corpus import Caption, SplitData
from kb.records.errors import KBError
from kb.repro.views import concepts


def split(**texts: list[str]) -> SplitData:
    """Videos and their captions."""
    captions = [Caption(f"{v}#{i}", v, t) for v, rows in texts.items() for i, t in enumerate(rows)]
    return SplitData("train", list(texts), captions)


def test_a_concept_is_counted_over_all_captions_of_a_video() -> None:
    """Twice is enough, once is not; function words name nothing; forms of a word are one."""
    data = split(
        a=["the dog is jumping over the wall", "a dog jumps", "dogs and a cat", "dogs"],
        b=["a wall and a wall", "the cat of the cats"],
    )
    # a: dog 4, jump 2; b: wall 2, cat 2. In all: dog 4, then cat, jump, wall by their spelling.
    wanted = torch.tensor([[1.0, 0, 0.5, 0, 0], [0, 1, 0, 1, 0]])
    torch.testing.assert_close(concepts.concept_shares(data, 5), wanted)


def test_the_largest_count_may_be_of_a_word_that_is_no_concept() -> None:
    """Where only one concept fits, a share still is one of the video's largest count."""
    data = split(a=["dog dog dog dog", "cat cat cat"], b=["cat", "cat"])
    assert concepts.concept_shares(data, 1).tolist() == [[0.75], [1.0]]  # cat 5, dog 4


def test_once_is_enough_where_a_video_has_one_caption() -> None:
    """And a video whose captions name nothing has a row of zeros."""
    table = concepts.concept_shares(split(a=["a dog"], b=["the of and"]), 3)
    assert table.tolist() == [[1.0, 0, 0], [0, 0, 0]]


def test_shares_are_those_of_the_released_code() -> None:
    """Counts and targets as recorded from danieljf24/hybrid_space (Apache-2.0), `b934eff3`."""
    names = "street woman stage soccer pool dance dancing running game kitchen talking playing car"
    counts = [
        {"car": 8, "running": 3},
        {"dancing": 6, "kitchen": 5, "street": 5, "playing": 4},
        {"guitar": 10, "playing": 5, "stage": 4},
        {},
        {"car": 5},
        {"water": 10, "woman": 7, "game": 6, "running": 5},
    ]
    wanted = torch.tensor(
        [
            [0, 0, 0, 0, 0, 0, 0, 0.375, 0, 0, 0, 0, 1],
            [0.8333333, 0, 0, 0, 0, 0, 1, 0, 0, 0.8333333, 0, 0.6666667, 0],
            [0, 0, 0.4, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            [0, 0.7, 0, 0, 0, 0, 0, 0.5, 0.6, 0, 0, 0, 0],
        ]
    )
    torch.testing.assert_close(concepts.shares(counts, names.split()), wanted)


def test_no_stemmer_is_told_in_one_line(monkeypatch) -> None:
    """A machine without it is told what to install."""
    concepts._stem.cache_clear()
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    with pytest.raises(KBError, match="snowballstemmer is not installed"):
        concepts.concept_shares(split(a=["a dog"]), 3)
