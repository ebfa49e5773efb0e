"""The papers that arXiv or OpenAlex offer for a list: `kb suggest` without a file.

arXiv is asked for titles with the words that the list's own titles share; OpenAlex for works that
cite entries of the list. Each answer is one of few polite requests; nothing is kept or changed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from kb.enrich import candidates, feed
from kb.enrich.arxiv import endpoint
from kb.enrich.feed import FeedError
from kb.enrich.polite import RequestQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kb.enrich.candidates import Candidate
    from kb.records import Paper

YEARS = 2  # back from today, where nobody says since when
WORDS = 8  # of the list's own that a title may have beside the first
PAGE, PAGES = 100, 5  # results of one answer of arXiv, and answers at most
WORKS, WORK_PAGES = 200, 10  # the same of OpenAlex
AT_ONCE = 50  # values of one filter of OpenAlex
FIELDS = (
    *("id", "doi", "title", "publication_year", "publication_date", "authorships"),
    *("primary_location", "locations", "referenced_works"),
)


def ask(
    source: str,
    papers: list[Paper],
    since: int | None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Candidate]:
    """What the service offers for these entries, from the year `since` on [two years back].

    Raises Unreachable where it gives no usable answer.
    """
    first = since or datetime.now(timezone.utc).year - YEARS
    if source == "arxiv":
        return _of_arxiv(papers, first, progress)
    return _of_openalex(papers, first, progress)


def query(papers: list[Paper], since: int) -> str | None:
    """ArXiv's search for titles with the list's most common word and one of its next ones."""
    own = candidates.own_words(paper.title for paper in papers)
    forms = _forms(papers)
    ranked = sorted(own, key=lambda word: (-own[word], word))
    if len(ranked) < candidates.FEWEST:
        return None
    first, *others = (f"ti:{forms[word]}" for word in ranked[: WORDS + 1])
    days = f"submittedDate:[{since}01010000 TO 299912312359]"
    return f"{first} AND ({' OR '.join(others)}) AND {days}"


def _forms(papers: list[Paper]) -> dict[str, str]:
    """The commonest spelling of each word of the titles: `cross` of what is counted as `cros`."""
    counts = Counter(word for paper in papers for word in candidates.WORD.findall(paper.title.casefold()))  # fmt: skip
    forms: dict[str, str] = {}
    for word, _ in counts.most_common():
        forms.setdefault(word.removesuffix("s"), word)
    return forms


def _of_arxiv(papers: list[Paper], since: int, progress: Callable[[str], None]) -> list[Candidate]:
    search = query(papers, since)
    queue, offered = RequestQueue(), dict[str, "Candidate"]()
    for page in range(PAGES if search else 0):
        progress(f"arXiv: results {page * PAGE + 1} to {(page + 1) * PAGE}")
        params = {"search_query": search or "", "start": str(page * PAGE)}
        params |= {"max_results": str(PAGE), "sortBy": "submittedDate", "sortOrder": "descending"}
        body = queue.get(endpoint(None), params, feed.read)
        offered |= {one.key: one for one in candidates.parse(body, "arxiv")}
        if (page + 1) * PAGE >= feed.read(body).total:
            break
    return list(offered.values())


def _of_openalex(
    papers: list[Paper], since: int, progress: Callable[[str], None]
) -> list[Candidate]:
    """The entries themselves, by DOI, then the works that cite them."""
    dois = [doi for paper in papers for doi in _dois(paper)]
    offered: dict[str, Candidate] = {}
    for part in _parts(dois):
        progress(f"OpenAlex: {len(offered)} entries of the list")
        for body in _works({"filter": f"doi:{'|'.join(part)}"}):
            offered |= {one.key: one for one in candidates.parse(body, "openalex")}
    entries = [key.rpartition("/")[2] for key in offered]
    for part in _parts(entries):
        progress(f"OpenAlex: works that cite {len(part)} entries")
        cites = f"cites:{'|'.join(part)},from_publication_date:{since}-01-01"
        for body in _works({"filter": cites}):
            for one in candidates.parse(body, "openalex"):
                offered.setdefault(one.key, one)
    return list(offered.values())


def by_title(title: str) -> list[Candidate]:
    """Works of OpenAlex with these words in the title; at most one page of them."""
    words = " ".join("".join(char if char.isalnum() else " " for char in title).split())
    body = next(iter(_works({"filter": f"title.search:{words}"}))) if words else b"[]"
    return candidates.parse(body, "openalex")


def _dois(paper: Paper) -> list[str]:
    """The DOIs by which OpenAlex may know a paper."""
    ids = [paper.ids.doi, f"10.48550/arxiv.{paper.ids.arxiv}" if paper.ids.arxiv else None]
    return [doi.lower() for doi in ids if doi and not {",", "|"} & set(doi)]


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _works(params: dict[str, str]) -> Iterator[bytes]:
    """The answers to one filter, page by page."""
    address = os.environ.get("KB_OPENALEX_ENDPOINT") or "https://api.openalex.org/works"
    queue, cursor = RequestQueue(name="OpenAlex"), "*"
    for _ in range(WORK_PAGES):
        asked = {**params, "per-page": str(WORKS), "cursor": cursor, "select": ",".join(FIELDS)}
        body = queue.get(address, asked, _page)
        yield body
        cursor = _page(body)
        if not cursor:
            return


def _page(body: bytes) -> str:
    """The cursor of the next page; empty after the last. Raises FeedError for another answer."""
    try:
        document: dict[str, Any] = json.loads(body)
        candidates.parse(body, "openalex")
        return str(document["meta"].get("next_cursor") or "") if document["results"] else ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FeedError(f"not an answer of OpenAlex ({type(error).__name__})") from error
