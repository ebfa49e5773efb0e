"""What official evaluators gave: small cases in tests/data, all of them in the reference material."""

from functools import cache
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
SMALL = TESTS / "data" / "metrics" / "small.npz"
SHARED = TESTS.parents[1] / "shared" / "parity" / "metrics.open.npz"
LEXICON = SMALL.with_name("lexicon.json")  # stems and synonyms of the recorded captions' words
FILES = [path for path in (SMALL, SHARED) if path.is_file()]


@cache
def load(path: Path) -> dict[str, np.ndarray]:
    """Every array of a file, by name."""
    with np.load(path) as archive:
        return dict(archive)


def names(evaluator: str, what: str) -> list[tuple[Path, str]]:
    """(file, case) of every array `out/<evaluator>/<case>/<what>`."""
    parts = [(path, name.split("/")) for path in FILES for name in load(path)]
    return [(path, p[2]) for path, p in parts if p[:2] == ["out", evaluator] and p[3:] == [what]]


SEEN: set[tuple[Path, str]] = set()  # arrays that were read


def read(path: Path, name: str) -> np.ndarray:
    """One array."""
    SEEN.add((path, name))
    return load(path)[name]


def has(path: Path, name: str) -> bool:
    """Whether the file holds the array."""
    return name in load(path)
