"""How politely a host is asked: how many at once, how far apart, and how long it rests."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from kb.links.client import Answer
from kb.links.verdict import Failure
from kb.links.waiting import retry_after

LIMITED_FIRST, LIMITED_MOST = 0.5, 30.0  # seconds between requests after a 429: doubles
FAULT_STEP, FAULT_MOST = 0.2, 10.0  # seconds more after each 5xx or timeout
FAULTS = 2  # in a row are one bad page, asked by HEAD and GET; more are a host in trouble


@dataclass(frozen=True)
class Rule:
    """What is known of a host before it is asked."""

    concurrency: int = 4
    interval: float = 0.0  # seconds from the start of a request to the start of the next
    get: bool = False  # answers HEAD wrongly: GET at once
    wall: bool = False  # a 503 or 202 there is its bot wall


@dataclass
class Host:
    """One host during a run: its queue of work, and the pace it has shown it can bear."""

    name: str
    rule: Rule
    longest: float = 60.0  # seconds a host may hold everyone up
    queue: deque[Any] = field(default_factory=deque)  # of jobs ready to make their next request
    running: int = 0
    listed: bool = False  # waits for a worker
    ready: float = 0.0  # moment before which nothing is asked
    faults: int = 0  # 5xx and timeouts in a row
    delay: float = 0.0  # between requests, on top of the interval, while it shows faults
    rest: float = 0.0  # the last one after a 429 without a Retry-After; doubles

    @property
    def open(self) -> bool:
        """Whether a request could start here, the moment aside."""
        return bool(self.queue) and self.running < self.rule.concurrency

    def start(self, now: float) -> None:
        """A request starts."""
        self.running += 1
        self.ready = max(self.ready, now + self.rule.interval + self.delay)

    def done(self, answer: Answer, now: float) -> None:
        """A request ended: slow down on 429, 5xx and timeouts, recover on anything good."""
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
