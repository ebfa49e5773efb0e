"""`kb suggest`: papers that a list may lack, from answers of arXiv or OpenAlex.

A candidate is proposed where it cites entries of the list, or where its title holds the words that
the list's own titles share. Nothing is added: a person takes the lines one by one.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.enrich import feed, matching
from kb.enrich.feed import FeedError, RefusedError
from kb.records import Ids, KBError, Link, Paper, plainfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LARGEST = 256 << 20  # bytes of a file
SHARE = 0.1  # of the list's titles, from which a word counts as one of its own
FEWEST = 3  # words of the list that a title needs
CITED = 2  # entries of the list that a candidate cites, from which no words are needed
WORD = re.compile(r"[a-z][a-z0-9]+")
_SMALL = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "from",
        "via",
        "using",
        "based",
        "towards",
        "toward",
        "into",
        "over",
        "under",
        "are",
        "can",
        "its",
        "that",
        "this",
        "your",
        "what",
        "learning",
        "network",
        "networks",
    ]
)
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/([^?#\s]+?)(?:v\d+)?(?:\.pdf)?$", re.IGNORECASE)


@dataclass
class Candidate:
    """A paper of a file, as far as a line of the list needs it."""

    key: str  # its identifier in the file
    title: str
    authors: list[str]
    year: int | None
    venue: str | None = None
    arxiv: str | None = None
    doi: str | None = None
    cites: list[str] = field(default_factory=list)  # identifiers of the same file
    score: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def paper(self) -> Paper:
        """The record that its line is written from."""
        arxiv = f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else None
        url = arxiv or (f"https://doi.org/{self.doi}" if self.doi else None)
        return Paper(
            id="new",
            title=self.title,
            authors=self.authors[:50],
            et_al=len(self.authors) > 1,
            venue=self.venue or "arXiv",
            year=self.year,
            ids=Ids(arxiv=self.arxiv, doi=self.doi),
            links=[Link(kind="paper", url=url)] if url else [],
        )

    def as_json(self, line: str) -> dict[str, Any]:
        """The candidate as `--json` has it."""
        values = {"title": self.title, "year": self.year, "arxiv": self.arxiv, "doi": self.doi}
        return {**values, "score": round(self.score, 3), "reasons": self.reasons, "line": line}


def read(path: Path, source: str) -> list[Candidate]:
    """The papers of a file: an Atom feed of arXiv's API, or works of OpenAlex's (JSON or JSONL).

    Raises KBError for a file of another form.
    """
    body = plainfile.read(path, LARGEST, hint="name a file of at most 256 MB")
    try:
        return parse(body, source)
    except (FeedError, RefusedError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"not an answer of {source} ({type(error).__name__})"
        raise KBError(what, where=path, hint="give the file as the service sent it") from error


def parse(body: bytes, source: str) -> list[Candidate]:
    """The papers of an answer; many kinds of error, FeedError among them, for another form."""
    return _of_arxiv(body) if source == "arxiv" else _of_openalex(body)


def of_record(one: feed.ArxivRecord) -> Candidate:
    """The candidate that arXiv's record describes."""
    return Candidate(one.id, one.title, one.authors, _year(one.published), arxiv=one.id)


def _of_arxiv(body: bytes) -> list[Candidate]:
    return [of_record(one) for one in feed.read(body).entries]


def _of_openalex(body: bytes) -> list[Candidate]:
    text = body.decode("utf-8")
    try:
        document = json.loads(text)
    except ValueError:
        document = [json.loads(line) for line in text.splitlines() if line.strip()]
    works = (
        document["results"] if isinstance(document, dict) and "results" in document else document
    )
    works = works if isinstance(works, list) else [works]
    return [_work(one) for one in works if one.get("title")]


