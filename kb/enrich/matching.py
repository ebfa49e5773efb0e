"""Whether two descriptions are of one paper: title, a shared surname, years at most one apart."""

import re
import unicodedata
from collections.abc import Iterable

from kb.records.keys import surname

WITHDRAWN = re.compile(r"\bwithdrawn\b|\bretracted\b", re.IGNORECASE)


def plain(text: str) -> str:
    """Letters and digits only, without accents and case: how titles are compared."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in folded if c.isalnum())


def same_title(one: str, other: str) -> bool:
    """Whether two titles are the same but for case, accents, spaces and punctuation."""
    return plain(one) == plain(other) != ""


def share_author(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    """Whether one of our names has its surname among theirs; no names of ours exclude nothing.

    Of ours the surname is known by its place (`Xu R`, `Ran Xu`); of theirs any part may be it,
    for arXiv gives names as their authors wrote them.
    """
    mine = {surname(name) for name in ours}
    parts = {part for name in theirs for part in (surname(name), *map(surname, name.split()))}
    return not mine or bool(mine & parts)


def near_year(one: int | None, other: int | None) -> bool:
    """Whether the years are at most one apart; an unknown year excludes nothing."""
    return one is None or other is None or abs(one - other) <= 1


def speaks_of_withdrawal(comment: str | None) -> bool:
    """Whether a comment mentions a withdrawal; it may be of another paper, so only a suspicion."""
    return bool(comment and WITHDRAWN.search(comment))
