"""Random draws that depend on a key alone: the same integers on every machine and version."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

_WORD = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15  # splitmix64: Steele, Lea, Flood, OOPSLA 2014


class Draws:
    """A stream of integers keyed by names and numbers: `Draws(seed, "train", 7, "cast")`."""

    def __init__(self, *key: object) -> None:
        name = "/".join(map(str, key)).encode()
        self._state = int.from_bytes(blake2b(name, digest_size=8).digest(), "little")

    def word(self) -> int:
        """The next 64 bits of the stream."""
        self._state = (self._state + _STEP) & _WORD
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
        return z ^ (z >> 31)

    def below(self, limit: int) -> int:
        """One of 0 .. limit - 1."""
        return (self.word() * limit) >> 64

    def between(self, low: int, high: int) -> int:
        """One of low .. high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 draws."""
        return self.below(100) < percent

    def choose(self, items: Sequence[T]) -> T:
        """One item, all equally likely."""
        return items[self.below(len(items))]

    def distinct(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different positions of `items`, in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(count)]


def noise(key: int, length: int, below: int) -> NDArray[np.int64]:
    """(length,) integers of 0 .. below - 1: the words of a stream from state `key`, all at once."""
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(1, length + 1, dtype=np.uint64) * np.uint64(_STEP)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (((z >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32)).astype(np.int64)
