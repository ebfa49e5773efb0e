"""One request at a time, three seconds apart, over all processes of a machine.

arXiv's terms of use allow one request every three seconds on a single connection. A lock file is
locked from the opening of the connection to its end; a second file has the time of the last
request. During a request that file contains the word ASKING: a process that reads it has taken over
the lock of a killed process, and waits the full interval.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from math import isfinite
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from filelock import FileLock
from platformdirs import user_cache_dir
from urllib3.exceptions import HTTPError, NewConnectionError

import kb
from kb.enrich.feed import FeedError, RefusedError
from kb.records.errors import Exit, KBError

INTERVAL = 3.0  # seconds between requests
ATTEMPTS = 5
WITHOUT_NETWORK = 2  # attempts if there is no connection at all
LONGEST_WAIT = 60.0  # seconds; a longer Retry-After ends the run instead
BODY_LIMIT = 20_000_000  # bytes of one answer
TIME_LIMIT = 120.0  # seconds for one answer, however slowly it arrives
ASKING = "asking"
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
MOVED = frozenset({301, 302, 303, 307, 308})


class Unreachable(KBError):  # noqa: N818  (a KBError that says where the fault lies)
    """The service did not give a usable answer; nothing was changed."""

    def __init__(self, what: str) -> None:
        super().__init__(what, hint="try again later; nothing was changed", code=Exit.UNREACHABLE)


class Answer(NamedTuple):
    """One response: status, body, Retry-After and Location."""

    status: int
    body: bytes
    wait: float | None  # seconds
    location: str | None


def of_arxiv(host: str | None) -> bool:
    """Whether this host is arXiv's own."""
    return bool(host) and f".{host}".lower().endswith(".arxiv.org")


def interval(url: str) -> float:
    """Seconds between two requests; `KB_ARXIV_INTERVAL` shortens them for hosts other than arXiv's."""
    configured = os.environ.get("KB_ARXIV_INTERVAL")
    try:
        seconds = INTERVAL if configured is None else float(configured)
    except ValueError:
        seconds = -1.0
    if not (isfinite(seconds) and seconds >= 0):
        raise KBError("KB_ARXIV_INTERVAL is not a number of seconds", hint="unset it")
    return max(seconds, INTERVAL) if of_arxiv(urlsplit(url).hostname) else seconds


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as an HTTP date."""
    if value is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(ValueError, TypeError, OverflowError):
        when = parsedate_to_datetime(value)
        return max(0.0, (when - (now or datetime.now(timezone.utc))).total_seconds())
    return None


class RequestQueue:
    """The queue of requests to one service. `get` waits its turn, paces, retries, returns the body.

    `name`: of the service, and of the files by which all processes share the queue. `unknown`:
    statuses that say the service has no such record; their body is given as empty.
    """

    def __init__(
        self,
        folder: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        *,
        attempts: int = ATTEMPTS,
        patience: float = LONGEST_WAIT,
        name: str = "arXiv",
        unknown: frozenset[int] = frozenset(),
    ) -> None:
        self.attempts, self.patience = attempts, patience
        self.name, self.unknown = name, unknown
        self.folder = folder or Path(os.environ.get("KB_CACHE") or user_cache_dir("kb"))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _no_cache(self.folder, error) from error
        self.sleep = sleep
        self.session = requests.Session()
        self.session.headers["User-Agent"] = f"kb/{kb.__version__} (one request per three seconds)"
        # An idle connection kept by one process would be a second one beside the next process's.
        self.session.headers["Connection"] = "close"

    def get(self, url: str, params: dict[str, str], usable: Callable[[bytes], object]) -> bytes:
        """The body of a 200 or 400 answer for which `usable` raises nothing.

        Raises Unreachable after the last attempt, and at once on 403: going on would be abuse.
        """
        try:
            target = requests.Request("GET", url, params=params).prepare().url
        except (requests.RequestException, ValueError) as error:
            hint = "name an http(s) address in --endpoint or KB_ARXIV_ENDPOINT"
            raise KBError("is no address to ask", where=url, hint=hint) from error
        reason, attempts, attempt = "no answer", self.attempts, 0
        while attempt < attempts and target:
            wait = 0.0
            try:
                answer = self._paced(target)
            except (requests.RequestException, HTTPError, HTTPException, ValueError) as error:
                reason = _named(error)
                without = WITHOUT_NETWORK if _no_connection(error) else self.attempts
                attempts = min(self.attempts, without)
            else:
                if answer.status in self.unknown:
                    return b""
                if answer.status in (200, 400):
                    reason = _fault(usable, answer.body) or ""
                    if not reason:
                        return answer.body
                elif answer.status in MOVED:
                    target, reason = (
                        _next(self.name, target, answer.location),
                        "sent from page to page",
                    )
                else:
                    reason, wait = (
                        f"status {answer.status}",
                        _bearable(self.name, answer, self.patience),
                    )
            attempt += 1
            if attempt < attempts:
                back_off = interval(url) * random.uniform(0.5, 1.0) * 2 ** (attempt - 1)  # noqa: S311
                self.sleep(max(wait, 0.0 if reason.startswith("sent") else back_off))
        raise Unreachable(
            f"{self.name} gave no usable answer in {attempt} attempts (last: {reason})"
        )

    def _paced(self, url: str) -> Answer:
        """Send one request in its turn. Raises KBError if the cache cannot be written."""
        pause = interval(url)
        with self._turn():
            self._wait_since(pause)
            self._stamp(ASKING)
            try:
                with self.session.get(
                    url, timeout=(10, 30), stream=True, allow_redirects=False
                ) as got:
                    wait = retry_after(got.headers.get("Retry-After"))
                    return Answer(got.status_code, _bounded(got), wait, got.headers.get("Location"))
            finally:
                self._stamp(repr(time.time()))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the lock; the system frees it when its holder dies."""
        lock = FileLock(self.folder / f"{self.name.lower()}.lock")
        try:
            lock.acquire()
        except OSError as error:
            raise _no_cache(self.folder, error) from error
        try:
            yield
        finally:
            lock.release()

    def _stamp(self, text: str) -> None:
        """Write the stamp atomically: half a number would let the next process start too early."""
        stamp = self.folder / f"{self.name.lower()}.last"
        fresh = stamp.with_name(f"{stamp.name}.{os.getpid()}")
        try:
            fresh.write_text(text)
            fresh.replace(stamp)
        except OSError as error:
            raise _no_cache(self.folder, error) from error

    def _wait_since(self, pause: float) -> None:
        """Sleep until `pause` seconds after the last request; the full pause if its time is unknown."""
        try:
            last = float((self.folder / f"{self.name.lower()}.last").read_text())
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            last = time.time()
        # A clock set back must not make us wait for its future.
        left = min(pause, last + pause - time.time())
        if left > 0:
            self.sleep(left)


