"""METEOR of two captions: how far the words of one are those of the other, in the same order.

Lavie and Agarwal. "METEOR: An Automatic Metric for MT Evaluation with High Levels of Correlation
with Human Judgments." WMT 2007. As NLTK aligns and weighs, which Wray et al. (CVPR 2021) took for
their proxy MET. A stemmer and the synonyms are given: NLTK's are Porter's and WordNet's.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Word = tuple[int, str]  # place in its caption
Synonyms = Callable[[str], Collection[str]]
EDITIONS = ("ours", "nltk-3.6.2", "nltk-3.10")
_ALPHA, _BETA, _GAMMA = 0.9, 3.0, 0.5  # weight of precision; power and share of the penalty


def meteors(
    references: Iterable[str],
    hypotheses: Sequence[str],
    *,
    stem: Callable[[str], str],
    synonyms: Synonyms,
    edition: str = "ours",
) -> Values:
    """(references, hypotheses) METEOR of every pair, 0 to 1; it is not symmetric."""
    return np.array(
        [
            [meteor(r, h, stem=stem, synonyms=synonyms, edition=edition) for h in hypotheses]
            for r in references
        ]
    )


def meteor(
    reference: str,
    hypothesis: str,
    *,
    stem: Callable[[str], str],
    synonyms: Synonyms,
    edition: str = "ours",
) -> float:
    """METEOR of two captions, in lower case, cut at blanks.

    Words are matched as they stand, then by stem, then by the synonyms of the hypothesis' word. The
    third sees the words that the first two left. NLTK 3.6.2 shows it what the stems had matched too
    (a word counts twice, and 1 can be passed); NLTK 3.10 shows it the stems of what is left.
    """
    mine = list(enumerate(hypothesis.lower().split()))
    theirs = list(enumerate(reference.lower().split()))
    lengths = len(mine), len(theirs)
    matches = _match(mine, theirs, lambda word: {word})
    stems, others = _stemmed(mine, stem), _stemmed(theirs, stem)
    matches += _match(stems, others, lambda word: {word})
    if edition == "nltk-3.10":
        mine, theirs = stems, others
    elif edition == "ours":
        mine, theirs = _left(mine, stems), _left(theirs, others)
    matches += _match(mine, theirs, lambda word: {word, *synonyms(word)})
    return _score(sorted(matches, key=lambda pair: pair[0]), *lengths)


def _match(
    mine: list[Word], theirs: list[Word], means: Callable[[str], Collection[str]]
) -> list[tuple[int, int]]:
    """Places of the words of `mine` that mean one of `theirs`, from the last; both lists lose them."""
    matches = []
    for i in reversed(range(len(mine))):
        same = means(mine[i][1])
        last = next((j for j in reversed(range(len(theirs))) if theirs[j][1] in same), None)
        if last is not None:
            matches.append((mine.pop(i)[0], theirs.pop(last)[0]))
    return matches


def _stemmed(words: list[Word], stem: Callable[[str], str]) -> list[Word]:
    return [(place, stem(word)) for place, word in words]


def _left(words: list[Word], stems: list[Word]) -> list[Word]:
    places = {place for place, _ in stems}
    return [one for one in words if one[0] in places]


def _score(pairs: list[tuple[int, int]], mine: int, theirs: int) -> float:
    """The weighted mean of precision and recall, less for every break of the order."""
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / mine, len(pairs) / theirs
    mean = precision * recall / (_ALPHA * precision + (1 - _ALPHA) * recall)
    apart = [(after[0] - one[0], after[1] - one[1]) for one, after in pairwise(pairs)]
    chunks = 1 + sum(step != (1, 1) for step in apart)
    return float(mean * (1 - _GAMMA * (chunks / len(pairs)) ** _BETA))
