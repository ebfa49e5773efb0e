"""Time budgets: `9m`, `540s`, `1.5h`."""

import re
import time

from kb.records.errors import KBError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Clock:
    """A budget of seconds that runs from now; None is no limit."""

    def __init__(self, seconds: float | None = None) -> None:
        self.end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Seconds left."""
        return None if self.end is None else self.end - time.monotonic()

    def allows(self, seconds: float) -> bool:
        """Whether `seconds` more fit."""
        return self.left is None or seconds <= self.left


def seconds(text: str | None) -> float | None:
    """Seconds of a budget; None without one. Raises KBError for text that is no time."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip().lower(), re.ASCII)
    if match is None:
        raise KBError(f"{text!r} is no time", hint="write 540s, 9m or 1.5h")
    return float(match[1]) * _UNITS[match[2]]
