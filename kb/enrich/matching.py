"""Whether two descriptions are of one paper: title, a shared surname, years at most one apart."""

import re
import unicodedata
from collections.abc import Iterable

WITHDRAWN = re.compile(r"\bwithdrawn\b|\bretracted\b", re.IGNORECASE)
SHORT = 3  # letters; shorter name parts are initials


def plain(text: str) -> str:
    """Letters and digits only, without accents and case: how titles are compared."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in folded if c.isalnum())


def same_title(one: str, other: str) -> bool:
    """Whether two titles are the same but for case, accents, spaces and punctuation."""
    return plain(one) == plain(other) != ""


def surnames(names: Iterable[str]) -> set[str]:
    """Every part of the names that can be a surname; lists write them first, arXiv last."""
    parts = (plain(part) for name in names for part in re.split(r"[\s,]+", name))
    return {part for part in parts if len(part) >= SHORT}


def share_author(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether the two lists of names have a surname in common."""
    return bool(surnames(one) & surnames(other))


def near_year(one: int | None, other: int | None) -> bool:
    """Whether the years are at most one apart; an unknown year excludes nothing."""
    return one is None or other is None or abs(one - other) <= 1


def speaks_of_withdrawal(comment: str | None) -> bool:
    """Whether a comment mentions a withdrawal; it may be of another paper, so only a suspicion."""
    return bool(comment and WITHDRAWN.search(comment))
