"""One request at a time, three seconds apart, over all processes of a machine.

arXiv's terms of use allow one request every three seconds on a single connection. A lock file is
held for the whole request; beside it stands the time of the last one.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
from filelock import FileLock
from platformdirs import user_cache_dir

import kb
from kb.enrich.feed import FeedError, RefusedError
from kb.records.errors import Exit, KBError

INTERVAL = 3.0  # seconds between requests
ATTEMPTS = 5
LONGEST_WAIT = 60.0  # seconds; a longer Retry-After ends the run instead
BODY_LIMIT = 20_000_000  # bytes of one answer
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


class Unreachable(KBError):  # noqa: N818  (a KBError that says where the fault lies)
    """The service did not give a usable answer; nothing was changed."""

    def __init__(self, what: str) -> None:
        super().__init__(what, mend="try again later; nothing was changed", code=Exit.UNREACHABLE)


def interval() -> float:
    """Seconds between two requests; `KB_ARXIV_INTERVAL` is for tests against a local server."""
    try:
        return max(0.0, float(os.environ.get("KB_ARXIV_INTERVAL", INTERVAL)))
    except ValueError as error:
        raise KBError("KB_ARXIV_INTERVAL is not a number of seconds", mend="unset it") from error


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as an HTTP date."""
    if value is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(value)
        return max(0.0, (when - (now or datetime.now(timezone.utc))).total_seconds())
    return None


class Line:
    """The one line to arXiv. `get` waits its turn, paces, retries, and returns the body's bytes."""

    def __init__(
        self, folder: Path | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.folder = folder or Path(os.environ.get("KB_CACHE") or user_cache_dir("kb"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sleep = sleep
        self.session = requests.Session()
        self.session.headers["User-Agent"] = f"kb/{kb.__version__} (one request per three seconds)"

    def get(self, url: str, params: dict[str, str], usable: Callable[[bytes], object]) -> bytes:
        """The body of a 200 or 400 answer for which `usable` raises nothing.

        Raises Unreachable after the last attempt, and at once on 403: going on would be abuse.
        """
        reason = "no answer"
        for attempt in range(ATTEMPTS):
            wait = 0.0
            try:
                status, body, asked = self._paced(url, params)
            except requests.RequestException as error:
                reason = type(error).__name__
            else:
                if status == 403:  # noqa: PLR2004
                    raise Unreachable("arXiv answered 403: it asks us to stop")
                if status in (200, 400):
                    fault = _fault(usable, body)
                    if fault is None:
                        return body
                    reason = fault
                elif status in RETRIED:
                    reason, wait = f"status {status}", asked or 0.0
                else:
                    raise Unreachable(f"arXiv answered with status {status}")
            if wait > LONGEST_WAIT:
                raise Unreachable(f"arXiv asks to wait {wait:.0f} s")
            if attempt + 1 < ATTEMPTS:
                self.sleep(max(wait, interval() * random.uniform(0.5, 1.0) * 2**attempt))  # noqa: S311
        raise Unreachable(f"arXiv gave no usable answer in {ATTEMPTS} attempts (last: {reason})")

    def _paced(self, url: str, params: dict[str, str]) -> tuple[int, bytes, float | None]:
        """One request, when it is its turn: (status, body, seconds of Retry-After)."""
        stamp = self.folder / "arxiv.last"
        with FileLock(self.folder / "arxiv.lock"):
            self._wait_since(stamp)
            try:
                with self.session.get(url, params=params, timeout=(10, 30), stream=True) as answer:
                    body = _bounded(answer)
                    return answer.status_code, body, retry_after(answer.headers.get("Retry-After"))
            finally:
                stamp.write_text(repr(time.time()))

    def _wait_since(self, stamp: Path) -> None:
        last = 0.0
        with suppress(OSError, ValueError):
            last = float(stamp.read_text())
        # A clock set back must not make us wait for its future.
        left = min(interval(), last + interval() - time.time())
        if left > 0:
            self.sleep(left)


def _bounded(answer: requests.Response) -> bytes:
    """The body, decompressed, never more than BODY_LIMIT."""
    parts, size = [], 0
    for part in answer.iter_content(65536):
        size += len(part)
        if size > BODY_LIMIT:
            raise requests.exceptions.ContentDecodingError("answer over the size limit")
        parts.append(part)
    return b"".join(parts)


def _fault(usable: Callable[[bytes], object], body: bytes) -> str | None:
    try:
        usable(body)
    except FeedError as error:
        return str(error)
    except RefusedError:
        return None  # the caller reads it again and sees why
    return None