def _work(one: dict[str, Any]) -> Candidate:
    people = [(a.get("author") or {}).get("display_name") for a in one.get("authorships") or []]
    place = (one.get("primary_location") or {}).get("source") or {}
    name = str(place.get("display_name") or "")
    addresses = [str(spot.get("landing_page_url") or "") for spot in one.get("locations") or []]
    arxiv = next((m[1] for url in addresses if (m := _ARXIV.search(url))), None)
    doi = str(one.get("doi") or "").lower().removeprefix("https://doi.org/") or None
    if doi and doi.startswith("10.48550/arxiv."):
        arxiv, doi = arxiv or doi.removeprefix("10.48550/arxiv."), None
    return Candidate(
        key=str(one.get("id") or one["title"]),
        title=" ".join(str(one["title"]).split()),
        authors=[str(person) for person in people if person],
        year=one.get("publication_year") or _year(str(one.get("publication_date") or "")),
        venue=name if name and "arxiv" not in name.casefold() else None,
        arxiv=arxiv,
        doi=doi,
        cites=[str(key) for key in one.get("referenced_works") or []],
    )


def _year(date: str) -> int | None:
    return int(date[:4]) if date[:4].isdecimal() else None


def suggest(
    papers: Iterable[Paper], candidates: Iterable[Candidate], *, since: int | None = None
) -> list[Candidate]:
    """Candidates that the list lacks and that fit it, the best first, each with its reasons."""
    listed, offered = list(papers), list(candidates)
    known = _known(listed)
    own = {one.key for one in offered if _identities(one) & known}
    words = own_words(paper.title for paper in listed)
    suggested = []
    for one in offered:
        if one.key in own or (since is not None and (one.year or 0) < since):
            continue
        if _judge(one, own, words):
            suggested.append(one)
    return sorted(suggested, key=lambda one: (-one.score, one.title))


def listed(papers: Iterable[Paper], one: Candidate) -> Paper | None:
    """The entry that a candidate is, by title, arXiv id or DOI; None where the list lacks it."""
    return next((paper for paper in papers if _known([paper]) & _identities(one)), None)


def _known(papers: list[Paper]) -> set[str]:
    keys = {matching.plain(paper.title) for paper in papers}
    keys |= {paper.ids.arxiv for paper in papers if paper.ids.arxiv}
    return keys | {paper.ids.doi.lower() for paper in papers if paper.ids.doi}


def _identities(one: Candidate) -> set[str]:
    return {matching.plain(one.title), *(key for key in (one.arxiv, one.doi) if key)}


def own_words(titles: Iterable[str]) -> dict[str, float]:
    """The words that the list's titles share, with the part of the titles that hold each."""
    sets = [title_words(title) for title in titles]
    counts = Counter(word for words in sets for word in words)
    total = max(len(sets), 1)
    least = max(2, math.ceil(SHARE * total))
    return {word: count / total for word, count in counts.items() if count >= least}


def title_words(title: str) -> set[str]:
    """The words of a title, each in the singular, small and empty ones left out."""
    words = WORD.findall(title.casefold())
    return {word.removesuffix("s") for word in words if word not in _SMALL and len(word) > 2}  # noqa: PLR2004


def _judge(one: Candidate, own: set[str], words: dict[str, float]) -> bool:
    """Score a candidate and say why; False where nothing speaks for it."""
    cited = len({*one.cites} & own)
    shared = sorted(title_words(one.title) & words.keys(), key=lambda word: -words[word])
    one.score = sum(words[word] for word in shared) + cited
    first = max(words, key=lambda word: words[word], default=None)
    if cited:
        one.reasons.append(f"cites {cited} of the list's papers")
    if shared:
        one.reasons.append(f"title: {', '.join(shared)}")
    return cited >= CITED or (len(shared) >= FEWEST and first in shared)


@dataclass
class Precision:
    """How well the proposals of a file match what the list took later."""

    held: int  # entries of the list since that year, which the file has
    proposed: int
    right: int

    def as_json(self) -> dict[str, float | int | None]:
        """Counts, precision and recall; None where there is nothing to divide by."""
        precision = self.right / self.proposed if self.proposed else None
        recall = self.right / self.held if self.held else None
        return {**vars(self), "precision": precision, "recall": recall}


def held_out(papers: list[Paper], offer: Callable[[], list[Candidate]], year: int) -> Precision:
    """Propose from the entries before `year`, and count which proposals are entries since then."""
    later = _known([paper for paper in papers if (paper.year or 0) >= year])
    proposed = suggest([paper for paper in papers if (paper.year or 0) < year], offer(), since=year)
    right = sum(bool(_identities(one) & later) for one in proposed)
    held = sum(bool(_identities(one) & later) for one in offer() if (one.year or 0) >= year)
    return Precision(held, len(proposed), right)
