"""METEOR: what each stage matches, and what order is worth. Recorded values: test_goldens."""

import pytest

from kb.retrieval.meteor import EDITIONS, meteor, meteors

STEMS = {"frying": "fri", "fry": "fri", "eggs": "egg", "cooks": "cook"}
SYNONYMS = {"fry": {"cook", "frying"}, "pan": {"skillet"}, "fri": {"egg"}}


def score(reference: str, hypothesis: str, edition: str = "ours") -> float:
    """METEOR with the stems and synonyms above."""
    return meteor(
        reference,
        hypothesis,
        stem=lambda word: STEMS.get(word, word),
        synonyms=lambda word: SYNONYMS.get(word, ()),
        edition=edition,
    )


def longhand(matches: int, chunks: int, reference: int, hypothesis: int) -> float:
    """(1 - (chunks / matches)^3 / 2) times the mean of precision and recall, 9 parts recall."""
    precision, recall = matches / hypothesis, matches / reference
    mean = 1 / (0.9 / recall + 0.1 / precision)
    return mean * (1 - 0.5 * (chunks / matches) ** 3)


@pytest.mark.parametrize("edition", EDITIONS)
def test_words_match_as_they_stand_and_order_costs(edition: str) -> None:
    """Two swapped words are two chunks; the same caption is one, and still below 1."""
    assert score("Pour the Oil", "pour the oil", edition) == pytest.approx(longhand(3, 1, 3, 3))
    assert score("oil pour", "pour oil", edition) == pytest.approx(longhand(2, 2, 2, 2))
    assert score("cat", "cat", edition) == pytest.approx(0.5)
    assert score("cat", "dog", edition) == score("", "dog", edition) == 0


def test_stems_and_synonyms_match_what_is_left() -> None:
    """A stem, then a synonym of the hypothesis' word: synonyms are asked in one direction."""
    assert score("she cooks", "she cook") == pytest.approx(longhand(2, 1, 2, 2))
    assert score("a skillet", "a pan") == pytest.approx(longhand(2, 1, 2, 2))
    assert score("a pan", "a skillet") == pytest.approx(longhand(1, 1, 2, 2))


def test_the_last_equal_word_is_taken() -> None:
    """Of two equal words of the reference the later one is matched, as NLTK does."""
    assert score("the pan the", "pan the") == pytest.approx(longhand(2, 1, 3, 2))
    assert score("the pan the", "the pan") == pytest.approx(longhand(2, 2, 3, 2))


def test_a_word_counts_once_but_in_the_edition_that_counted_it_twice() -> None:
    """NLTK 3.6.2 shows the synonyms what stems had matched, NLTK 3.10 the stems of what is left."""
    assert score("frying", "fry") == pytest.approx(longhand(1, 1, 1, 1))
    assert score("frying", "fry", "nltk-3.6.2") == pytest.approx(longhand(2, 2, 1, 1))
    assert score("egg", "frying") == 0
    assert score("egg", "frying", "nltk-3.10") == pytest.approx(longhand(1, 1, 1, 1))


def test_every_reference_with_every_hypothesis() -> None:
    """A row is a reference, a column a hypothesis."""
    scores = meteors(["cat", "a dog"], ["a cat"], stem=str, synonyms=lambda _: ())
    assert scores.shape == (2, 1)
    assert scores[0, 0] == pytest.approx(longhand(1, 1, 1, 2))
    assert scores[1, 0] == pytest.approx(longhand(1, 1, 2, 2))
