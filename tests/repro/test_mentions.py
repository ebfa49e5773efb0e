"""What captions and videos mention, written out by hand."""

import torch

from kb.datasets.corpus import Caption, Corpus, SplitData, Topic
from kb.repro import views
from kb.repro.split_tensors import load_split
from kb.repro.views.mentions import columns
from kb.repro.vocabulary import Vocabulary

CPU = torch.device("cpu")
WORDS = Vocabulary(("a", "dog", "is", "cat", "wall"))
NAMES = {"mentions", "video-mentions"}


def corpus(*texts: tuple[str, str]) -> Corpus:
    """Captions of videos, the same in training and test."""
    captions = [Caption(f"{v}#{n}", v, text) for n, (v, text) in enumerate(texts)]
    videos = sorted({video for video, _ in texts})
    splits = {name: SplitData(name, videos, captions) for name in ("train", "test")}
    return Corpus("toy", "full", "0", splits, {})


TOY = corpus(("v", "a dog is a dog"), ("w", "a wall"), ("v", "the cat"), ("w", "is a"))


def test_a_concept_is_a_word_of_the_vocabulary_that_names_something() -> None:
    """In the vocabulary's order: dog, cat, wall; special ids and function words are none."""
    column, width = columns(WORDS)
    assert (column.tolist(), width) == ([3, 3, 3, 3, 3, 0, 3, 1, 2], 3)
    assert views.data_sizes(NAMES, TOY, WORDS).vectors == {"mentions": 3}


def test_a_caption_mentions_its_words_and_a_video_those_of_all_its_captions() -> None:
    """However often: 1, and 0 for the rest."""
    captions = load_split(TOY, "train", WORDS, NAMES, CPU).captions(torch.tensor([2, 0, 1, 3]))
    dog, cat, wall, nothing = [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]
    assert captions.vectors["mentions"].tolist() == [cat, dog, wall, nothing]
    both = [1, 1, 0]
    assert captions.vectors["video-mentions"].tolist() == [both, both, wall, wall]


def test_a_query_of_the_test_has_its_own_alone() -> None:
    """Topics too, which have no video."""
    tensors = load_split(TOY, "test", WORDS, NAMES, CPU)
    assert list(tensors.captions(torch.tensor([0])).vectors) == ["mentions"]
    topical = corpus(("v", "a dog"))
    topical.topics = [Topic("501", "find a cat beside the wall")]
    captions = load_split(topical, "test", WORDS, NAMES, CPU).captions(torch.tensor([0]))
    assert captions.vectors["mentions"].tolist() == [[0, 1, 1]]
