"""arXiv's query API: many identifiers per request, answers cached for a day in data/arxiv.json.

`requests` and not the `arxiv` package: that client keeps no lock between processes, does not read
Retry-After, and cannot say which identifiers of a batch were unknown.
"""

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

from kb.enrich import feed, matching, second_sources
from kb.enrich.feed import ArxivRecord, RefusedError
from kb.enrich.matching import parse
from kb.enrich.polite import RequestQueue, Unreachable
from kb.records import atomic, plainfile
from kb.records.errors import KBError

Row = dict[str, Any]

OAI = "https://oaipmh.arxiv.org/oai"
ENDPOINT = "https://export.arxiv.org/api/query"
BATCH = 50  # identifiers per request: within practice (20-100) and any limit on an address's length
FRESH = timedelta(hours=24)  # arXiv changes once a day


def endpoint(address: str | None = None) -> str:
    """The API's address: `address`, or else `KB_ARXIV_ENDPOINT`, or else arXiv's own."""
    return address or os.environ.get("KB_ARXIV_ENDPOINT") or ENDPOINT


class Cache:
    """data/arxiv.json: arXiv's answer for each identifier and title, with its time.

    An identifier or title that arXiv does not know is there too, with the time only.
    """

    def __init__(self, path: Path, now: datetime | None = None, *, keep: bool = True) -> None:
        self.path = path
        self.now = now or datetime.now(timezone.utc)
        self.keep = keep  # False: nothing is written
        self.papers: dict[str, Row] = {}
        self.searches: dict[str, Row] = {}  # {title: {fetched, found: [identifiers]}}
        self._new: set[tuple[str, str]] = set()
        self.papers, self.searches = self._load()

    def _load(self) -> tuple[dict[str, Row], dict[str, Row]]:
        if not self.path.exists():
            return {}, {}
        try:
            document = json.loads(plainfile.read(self.path))
            papers = {str(key): _checked(row) for key, row in document["papers"].items()}
            searches = {
                str(key): {"fetched": str(row["fetched"]), "found": [str(i) for i in row["found"]]}
                for key, row in document.get("searches", {}).items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise KBError(
                "not readable as a cache of arXiv's answers",
                where=self.path,
                hint="delete it; kb makes a new one",
            ) from error
        return papers, searches

    def fresh(self, base: str) -> bool:
        """Whether the answer for this identifier is less than a day old."""
        return self._young(self.papers.get(base))

    def _young(self, row: Row | None) -> bool:
        try:
            return row is not None and timedelta(0) <= self.now - _time(row["fetched"]) < FRESH
        except (KeyError, ValueError, TypeError):
            return False

    def get(self, base: str) -> ArxivRecord | None:
        """ArXiv's answer; None if it does not know the identifier, or there was no request."""
        row = {k: v for k, v in self.papers.get(base, {}).items() if k not in ("fetched", "raw")}
        return ArxivRecord(**row) if "title" in row else None

    def date(self, base: str) -> str:
        """The day of arXiv's answer."""
        return str(self.papers[base]["fetched"])[:10]

    def put(self, base: str, record: ArxivRecord | None) -> None:
        """Cache an answer; an unknown identifier is an answer too."""
        row = record.as_json() if record else {"id": base}
        self._remember("papers", base, row)

    def _remember(self, room: str, key: str, row: Row) -> None:
        getattr(self, room)[key] = {**row, "fetched": self.now.isoformat(timespec="seconds")}
        self._new.add((room, key))

    def search_results(self, title: str) -> list[ArxivRecord] | None:
        """The results of a search for this title, less than a day old; None if there are none."""
        row = self.searches.get(matching.plain(title))
        if not self._young(row):
            return None
        return [record for base in (row or {})["found"] if (record := self.get(base))]

    def put_search(self, title: str, records: list[ArxivRecord]) -> None:
        """Cache the results of a search."""
        for record in records:
            self.put(record.id, record)
        row = {"found": [record.id for record in records]}
        self._remember("searches", matching.plain(title), row)

    def withdrawn(self, base: str, ask: Callable[[], bool | None]) -> bool | None:
        """Whether arXivRaw marks the paper as withdrawn; calls `ask` if the cache lacks the answer."""
        row = self.papers[base]
        if "raw" not in row:
            row["raw"] = ask()
            self._new.add(("papers", base))
        return cast("bool | None", row["raw"])

    def save(self) -> None:
        """Write the file atomically, keeping what another process added in the meantime."""
        if not (self.keep and self._new):
            return
        with atomic.locked(self.path.parent):
            papers, searches = self._load()
            rooms = {"papers": papers, "searches": searches}
            for room, key in self._new:
                rooms[room][key] = getattr(self, room)[key]
            document = {"version": 1} | {n: dict(sorted(rows.items())) for n, rows in rooms.items()}
            text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
            atomic.write(self.path, text.encode())
        self._new.clear()


def _checked(row: Row) -> Row:
    """A row of the cache; raises TypeError or KeyError if it has another form."""
    values = {key: value for key, value in row.items() if key not in ("fetched", "raw")}
    if not isinstance(row["fetched"], str):
        raise TypeError(row)
    if "title" in values:
        record = ArxivRecord(**values)
        texts = (record.id, record.title, record.published, record.updated, *record.authors)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(row)
    return dict(row)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Arxiv:
    """arXiv's API, with rate limit and cache; `progress` gets a line about each request."""

    def __init__(
        self,
        cache: Cache,
        queue: RequestQueue | None = None,
        address: str | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.cache = cache
        self.queue = queue or RequestQueue()
        self.address = endpoint(address)
        self.oai_silent = False  # True after one failure: not asked again
        self.silent = False  # the API itself: True once a second source had to answer for it
        self.second = second_sources.of(self.address)
        self.progress = progress

    def fetch(self, bases: list[str]) -> None:
        """Bring the records of all identifiers into the cache; saves after each batch."""
        wanted = [base for base in dict.fromkeys(bases) if not self.cache.fresh(base)]
        for base in wanted:
            if parse(base) is None:  # arXiv refuses a whole batch for one of these
                self.cache.put(base, None)
        valid = [base for base in wanted if parse(base)]
        for start in range(0, len(valid), BATCH):
            self.progress(f"arXiv: {start} of {len(valid)} identifiers")
            self._batch(valid[start : start + BATCH])
            self.cache.save()
        self.cache.save()

    def _batch(self, bases: list[str]) -> None:
        """One request; if arXiv refuses it (one malformed identifier is enough), by halves."""
        if self.silent and self.second is not None:
            self._one_by_one(self.second, bases, Unreachable("arXiv's API was silent before"))
            return
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
        except Unreachable as error:
            if self.second is None:
                raise
            self.silent = True
            self.progress(f"{error.what}; asking OAI-PMH and DataCite")
            self._one_by_one(self.second, bases, error)
            return
        known = {entry.id: entry for entry in entries}  # order is not promised
        for base in bases:
            self.cache.put(base, known.get(base))

    def _one_by_one(
        self, second: second_sources.SecondSources, bases: list[str], error: Unreachable
    ) -> None:
        """Answers of the second sources, each kept at once. Raises Unreachable if all are down."""
        for base in bases:
            self.cache.put(base, second.get(base, error))
            self.cache.save()

    def search(self, title: str, most: int = 5) -> list[ArxivRecord]:
        """Papers with these words in the title; only for suggestions."""
        records = self.cache.search_results(title)
        if records is None and self.silent:
            return []  # no second source searches for titles
        if records is None:
            self.progress(f"arXiv: searching {title[:60]!r}")
            records = self._search(title, most)
            self.cache.put_search(title, records)
            self.cache.save()
        return records

    def _search(self, title: str, most: int) -> list[ArxivRecord]:
        words = "".join(c if c.isalnum() else " " for c in title).split()
        if not words:
            return []
        query = f'ti:"{" ".join(words)}"'
        try:
            return self._ask({"search_query": query, "start": "0", "max_results": str(most)})
        except RefusedError:
            return []  # arXiv cannot search for this title

    def withdrawn(self, base: str) -> bool | None:
        """Whether arXiv's OAI record marks the last version as withdrawn.

        None if the record does not state it or OAI (`KB_ARXIV_OAI`, or else arXiv's) is unreachable.
        """
        if self.oai_silent:
            return None
        try:
            marked = self.cache.withdrawn(base, lambda: self._ask_oai(base))
        except Unreachable as error:
            self.oai_silent = True
            self.progress(f"arXiv's OAI is unreachable: {error.what}")
            return None
        self.cache.save()
        return marked

    def _ask_oai(self, base: str) -> bool | None:
        address = os.environ.get("KB_ARXIV_OAI") or OAI
        params = {
            "verb": "GetRecord",
            "identifier": f"oai:arXiv.org:{base}",
            "metadataPrefix": "arXivRaw",
        }
        return feed.read_withdrawn(self.queue.get(address, params, feed.read_withdrawn))

    def _ask(self, params: dict[str, str]) -> list[ArxivRecord]:
        return feed.read(self.queue.get(self.address, params, feed.read)).entries
