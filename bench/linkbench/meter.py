"""Runs one command and measures it: wall time, processor time, memory and open files over time."""

import os
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from linkbench.tools import environment

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Measured:
    """What a command took. Memory in MiB; samples are (seconds, MiB, open files)."""

    wall: float
    cpu: float
    peak: float
    output: str
    finished: bool
    samples: list[tuple[float, float, int]] = field(default_factory=list)


def measure(command: list[str], work: Path, limit: float, every: float = 0.0) -> Measured:
    """Run `command` to its end, or end it after `limit` seconds.

    Where there is a /proc, memory and open files are looked at `every` so many seconds.
    """
    path = work / "output.txt"
    samples: list[tuple[float, float, int]] = []
    begun = monotonic()
    with path.open("wb") as out, (work / "errors.txt").open("wb") as err:
        process = subprocess.Popen(command, cwd=work, env=environment(), stdout=out, stderr=err)
        over = threading.Event()
        stopper = threading.Timer(limit, lambda: (over.set(), process.kill()))
        stopper.daemon = True
        stopper.start()
        if every and PROC.is_dir():
            threading.Thread(
                target=watch, args=(process.pid, begun, every, samples), daemon=True
            ).start()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0  # waited for above; Popen must not wait again
        wall = monotonic() - begun
        stopper.cancel()
    return Measured(
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        peak=used.ru_maxrss / (1024 if os.uname().sysname == "Linux" else 1024**2),
        output=path.read_text(encoding="utf-8", errors="replace"),
        finished=not over.is_set(),
        samples=samples,
    )


def watch(pid: int, begun: float, every: float, samples: list[tuple[float, float, int]]) -> None:
    """Sample a process until it is gone."""
    while True:
        try:
            pages = int((PROC / str(pid) / "statm").read_text().split()[1])
            files = len(list((PROC / str(pid) / "fd").iterdir()))
        except (OSError, IndexError):
            return
        samples.append((monotonic() - begun, pages * PAGE / 1024**2, files))
        sleep(every)
