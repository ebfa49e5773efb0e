"""A file mapped into memory whose pages are given back, so that reading it all costs little."""

import mmap
from pathlib import Path

_KEPT = 32 << 20  # bytes looked at before pages are given back; up to 2 MiB around each are mapped


class Mapping:
    """The bytes of a mapped file, and how many were looked at.

    Pages that were looked at count as this process's memory until they are given back; the system
    keeps them in its cache, and arrays that were made of them stay good.
    """

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self._seen = data, 0

    @classmethod
    def of(cls, path: Path) -> "Mapping":
        """The bytes of a file. OSError or ValueError where it is empty or cannot be mapped."""
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def seen(self, count: int) -> None:
        """Say that so many bytes are being looked at."""
        self._seen += count
        if self._seen > _KEPT and hasattr(mmap, "MADV_DONTNEED"):
            self.data.madvise(mmap.MADV_DONTNEED)
            self._seen = count
