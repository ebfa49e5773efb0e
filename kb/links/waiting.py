"""How long to wait before asking again: what the server asked for, else doubling with jitter."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from kb.links.client import Answer
from kb.links.verdict import TRANSIENT_FAILURE, TRANSIENT_STATUS

UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
EPOCH = 1_000_000_000  # a larger "reset" value is a date, not a number of seconds


def span(text: str) -> float | None:
    """Seconds of `90`, `1.5`, `1m30s`, `2h`, `7d`; None where it is none of these."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if text and not SPAN.sub("", text).strip():
        return sum(float(count) * UNITS[unit] for count, unit in SPAN.findall(text))
    return None


def retry_after(headers: dict[str, str], now: datetime | None = None) -> float | None:
    """Seconds until the server wants to be asked again; None where it does not say.

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
    """How often and how long a link is waited for."""

    retries: int = 3
    first: float = 0.3  # seconds before the first retry, at most; doubles
    longest: float = 60.0  # seconds; a server that asks for more is not asked again in this run
    draw: Callable[[], float] = field(default=random.random)  # in [0, 1): the jitter

    def wait(self, answer: Answer, retry: int) -> float | None:
        """Seconds before retry number `retry` (from 0); None where asking again is no use."""
        if retry >= self.retries or not transient(answer):
            return None
        asked = retry_after(answer.headers) if answer.status in {429, 503} else None
        if asked is not None:
            return asked if asked <= self.longest else None
        return float(min(self.longest, self.first * 2**retry * (1 + self.draw()) / 2))


def transient(answer: Answer) -> bool:
    """Whether the same request may bring something else in a moment."""
    if answer.failure is not None:
        return answer.failure in TRANSIENT_FAILURE
    return answer.status in TRANSIENT_STATUS
