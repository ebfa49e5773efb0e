"""arXiv links are not fetched: arXiv asks programs to use its API, which knows every paper.

The asking itself is another room's; here it is any callable that says which ids exist.
"""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from time import monotonic

from kb.links.urls import parse
from kb.links.verdict import Failure, Result, Verdict
from kb.records import KBError

Exists = Callable[[list[str]], dict[str, bool]]  # base ids -> whether each exists; absent: unknown

HOSTS = frozenset({"arxiv.org", "www.arxiv.org", "export.arxiv.org"})
BLINK = 0.2  # seconds; so often the wait looks whether it should end
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


class Question:
    """One question for all ids, asked in the background: arXiv has its own slow pace."""

    def __init__(self, by_api: dict[str, str], exists: Exists) -> None:
        self.by_api, self.exists = by_api, exists
        self.answer: SimpleQueue[dict[str, bool] | KBError] = SimpleQueue()
        if by_api:
            threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        try:
            self.answer.put(self.exists(sorted(set(self.by_api.values()))))
        except KBError as error:
            self.answer.put(error)
        except Exception as error:  # noqa: BLE001  (the waiting side must hear of it)
            self.answer.put(KBError(f"{type(error).__name__}: {error}"))

    def results(self, deadline: float | None) -> Iterator[tuple[str, Result]]:
        """The verdict on each address; nothing where the answer does not come by `deadline`."""
        if not self.by_api:
            return
        while deadline is None or monotonic() < deadline:
            try:
                answer = self.answer.get(timeout=BLINK)
            except Empty:
                continue
            yield from judge(self.by_api, answer)
            return


def judge(
    by_api: dict[str, str], answer: dict[str, bool] | KBError
) -> Iterator[tuple[str, Result]]:
    """What the API's answer says of each address."""
    known = {} if isinstance(answer, KBError) else answer
    why = f"out of reach: {answer.what}" if isinstance(answer, KBError) else "silent on this one"
    for url, identifier in by_api.items():
        there = known.get(identifier)
        result = Result(url, Verdict.OK, final_url=url)
        if there is None:
            silent = Failure.LOOKUP
            reason = f"arXiv's API is {why}"
            result = replace(
                result, verdict=Verdict.TIMEOUT, reason=reason, failure=silent, attempts=1
            )
        elif not there:
            reason = f"arXiv knows no paper {identifier}"
            result = replace(result, verdict=Verdict.SUSPECT, reason=reason, gone=True)
        yield url, result
