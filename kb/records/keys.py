"""Keys by rule: first author's surname + year + short word, and a method's own name.

A key is made once, with its record. From then on the record keeps it, whatever the rules.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# Letters that NFKD does not take apart.
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th"}
)
_SUFFIXES = {"jr", "sr", "ii", "iii", "iv"}
# Words at the start of a title that do not distinguish papers.
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an the and or of on in at to for from by via with without into over under is are be it its"
        " we what how why when where do does can your you more less than as not all towards toward"
        " using use used learning learn learnt deep neural new novel improved improving end",
    )
)
# Words of a dataset's label that its name omits.
_GENERIC = {"dataset", "datasets", "captions", "benchmark", "corpus", "challenge"}
_LONGEST_WORD = 24


def fold(text: str) -> str:
    """Lower case without accents: `Łukasz Müller` -> `lukasz muller`."""
    if text.isascii():
        return text.lower()
    lowered = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    return "".join(char for char in lowered if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """The letters-and-digits words of a text, folded."""
    return re.findall(r"[^\W_]+", fold(text))


def slug(text: str) -> str:
    """A key from any text: ASCII letters, digits and single hyphens; a digest if none is left."""
    joined = re.sub(r"[^a-z0-9]+", "-", fold(text).replace("+", "p")).strip("-")[:60].strip("-")
    if len(joined) > 1:
        return joined
    return f"x{hashlib.sha256(text.encode()).hexdigest()[:7]}{joined}"


def surname(author: str) -> str:
    """The family name, as a key writes it: of `Luo H`, `Luo, Huaishao`, `Huaishao Luo` alike.

    The family name comes first if initials follow it (`Chen Y C`) or a comma.
    """
    if "," in author:
        family = author.partition(",")[0]
    else:
        parts = [part for part in author.split() if fold(part).strip(".") not in _SUFFIXES]
        initials = [bool(re.fullmatch(r"(?:[A-Z]\.?-?){1,3}", part)) for part in parts]
        first_initial = next((i for i, is_initial in enumerate(initials) if is_initial), len(parts))
        family_first = 0 < first_initial < len(parts) and all(initials[first_initial:])
        family = parts[first_initial - 1 if family_first else -1] if parts else ""
    ascii_only = re.sub(r"[^a-z0-9]", "", fold(family))
    if ascii_only:
        return ascii_only[:_LONGEST_WORD]
    return slug(author) if author.strip() else "anon"


def method_name(title: str) -> str | None:
    """The name a title gives its method: `COOT: Cooperative ...` or `W2VV++ Fully ...`.

    One word before the first colon, or a coined opening word (digits, plus signs).
    """
    head, colon, _ = title.partition(":")
    parts = head.split()
    if not parts:
        return None
    if colon and len(parts) == 1:
        return slug(parts[0])
    coined = re.fullmatch(r"[A-Za-z]+(?:\d[\w+-]*|\++)", parts[0])
    return slug(parts[0]) if coined else None


def title_word(title: str) -> str:
    """The word of a title for a key."""
    if name := method_name(title):
        return re.sub(r"[^a-z0-9]", "", name)[:_LONGEST_WORD]
    candidates = [word for word in words(title) if word.isascii()]
    significant = [word for word in candidates if word not in _FILLERS and len(word) > 1]
    chosen = next(iter(significant or candidates), "")
    return chosen[:_LONGEST_WORD] or slug(title)[:_LONGEST_WORD]


def free(key: str, taken: Collection[str]) -> str:
    """`key`, or the first of `keyb`, `keyc` ... `key27` ... that is not taken."""
    if key not in taken:
        return key
    for letter in "bcdefghijklmnopqrstuvwxyz":
        if f"{key}{letter}" not in taken:
            return f"{key}{letter}"
    number = 27
    while f"{key}-{number}" in taken:
        number += 1
    return f"{key}-{number}"


def paper_id(
    authors: Sequence[str], year: int | None, title: str, taken: Collection[str] = ()
) -> str:
    """The key of a new paper: `dong2019dual`; `nd` for an unknown year."""
    first = surname(authors[0]) if authors else "anon"
    return free(f"{first}{year or 'nd'}{title_word(title)}", taken)


def dataset_id(label: str | None, title: str, taken: Collection[str] = ()) -> str:
    """The key of a new dataset, from its label (`ActivityNet Captions` -> `activitynet`)."""
    name = label or method_name(title) or title_word(title)
    specific = [part for part in name.split() if fold(part) not in _GENERIC]
    return free(slug(" ".join(specific) or name), taken)


def code_id(name: str, url: str, taken: Collection[str] = ()) -> str:
    """The key of a code repository: owner and name where the address has them."""
    repository = re.match(r"https?://[^/]+/([^/?#]+)/([^/?#]+)", url)
    hosts = re.match(r"https?://(?:www\.)?(?:github|gitlab|bitbucket|codeberg)\.", url)
    if repository and hosts:
        name = f"{repository[1]}-{repository[2].removesuffix('.git')}"
    return free(slug(name), taken)
