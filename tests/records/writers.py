"""Processes that tests of this room start, kill and race: `python writers.py TASK ROOT ..`."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from kb.records import Library, atomic
from kb.sync.engine import sync


def count(root: Path, last: int) -> None:
    """Write a number into a record until it is `last`; say each number once it is written."""
    while True:
        with Library.editing(root) as library:
            paper = library.papers[0]
            number = int(paper.notes[0]) if paper.notes else 0
            if number == last:
                return
            library.papers[0] = paper.model_copy(update={"notes": [str(number + 1)]})
            library.save()
        sys.stdout.write(f"{number + 1}\n")
        sys.stdout.flush()


def add(root: Path, name: str, times: int) -> None:
    """Append notes `name 0`, `name 1` .. to the one record, each in a write of its own."""
    for number in range(times):
        with Library.editing(root) as library:
            paper = library.papers[0]
            notes = [*paper.notes, f"{name} {number}"]
            library.papers[0] = paper.model_copy(update={"notes": notes})
            library.save()


def cut(root: Path, writes: int) -> None:
    """Sync, and die by SIGKILL after so many files were written."""
    whole: Callable[[Path, bytes], bool] = atomic.write
    left = [writes]

    def write(path: Path, data: bytes) -> bool:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return whole(path, data)

    atomic.write = write  # type: ignore[assignment]
    sync(root, str(root / "README.md"))


if __name__ == "__main__":
    task, folder, *rest = sys.argv[1:]
    if task == "count":
        count(Path(folder), int(rest[0]))
    elif task == "add":
        add(Path(folder), rest[0], int(rest[1]))
    else:
        cut(Path(folder), int(rest[0]))
