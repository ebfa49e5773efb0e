"""Compare titles: keys, similarity, spelling slips."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

from kb.records.keys import fold

APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ")
WORD = re.compile(r"[^\W_]+")
LONGEST = 400  # characters of a title that are compared
ALIKE = 0.75  # two words this similar are one word in two spellings


@lru_cache(maxsize=65536)
def title_words(text: str) -> tuple[str, ...]:
    """The words of a title, folded: `What's New: C++` -> (whats, new, c)."""
    return tuple(WORD.findall(fold(text[:LONGEST].translate(APOSTROPHES))))


def title_key(text: str) -> str:
    """A key that is the same for all spellings of a title."""
    return " ".join(title_words(text))


def similarity(one: str, other: str) -> float:
    """Similarity of two titles, 0 to 1, by their words in order."""
    first, second = title_words(one), title_words(other)
    if first == second:
        return 1.0
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def overlap(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """The share of words that two texts have in common, 0 to 1."""
    first, second = set(one), set(other)
    return len(first & second) / max(len(first | second), 1)


def within(part: tuple[str, ...], text: tuple[str, ...]) -> bool:
    """Whether a text contains words, in order and adjacent."""
    return f" {' '.join(part)} " in f" {' '.join(text)} "


def differs(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two runs of words differ by more than spelling and word breaks."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        left, right = "".join(one[i:j]), "".join(other[k:m])
        if tag == "equal" or left == right:
            continue
        digits = "".join(filter(str.isdigit, left))
        if digits and digits == "".join(filter(str.isdigit, right)) and i + 1 == j and k + 1 == m:
            continue  # `360deg` and `360o`
        longer = max(len(left), len(right))
        if longer > 2 and SequenceMatcher(None, left, right).ratio() < ALIKE:  # noqa: PLR2004
            return True
    return False


def one_slip(wrong: str, right: str) -> bool:
    """Whether two words are one typing slip apart: a letter more, less, other, or two swapped."""
    if wrong == right or abs(len(wrong) - len(right)) > 1:
        return False
    start = 0
    while start < min(len(wrong), len(right)) and wrong[start] == right[start]:
        start += 1
    left, right_rest = wrong[start:], right[start:]
    swapped = len(left) > 1 and left[1:2] + left[:1] + left[2:] == right_rest
    return swapped or left[1:] in (right_rest[1:], right_rest) or left == right_rest[1:]


def swapped(wrong: str, right: str) -> bool:
    """Whether only two neighbouring letters are exchanged."""
    if len(wrong) != len(right) or wrong == right:
        return False
    apart = [i for i, (a, b) in enumerate(zip(wrong, right, strict=True)) if a != b]
    return (
        len(apart) == 2  # noqa: PLR2004
        and apart[1] == apart[0] + 1
        and wrong[apart[0]] == right[apart[1]]
        and wrong[apart[1]] == right[apart[0]]
    )
