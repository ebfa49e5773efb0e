"""arXiv links are not fetched: arXiv asks programs to use its API, which knows every paper.

The asking itself is another room's; here it is any callable that says which ids exist.
"""

import re
from collections.abc import Callable, Iterator

from kb.links.urls import parse
from kb.links.verdict import Result, Verdict
from kb.records import KBError

Exists = Callable[[list[str]], dict[str, bool]]  # base ids -> whether each exists; absent: unknown

HOSTS = frozenset({"arxiv.org", "www.arxiv.org", "export.arxiv.org"})
PATH = re.compile(
    r"^/(?:abs|pdf|html|format|ps)/(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?$"
)


def paper(url: str) -> str | None:
    """The base id of the paper an address shows, or None."""
    target = parse(url)
    match = PATH.match(target.path.partition("?")[0]) if target.host in HOSTS else None
    return match.group(1) if match else None


def divide(urls: list[str], exists: Exists | None) -> tuple[dict[str, str], list[str]]:
    """Addresses that the API can settle, with their ids; and the others."""
    if exists is None:
        return {}, urls
    by_api = {url: found for url in urls if (found := paper(url)) is not None}
    return by_api, [url for url in urls if url not in by_api]


def look(by_api: dict[str, str], exists: Exists) -> Iterator[tuple[str, Result]]:
    """The verdict on each address, from one question for all ids."""
    try:
        known = exists(sorted(set(by_api.values())))
        missing = "arXiv's API did not say"
    except KBError as error:
        known, missing = {}, f"arXiv's API is out of reach: {error.what}"
    for url, identifier in by_api.items():
        there = known.get(identifier)
        if there is None:
            yield url, Result(url, Verdict.TIMEOUT, missing, final_url=url)
        elif there:
            yield url, Result(url, Verdict.OK, None, final_url=url)
        else:
            reason = f"arXiv knows no paper {identifier}"
            yield url, Result(url, Verdict.SUSPECT, reason, final_url=url, gone=True)
