"""The world staged as LSMDC: films, SOMEONE, multiple choice and fill-in-the-blank."""

from collections import Counter

import pytest

from kb import datasets
from kb.datasets.readers.lsmdc import movie
from kb.datasets.synthetic import oracle, questions, truth

NAME = "diorama-lsmdc"


@pytest.fixture(scope="module")
def folder(smallest):
    """The smallest size."""
    return smallest(NAME)


def read(folder, protocol="full"):
    """The corpus under a protocol."""
    return datasets.load(NAME, root=folder, protocol=protocol)


def test_no_film_is_in_two_splits(folder):
    """A film's clips share a cast of six and two places."""
    films = {
        split: {movie(video) for video in data.videos}
        for split, data in read(folder).splits.items()
    }
    assert sum(map(len, films.values())) == len(set.union(*films.values()))
    figures, places = {}, {}
    for video in truth.videos(folder):
        film = movie(video.id)
        figures.setdefault(film, set()).update((e.shape, e.colour) for e in video.script.cast)
        places.setdefault(film, set()).add(video.script.place)
    assert max(map(len, figures.values())) <= 6
    assert max(map(len, places.values())) <= 2


def test_some_agents_are_only_someone(folder):
    """In a fifth of the sentences or so; never in all."""
    texts = [c.text for data in read(folder).splits.values() for c in data.captions]
    share = sum("someone" in text.lower().split() for text in texts) / len(texts)
    assert 0.05 < share < 0.6


def test_the_answer_of_a_choice_is_the_sentence_of_the_clip(folder):
    """Among five different ones; in the test it stands anywhere, else first."""
    corpus = read(folder, "mc")
    sentence_of = {c.video: c.text for data in read(folder).splits.values() for c in data.captions}
    for split, choices in corpus.choices.items():
        assert len(choices) == len(corpus.splits[split].videos)
        for one in choices:
            assert one.options[one.answer] == sentence_of[one.video]
            assert len(set(one.options)) == 5
            assert set(one.options) <= set(sentence_of.values())
        places = Counter(one.answer for one in choices)
        assert (set(places) == {0}) == (split != "test")


def test_the_word_put_into_its_blank_gives_the_sentence_back(folder):
    """But for the capital; what is missing is a content word."""
    corpus = read(folder, "fib")
    for blanks in corpus.blanks.values():
        for one in blanks:
            filled = one.question.replace("_____", one.answer)
            assert filled.lower() == one.sentence.lower()
            assert one.question.count("_____") == 1
            assert one.answer not in {"a", "an", "the", "is", "and", "then"}


def test_reference_points_of_questions_are_in_order(folder):
    """Chance guesses one of five; scripts tell the sentence and, but for synonyms, the word."""
    tasks = questions.tasks(read(folder), folder, {"oracle": oracle.similarity(folder)})
    assert set(tasks) == {"mc", "fib"}
    choice, blank = tasks["mc"]["points"], tasks["fib"]["points"]
    assert choice["chance"] == pytest.approx(20)
    assert choice["oracle"] > 90
    assert 0 < blank["chance"] < blank["oracle"] < 100
    assert blank["most frequent word"] < blank["oracle"]


def test_scores_that_know_nothing_choose_as_chance_does(folder):
    """All alike: one of five is right; reversed scores of the oracle find nothing."""
    scores = oracle.similarity(folder)
    tasks = questions.tasks(read(folder), folder, {"even": 0 * scores, "worst": -scores})
    assert tasks["mc"]["points"]["even"] == pytest.approx(20)
    assert tasks["mc"]["points"]["worst"] < 10
