"""arXiv's query API: many identifiers a request, answers cached for a day in data/arxiv.json.

`requests` and not the `arxiv` package: that client keeps no lock between processes, does not read
Retry-After, and cannot say which identifiers of a batch were unknown.
"""

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from kb.enrich import feed
from kb.enrich.feed import ArxivRecord, RefusedError
from kb.enrich.polite import Line
from kb.records import atomic
from kb.records.errors import KBError

ENDPOINT = "https://export.arxiv.org/api/query"
BATCH = 50  # identifiers a request: within practice (20-100) and any limit on an address's length
FRESH = timedelta(hours=24)  # arXiv changes once a day


def endpoint(given: str | None = None) -> str:
    """The address asked: `given`, else `KB_ARXIV_ENDPOINT`, else arXiv's own."""
    return given or os.environ.get("KB_ARXIV_ENDPOINT") or ENDPOINT


class Cache:
    """data/arxiv.json: what arXiv said of each identifier, and when; None where it knows no such."""

    def __init__(self, path: Path, now: datetime | None = None) -> None:
        self.path = path
        self.now = now or datetime.now(timezone.utc)
        self.papers: dict[str, dict[str, Any]] = self._load()

    def _load(self) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        try:
            papers = json.loads(self.path.read_text(encoding="utf-8"))["papers"]
            return {str(key): dict(value) for key, value in papers.items()}
        except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise KBError(
                "not readable as a cache of arXiv's answers",
                where=self.path,
                mend="delete it; it is made anew",
            ) from error

    def fresh(self, base: str) -> bool:
        """Whether the answer for this identifier is less than a day old."""
        try:
            then = datetime.fromisoformat(self.papers[base]["fetched"])
        except (KeyError, ValueError, TypeError):
            return False
        return timedelta(0) <= self.now - then < FRESH

    def get(self, base: str) -> ArxivRecord | None:
        """What arXiv said; None where it did not know the identifier, or was never asked."""
        row = {key: value for key, value in self.papers.get(base, {}).items() if key != "fetched"}
        return ArxivRecord(**row) if "title" in row else None

    def put(self, base: str, record: ArxivRecord | None) -> None:
        """Remember an answer; an unknown identifier is an answer too."""
        row = record.as_json() if record else {"id": base}
        self.papers[base] = {**row, "fetched": self.now.isoformat(timespec="seconds")}

    def save(self) -> None:
        """Write the file atomically, keeping what another process added in the meantime."""
        with atomic.locked(self.path.parent):
            merged = {**self._load(), **self.papers}
            document = {"version": 1, "papers": dict(sorted(merged.items()))}
            text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
            atomic.write(self.path, text.encode())


class Arxiv:
    """The API behind the polite line."""

    def __init__(self, cache: Cache, line: Line | None = None, address: str | None = None) -> None:
        self.cache = cache
        self.line = line or Line()
        self.address = endpoint(address)

    def fetch(self, bases: list[str]) -> None:
        """Bring every identifier's record into the cache. What was fetched is saved batch by batch."""
        wanted = [base for base in dict.fromkeys(bases) if not self.cache.fresh(base)]
        for start in range(0, len(wanted), BATCH):
            self._batch(wanted[start : start + BATCH])
            self.cache.save()

    def _batch(self, bases: list[str]) -> None:
        """One request; on a refusal (one malformed identifier fails the whole) by halves."""
        params = {"id_list": ",".join(bases), "start": "0", "max_results": str(len(bases))}
        try:
            entries = self._ask(params)
        except RefusedError:
            if len(bases) == 1:
                self.cache.put(bases[0], None)
                return
            middle = len(bases) // 2
            self._batch(bases[:middle])
            self._batch(bases[middle:])
            return
        known = {entry.id: entry for entry in entries}  # order is not promised
        for base in bases:
            self.cache.put(base, known.get(base))

    def search(self, title: str, most: int = 5) -> list[ArxivRecord]:
        """Papers whose title holds these words; only ever a suggestion."""
        words = "".join(c if c.isalnum() else " " for c in title).split()
        query = f'ti:"{" ".join(words)}"'
        return self._ask({"search_query": query, "start": "0", "max_results": str(most)})

    def _ask(self, params: dict[str, str]) -> list[ArxivRecord]:
        return feed.read(self.line.get(self.address, params, feed.read)).entries
