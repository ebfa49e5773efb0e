"""Progress of a training on stderr: bars on a terminal, else a line per epoch and per minute."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kb.repro.train import Callback

MINUTE = 60.0  # seconds


class Watch(Callback, Protocol):
    """What a reporter makes of one training."""

    def resumed(self, epoch: int) -> None:
        """An interrupted training goes on after so many whole epochs."""
        ...


class Reporter(Protocol):
    """Reports progress to the user."""

    def data(self, what: str, done: int, of: int) -> None:
        """Data are being generated."""

    def say(self, text: str) -> None:
        """One line."""

    def watch(self, name: str, epochs: int) -> Watch:
        """A training begins."""
        ...


class Lines:
    """One line per epoch."""

    def data(self, what: str, done: int, of: int) -> None:
        """A line at the start and one at the end."""
        if done in {0, of}:
            self.say(f"{what}: {done}/{of}")

    def say(self, text: str) -> None:
        """One line on stderr."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def watch(self, name: str, epochs: int) -> "LineCallback":
        """A training begins."""
        return LineCallback(self, name, epochs)


class Nothing(Lines):
    """No output: for processes of torchrun other than rank 0."""

    def say(self, text: str) -> None:
        """Nothing."""


class LineCallback:
    """One line per epoch of one training, and one for each minute within an epoch."""

    def __init__(self, lines: Lines, name: str, epochs: int) -> None:
        self.lines, self.name, self.epochs = lines, name, epochs
        self._epoch = 0  # whole ones
        self._began = self._said = time.monotonic()
        self._taken = 0  # steps by this process

    def steps(self, done: int, of: int) -> None:
        """A line where a minute has passed without one, with the time that all epochs may take."""
        now, self._taken = time.monotonic(), self._taken + 1
        if now - self._said < MINUTE:
            return
        left = (self.epochs - self._epoch) * of - done
        minutes = (now - self._began) / self._taken * left / MINUTE
        where = f"epoch {self._epoch + 1}/{self.epochs}, step {done:,}/{of:,}"
        self.lines.say(f"{self.name}: {where}, at most {minutes:.0f} minutes left")
        self._said = now

    def resumed(self, epoch: int) -> None:
        """A line."""
        self._epoch = epoch
        self.lines.say(f"{self.name}: goes on after epoch {epoch}/{self.epochs}")

    def epoch(self, row: dict[str, Any]) -> None:
        """The epoch's loss and its SumR on validation."""
        self._epoch, self._said = row["epoch"], time.monotonic()
        self.lines.say(f"{self.name}: epoch {row['epoch']}/{self.epochs}  {_losses(row)}")


class Bars:
    """Bars on a terminal: epochs of a run, steps of an epoch."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.tasks: dict[str, Any] = {}

    def data(self, what: str, done: int, of: int) -> None:
        """A bar while data are generated."""
        self.bar(what, done, of, "")

    def say(self, text: str) -> None:
        """One line above the bars."""
        self.progress.console.print(text, highlight=False, markup=False)

    def watch(self, name: str, epochs: int) -> "BarCallback":
        """A training begins."""
        return BarCallback(self, name, epochs)

    def bar(self, what: str, done: int, of: int, note: str) -> None:
        """Move a bar, added at its first call."""
        if what not in self.tasks:
            self.tasks[what] = self.progress.add_task(what, total=of, note=note)
        self.progress.update(self.tasks[what], completed=done, total=of, note=note)


class BarCallback:
    """Two bars of one training."""

    def __init__(self, bars: Bars, name: str, epochs: int) -> None:
        self.bars, self.name, self.epochs = bars, name, epochs

    def steps(self, done: int, of: int) -> None:
        """Move the bar of the epoch."""
        self.bars.bar("  steps of this epoch", done, of, "")

    def resumed(self, epoch: int) -> None:
        """Move the bar of the run."""
        self.bars.bar(self.name, epoch, self.epochs, "")

    def epoch(self, row: dict[str, Any]) -> None:
        """Move the bar of the run."""
        self.bars.bar(self.name, row["epoch"], self.epochs, _losses(row))


def _losses(row: dict[str, Any]) -> str:
    scored = "" if row["SumR"] is None else f"  validation SumR {row['SumR']:.1f}"
    return f"loss {row['loss']:.3f}{scored}"


@contextmanager
def reporter() -> Iterator[Reporter]:
    """Bars where stderr is a terminal, else lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bars(progress)


@contextmanager
def silence() -> Iterator[Reporter]:
    """A reporter without output."""
    yield Nothing()
