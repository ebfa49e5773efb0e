"""Where a published number can be read: its name, and an address if it has a public one."""

import re
from dataclasses import dataclass

from kb.publish.citation import address
from kb.publish.text import web_address
from kb.records import Dataset, Paper, Published, Source

_ISSUE = re.compile(r"\b([\w.-]+/[\w.-]+)#(\d+)")
_FILE = re.compile(r"\b([A-Za-z][\w-]*/[\w.-]+)[, ]+((?:[\w.-]+/)*[\w-]+\.md)\b")
_COMMIT = re.compile(r"commit ([0-9a-f]{7,40})\b")
_ARXIV = re.compile(r"\barXiv[ :](\d{4}\.\d{4,5}(?:v\d+)?)", re.IGNORECASE)
_TABLE = re.compile(r"\bTable \d+(?: ?\(\w+\))?")


@dataclass(frozen=True)
class NumberSource:
    """The source of one number."""

    says: str  # the source in full
    name: str  # short: danieljf24/w2vv; VALOR paper, Table 3
    url: str | None = None  # None: no public address is known
    quote: str | None = None  # the printed row


def source_of(work: Paper | Dataset, result: Published) -> NumberSource:
    """The source of a result, from its record.

    A source that is only text gives an address where it names a file of a repository, an issue
    or an arXiv id; what a paper says of itself is found in the paper.
    """
    source, says = result.source, str(result.source)
    url = source.url or _address(says)
    if url is None and result.reported_by == "paper" and isinstance(work, Paper):
        url = address(work)
    known = web_address(url) if url else None
    return NumberSource(says, _short(source), known, source.quote)


def _address(says: str) -> str | None:
    if issue := _ISSUE.search(says):
        return f"https://github.com/{issue[1]}/issues/{issue[2]}"
    if file := _FILE.search(says):
        commit = _COMMIT.search(says)
        return f"https://github.com/{file[1]}/blob/{commit[1] if commit else 'HEAD'}/{file[2]}"
    if paper := _ARXIV.search(says):
        return f"https://arxiv.org/abs/{paper[1]}"
    return None


def _short(source: Source) -> str:
    """As a table has room for it."""
    name = source.name
    table = source.table or (match[0] if (match := _TABLE.search(name)) else None)
    if file := _FILE.search(name):
        return file[1]
    if issue := _ISSUE.search(name):
        return f"{issue[1]}#{issue[2]}"
    head = re.split(r"[;,(]", name)[0].strip()
    return f"{head}, {table}" if table and re.fullmatch(r"Table .*|abstract", table) else head
