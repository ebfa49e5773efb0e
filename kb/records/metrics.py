"""What the metrics, intervals and ranks of a run may be: finite numbers in their metric's range."""

from __future__ import annotations

import math
import re
from typing import Any

_INF = math.inf
# metric -> lowest and highest value; an inferred measure is an estimate and may pass its ideal
_RANGES: tuple[tuple[str, tuple[float, float]], ...] = (
    (r"R@[1-9][0-9]{0,3}|mAP|nDCG", (0, 100)),  # percent
    (r"SumR", (0, 600)),  # percents of two directions, added
    (r"MRR|iP[1-9][0-9]{0,3}", (0, 1)),  # fractions
    (r"infAP|infNDCG", (0, 2)),
    (r"MedR|MnR", (1, _INF)),  # ranks
)
_ROUNDING = 1e-9  # relative; a percentile of equal numbers differs from them in the last place
DIRECTIONS = ("t2v", "v2t")


def finite(value: Any) -> bool:
    """Whether a value is a number that JSON has: no truth value, no NaN, no infinity."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def problem(name: str, value: Any) -> str | None:
    """What is wrong with a metric's value; None where nothing is."""
    bounds = next((bounds for form, bounds in _RANGES if re.fullmatch(form, name)), None)
    if bounds is None:
        return f"no metric is called {name[:40]!r}"
    if not finite(value):
        return f"{name} is no finite number"
    low, high = bounds
    if not low <= value <= high * (1 + _ROUNDING):
        return f"{name} is {value:g}, outside {low:g} to {high:g}"
    return None


def checked(metrics: dict[str, Any]) -> dict[str, Any]:
    """`{"t2v": {metric: value}, "v2t": {...}, "SumR": value}`; ValueError where it is anything else."""
    for key, entry in metrics.items():
        values = {key: entry} if key == "SumR" else entry
        if (key != "SumR" and key not in DIRECTIONS) or not isinstance(values, dict):
            raise ValueError(f"{key[:40]!r} is neither SumR nor the metrics of t2v or v2t")
        for name, value in values.items():
            if wrong := problem(name, value):
                raise ValueError(wrong if key == "SumR" else f"{key}: {wrong}")
    return metrics


def checked_points(points: dict[str, Any]) -> dict[str, Any]:
    """Metrics of reference points by their names (chance, oracle)."""
    for name, metrics in points.items():
        if not isinstance(metrics, dict):
            raise TypeError(f"{name[:40]!r} has no metrics")
        checked(metrics)
    return points


def checked_curve(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a training curve: finite numbers, or nothing."""
    for number, row in enumerate(rows, start=1):
        wrong = next(
            (key for key, value in row.items() if value is not None and not finite(value)), ""
        )
        if wrong:
            raise ValueError(f"row {number}: {wrong[:40]} is no finite number")
    return rows


def ordered(value: float, low: float, high: float) -> bool:
    """Whether an interval contains its value."""
    slack = _ROUNDING * max(1.0, abs(value))
    return low - slack <= value <= high + slack
