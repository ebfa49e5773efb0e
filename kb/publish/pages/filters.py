"""The choices that filters offer, with how many rows each has."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from kb.publish import text


def options(values: Iterable[str | None], *, newest: bool = False) -> list[dict[str, Any]]:
    """The choices of a filter with how many rows each has; `none` stands for an absent value."""
    counts = Counter(value or "none" for value in values)
    ordered = sorted(counts, key=str.lower, reverse=newest)
    return [{"value": text.slug(v), "label": v, "count": counts[v]} for v in ordered]
