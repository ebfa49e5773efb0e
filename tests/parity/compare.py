"""How far a model of ours is from a recording of the official code."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kb.records.errors import KBError
from tests.parity import cases, training

LIMIT = 1e-4  # every relative difference stays below it
TINY = 1e-12  # an array smaller than this everywhere counts as zero


@dataclass
class ParityReport:
    """One recording, held against our model."""

    model: str
    case: str
    max_rel: dict[str, float | None] = field(default_factory=dict)  # None: no finite difference
    skipped: dict[str, str] = field(default_factory=dict)  # array -> why it is not compared

    @property
    def ok(self) -> bool:
        """Whether every array that concerns the model is there and within the limit."""
        return bool(self.max_rel) and all(
            d is not None and d < LIMIT for d in self.max_rel.values()
        )

    def document(self) -> dict[str, object]:
        """What `--json` prints."""
        return {**vars(self), "ok": self.ok}


def relative(ours: np.ndarray, official: np.ndarray) -> float | None:
    """Largest absolute difference over the largest absolute official value, in float64.

    One number for a whole array: an entry near zero is held to the array's own scale. None where
    shapes differ or a value is not finite.
    """
    a, b = np.asarray(ours, np.float64), np.asarray(official, np.float64)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    if not a.size:
        return 0.0
    return float(np.abs(a - b).max() / max(np.abs(b).max(), TINY))


def adapter_name(slug: str) -> str | None:
    """The module that reads this model's recordings; None where there is none."""
    name = f"tests.parity.{slug.replace('-', '_')}"
    known = slug.replace("-", "").isalnum() and importlib.util.find_spec(name) is not None
    return name if known else None


def report(path: Path) -> ParityReport:
    """Run our model on a recording. KBError where file or model cannot be had."""
    case = cases.read(path)
    if (name := adapter_name(case.slug)) is None:
        raise KBError(f"no model of ours answers to {case.slug!r}", where=path)
    adapter = importlib.import_module(name)
    try:
        ours = training.run(case, adapter)
    except (KeyError, ValueError, RuntimeError, IndexError, TypeError, AttributeError) as error:
        problem = f"the arrays do not fit the model: {type(error).__name__}: {error}"
        raise KBError(problem, where=path) from error
    parity = ParityReport(case.slug, case.name)
    for array, official in case.expected.items():
        if reason := adapter.skipped(array) or training.skipped(array):
            parity.skipped[array] = reason
        else:
            parity.max_rel[array] = relative(ours[array], official) if array in ours else None
    return parity
