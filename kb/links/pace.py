"""Rate limits per host, and waits before retries."""

import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from kb.links.client import Answer
from kb.links.verdict import TRANSIENT_FAILURE, TRANSIENT_STATUS, Failure

UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
EPOCH = 1_000_000_000  # a larger "reset" value is a date, not a number of seconds


def span(text: str) -> float | None:
    """Seconds of `90`, `1.5`, `1m30s`, `2h`, `7d`; None for other texts."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if text and not SPAN.sub("", text).strip():
        return sum(float(count) * UNITS[unit] for count, unit in SPAN.findall(text))
    return None


def retry_after(headers: dict[str, str], now: datetime | None = None) -> float | None:
    """Seconds of a Retry-After header; None if there is none.

    Retry-After as seconds, as an HTTP date or as `1m30s`; else the reset of RateLimit headers.
    """
    now = now or datetime.now(timezone.utc)
    if (value := headers.get("retry-after")) is not None:
        if (seconds := span(value)) is not None:
            return seconds
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
        return max(0.0, (when - now).total_seconds())
    for name in ("ratelimit-reset", "x-ratelimit-reset"):
        if (reset := span(headers.get(name, ""))) is not None:
            return max(0.0, reset - now.timestamp()) if reset > EPOCH else reset
    return None


@dataclass(frozen=True)
class Patience:
    """The number and length of retries."""

    retries: int = 3
    first: float = 0.3  # seconds before the first retry, at most; doubles
    longest: float = 60.0  # seconds; a server that asks for more gets no retry in this run
    draw: Callable[[], float] = field(default=random.random)  # in [0, 1): the jitter

    def wait(self, answer: Answer, retry: int) -> float | None:
        """Seconds before retry number `retry` (from 0); None if a retry is of no use."""
        if retry >= self.retries or not transient(answer):
            return None
        asked = retry_after(answer.headers) if answer.status in {429, 503} else None
        if asked is not None:
            return asked if asked <= self.longest else None
        return float(min(self.longest, self.first * 2**retry * (1 + self.draw()) / 2))


def transient(answer: Answer) -> bool:
    """Whether a retry may give another answer."""
    if answer.failure is not None:
        return answer.failure in TRANSIENT_FAILURE
    return answer.status in TRANSIENT_STATUS


LIMITED_FIRST, LIMITED_MOST = 0.5, 30.0  # seconds between requests after a 429: doubles
FAULT_STEP, FAULT_MOST = 0.2, 10.0  # seconds more after each 5xx or timeout
FAULTS = 2  # in a row: one bad page (HEAD and GET); more: a host in trouble


@dataclass(frozen=True)
class HostRule:
    """Settings of a host from data/links-policy.yaml."""

    concurrency: int = 4
    interval: float = 0.0  # seconds from the start of a request to the start of the next
    get: bool = False  # answers HEAD wrongly: GET at once
    wall: bool = False  # a 503 or 202 there is its bot wall


@dataclass
class Host:
    """One host during a run: its queue of jobs, and its current rate limit."""

    name: str
    rule: HostRule
    longest: float = 60.0  # seconds a host may hold everyone up
    queue: deque[Any] = field(default_factory=deque)  # of jobs ready to make their next request
    running: int = 0
    listed: bool = False  # waits for a worker
    ready: float = 0.0  # earliest time of the next request
    faults: int = 0  # 5xx and timeouts in a row
    delay: float = 0.0  # between requests, on top of the interval, while it shows faults
    rest: float = 0.0  # the last one after a 429 without a Retry-After; doubles

    @property
    def open(self) -> bool:
        """Whether a request could start, apart from `ready`."""
        return bool(self.queue) and self.running < self.rule.concurrency

    def start(self, now: float) -> None:
        """Count the start of a request."""
        self.running += 1
        self.ready = max(self.ready, now + self.rule.interval + self.delay)

    def done(self, answer: Answer, now: float) -> None:
        """Count the end of a request: slow down on 429, 5xx and timeouts, recover on success."""
        self.running -= 1
        asked = retry_after(answer.headers) if answer.status in {429, 503} else None
        if asked is not None and asked <= self.longest:
            self.ready = max(self.ready, now + asked)
        elif answer.status == 429:  # noqa: PLR2004  (RFC 6585, 4)
            if now >= self.ready:  # answers to requests already under way do not count twice
                self.rest = min(LIMITED_MOST, max(LIMITED_FIRST, self.rest * 2))
            self.ready = max(self.ready, now + self.rest)
        elif (answer.status or 0) >= 500 or answer.failure is Failure.TIMEOUT:  # noqa: PLR2004
            self.faults += 1
            if self.faults > FAULTS:
                self.delay = min(FAULT_MOST, self.delay + FAULT_STEP)
        elif answer.status is not None:
            self.faults, self.delay, self.rest = 0, 0.0, 0.0
