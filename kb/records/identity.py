"""Match entries of the list with records: by arXiv id, DOI, link, then title, author and year.

Labels do not count: lists give one label to several papers. A link or an id alone counts only if
title or authors agree, because lists copy links from the line above.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.records.keys import fold, surname, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Fields = dict[str, Any]  # title, authors, year, arxiv, doi, links; of code: name, url
ET_AL = "et al."  # the last item of an incomplete list of authors

# Kinds of links that papers share with their siblings.
_SHARED = frozenset(
    re.findall(
        r"\w+",
        "code homepage project website site page dataset data datasets demo video slides poster blog"
        " github implementation official",
    )
)
_COMMON_KEY = 40  # only so many fingerprints of a shared key are candidates
SURE, CORRECTED = 4, 1  # least scores: of a match that several entries may share; of any match

Token = tuple[str, str]


@dataclass
class Fingerprint:
    """What identifies an entry or a record: several titles and ids where it had several."""

    titles: set[str] = field(default_factory=set)
    surnames: set[str] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    ids: set[Token] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    venues: set[str] = field(default_factory=set)  # where it was published, preprints not counted
    code: bool = False

    def add(self, fields: Fields, publishes: Callable[[str], bool] | None = None) -> None:
        """Add the values of one state of the entry or record."""
        venue = fields.get("venue")
        if venue and publishes and publishes(venue):
            self.venues.add(venue)
        self.titles |= {norm(text) for text in (fields.get("title"), fields.get("name")) if text}
        for author in fields.get("authors") or []:
            self.surnames |= {part for part in words(author) if len(part) > 1} - {"et", "al"}
        if year := fields.get("year"):
            self.years.add(year)
        self.ids |= {(kind, fields[kind].lower()) for kind in ("arxiv", "doi") if fields.get(kind)}
        urls: list[dict[str, str]] = fields.get("links") or []
        self.links |= {
            address(link["url"]) for link in urls if link["kind"].lower() not in _SHARED
        } - {""}
        if url := fields.get("url"):
            self.code = True
            self.links |= {address(url)} - {""}

    def tokens(self) -> Iterator[Token]:
        """Keys by which candidates are looked up."""
        yield from self.ids
        yield from (("link", link) for link in self.links)
        yield from (("title", title) for title in self.titles)


def fingerprint(
    *states: Fields | None, publishes: Callable[[str], bool] | None = None
) -> Fingerprint:
    """The fingerprint of an entry or record with these states.

    `publishes(venue)`: whether it is a conference or journal, not a preprint server.
    """
    out = Fingerprint()
    for state in states:
        out.add(state or {}, publishes)
    return out


def norm(title: str) -> str:
    """A title without case, accents, punctuation and spacing."""
    return " ".join(words(title)) or fold(title).strip()


def address(url: str) -> str:
    """An address without scheme, `www.`, version and trailing marks; empty for a placeholder."""
    match = re.match(r"\s*https?://(?:www\.)?([^/?#\s]+)([^#\s]*)", url, re.IGNORECASE)
    if not match:
        return ""
    host, path = match[1].lower(), match[2].rstrip("/").removesuffix(".git")
    if host.endswith("arxiv.org"):
        path = re.sub(r"^/(?:abs|pdf|html)/(.+?)(?:v\d+)?(?:\.pdf)?$", r"/\1", path)
        host = "arxiv.org"
    return host + (path.lower() if host in ("github.com", "doi.org") else path)


def similarity(one: Fingerprint, two: Fingerprint) -> float:
    """Similarity of the titles, 0 to 1: shared words over all words."""
    best = 0.0
    for a in one.titles:
        for b in two.titles:
            left, right = set(a.split()), set(b.split())
            alike = len(left & right) / max(1, len(left | right))
            # Part 1 and part 2, the evaluation of 2016 and of 2017: alike, and not the same.
            numbered = any(word.isdigit() for word in left ^ right)
            best = max(best, alike / 2 if numbered else alike)
    return best


def match_score(one: Fingerprint, two: Fingerprint) -> float:
    """0: different; below SURE: a match for one entry; from SURE on: for any number of entries."""
    if one.code or two.code:
        return 5 * bool(one.links & two.links) or 2 * bool(one.titles & two.titles)
    same_id = bool(one.ids & two.ids)
    same_link = bool(one.links & two.links)
    strangers = bool(one.surnames and two.surnames and not one.surnames & two.surnames)
    if one.titles & two.titles:
        return _same_title(one, two, strangers, same_id=same_id, same_link=same_link)
    alike = similarity(one, two)
    if strangers and alike < 0.5:  # noqa: PLR2004  (half the words: a reworded title)
        return 0
    near_duplicates = alike > 0.8 and bool(same_id or one.surnames & two.surnames)  # noqa: PLR2004
    return (2.5 if same_id else same_link * (1 + alike)) + 2.5 * (
        near_duplicates and (same_id or same_link)
    )


def _same_title(
    one: Fingerprint, two: Fingerprint, strangers: bool, *, same_id: bool, same_link: bool
) -> float:
    if same_id:
        return 6
    if strangers:  # two papers may share a title; with one address, the authors were corrected
        return 2 * same_link
    near = not (one.years and two.years) or any(
        abs(a - b) <= 1 for a in one.years for b in two.years
    )
    if same_link:
        return 5
    if near and one.venues and two.venues and not one.venues & two.venues:
        # A conference paper and its journal version are two works while both are listed.
        return SURE - 1
    if near and one.surnames & two.surnames:
        return 5
    return SURE if near and not _different_arxiv(one, two) else 0


def _different_arxiv(one: Fingerprint, two: Fingerprint) -> bool:
    left, right = ({name for kind, name in side.ids if kind == "arxiv"} for side in (one, two))
    return bool(left and right and not left & right)


class Index:
    """Fingerprints indexed by their keys; a look-up costs as much as it has candidates."""

    def __init__(self) -> None:
        self.fingerprints: list[Fingerprint] = []
        self._by_token: dict[Token, list[int]] = {}

    def add(self, new: Fingerprint) -> int:
        """Add a fingerprint and return its number."""
        self.fingerprints.append(new)
        for token in new.tokens():
            self._by_token.setdefault(token, []).append(len(self.fingerprints) - 1)
        return len(self.fingerprints) - 1

    def candidates(self, new: Fingerprint) -> set[int]:
        """The numbers of all fingerprints that share a key with this one."""
        matches: set[int] = set()
        for token in new.tokens():
            numbers = self._by_token.get(token, [])
            matches.update(numbers if len(numbers) <= _COMMON_KEY else numbers[:_COMMON_KEY])
        return matches


def assign(
    entries: list[Fingerprint | None],
    records: list[Fingerprint],
    ties: Callable[[int, int], float],
    chosen: list[int | None],
) -> list[int]:
    """For each entry the number of its record; numbers from len(records) on are new ones.

    `chosen` has the numbers that are decided, and None for the rest, whose fingerprints are in
    `entries`. `ties(entry, record)` decides between records of equal score (larger is closer).
    """
    known = Index()
    for record in records:
        known.add(record)
    chosen = list(chosen)
    taken: set[int | None] = {number for number in chosen if number is not None}
    for sure, _, entry, best in sorted(_pairs(entries, known, ties)):
        if chosen[entry] is None and (-sure >= SURE or best not in taken):
            chosen[entry] = best
            taken.add(best)
    return _joined(entries, chosen, len(records))


def _pairs(
    entries: list[Fingerprint | None], known: Index, ties: Callable[[int, int], float]
) -> Iterable[tuple[float, float, int, int]]:
    for number, one in enumerate(entries):
        if one is None:
            continue
        for other in known.candidates(one):
            sure = match_score(one, known.fingerprints[other])
            if sure >= CORRECTED:
                yield -sure, -ties(number, other), number, other


def _joined(entries: list[Fingerprint | None], chosen: list[int | None], free: int) -> list[int]:
    """Fill the undecided numbers: the number of an entry it repeats, or else the next free one."""
    seen, owners = Index(), []
    for one, number in zip(entries, chosen, strict=True):
        if one is not None and number is not None:
            seen.add(one)
            owners.append(number)
    out: list[int] = []
    for one, number in zip(entries, chosen, strict=True):
        if number is None and one is not None:
            same = [
                n
                for n in sorted(seen.candidates(one))
                if match_score(one, seen.fingerprints[n]) >= SURE
            ]
            number = owners[same[0]] if same else free  # noqa: PLW2901  (it was open)
            if not same:
                seen.add(one)
                owners.append(free)
                free += 1
        if number is not None:
            out.append(number)
    return out


def abbreviates(short: list[str], full: list[str]) -> bool:
    """Whether the authors in a list are a shorter form of the full ones, in order."""
    goes_on = ET_AL in short
    brief, complete = ([name for name in side if name != ET_AL] for side in (short, full))
    if len(brief) > len(complete) or (len(brief) < len(complete) and not goes_on):
        return False
    return all(
        surname(one) in (surname(two), *map(surname, two.split()))
        for one, two in zip(brief, complete, strict=False)
    )
