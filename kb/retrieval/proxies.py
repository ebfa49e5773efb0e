"""How alike two captions are in meaning, estimated from their words (Wray et al., CVPR 2021).

What parses a caption is not here: stop words, parts of speech and synsets are given. Everything is
(captions a, captions b), 1 for the same and 0 for nothing in common.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Words = Sequence[Iterable[str]]  # of each caption


def words(captions: Iterable[str], stop: frozenset[str] = frozenset()) -> list[list[str]]:
    """Each caption's words, as the authors cut them: at single blanks, in their own case."""
    return [[word for word in caption.split(" ") if word not in stop] for caption in captions]


def overlap(a: Words, b: Words) -> Values:
    """Words in both over words in either; 0 where neither caption has any. The proxy BoW."""
    left, right = [frozenset(each) for each in a], [frozenset(each) for each in b]
    place = {word: i for i, word in enumerate(sorted(frozenset().union(*left, *right)))}
    first, second = _indicators(left, place), _indicators(right, place)
    both = first @ second.T
    either = first.sum(axis=1)[:, None] + second.sum(axis=1)[None] - both
    return np.asarray(np.divide(both, either, out=np.zeros_like(both), where=either > 0))


def parts_of_speech(verbs: tuple[Words, Words], nouns: tuple[Words, Words]) -> Values:
    """Mean of the overlap of verbs and of nouns, (a, b) each. The proxy PoS; SYN of synset names."""
    return (overlap(*verbs) + overlap(*nouns)) / 2


def _indicators(sets: Sequence[frozenset[str]], place: dict[str, int]) -> Values:
    table = np.zeros((len(sets), len(place)))
    for row, words_of_caption in enumerate(sets):
        table[row, [place[word] for word in words_of_caption]] = 1
    return table