def _no_cache(folder: Path, error: OSError) -> KBError:
    what = f"cannot be used as a cache ({error.strerror or error})"
    return KBError(what, where=folder, hint="name a folder in KB_CACHE", code=Exit.UNREACHABLE)


def _bounded(answer: requests.Response) -> bytes:
    """The body, decompressed, never more than BODY_LIMIT bytes or TIME_LIMIT seconds of it."""
    parts, size, end = [], 0, time.monotonic() + TIME_LIMIT
    # read1 returns early: a body of a byte per second cannot block the queue.
    while part := answer.raw.read1(65536, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT:
            raise requests.exceptions.ContentDecodingError("answer over the size limit")
        if time.monotonic() > end:
            raise requests.exceptions.ReadTimeout("answer over the time limit")
    return b"".join(parts)


def _bearable(name: str, answer: Answer, patience: float) -> float:
    """Seconds to wait before a retry. Raises Unreachable if there must be none."""
    if answer.status == 403:  # noqa: PLR2004
        raise Unreachable(f"{name} answered 403: it asks us to stop")
    if answer.status not in RETRIED:
        raise Unreachable(f"{name} answered with status {answer.status}")
    wait = answer.wait or 0.0
    if wait > patience:
        raise Unreachable(f"{name} asks to wait {wait:.0f} s")
    return wait


def _next(name: str, url: str, location: str | None) -> str:
    """The target of a redirect: on the same host, or one of arXiv's own."""
    try:
        target = urljoin(url, location or "")
        parts = urlsplit(target)
    except ValueError as error:
        raise Unreachable(f"{name}'s address redirects to an invalid address ({error})") from error
    own = of_arxiv(parts.hostname) or parts.netloc == urlsplit(url).netloc
    if not location or parts.scheme not in ("http", "https") or not own:
        raise Unreachable(f"{name}'s address redirects to another host")
    return target


def _no_connection(error: BaseException) -> bool:
    """Whether the name did not resolve, or nothing listens there."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _named(error: BaseException) -> str:
    return "no connection" if _no_connection(error) else type(error).__name__


def _fault(usable: Callable[[bytes], object], body: bytes) -> str | None:
    try:
        usable(body)
    except FeedError as error:
        return str(error)
    except RefusedError:
        return None  # the caller parses it again and gets the error
    return None
