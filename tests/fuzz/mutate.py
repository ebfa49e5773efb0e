"""Mutated inputs without a coverage-guided fuzzer: seeds cut, joined, repeated, and bytes changed.

Each parser runs in a fork, which writes an input down before it reads it: a crash of a C library, or
an input that takes too long, leaves its bytes behind as one that is not refused does.
"""

import os
import random
import resource
import signal
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kb.records.errors import KBError
from tests.fuzz.parsers import Parser

SLOWEST = 10  # processor seconds of one input
MEMORY = 3 << 30  # bytes that reading one may take
LONGEST = 1 << 16  # bytes of an input
NUMBERS = (0, 1, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40)


@dataclass(frozen=True)
class Outcome:
    """What came of fuzzing one parser."""

    inputs: int
    refused: int
    fault: str = ""  # why the last input, `crash`, was none
    crash: Path | None = None


def mutated(seeds: Sequence[bytes], tokens: Sequence[bytes], draws: random.Random) -> bytes:
    """A seed with up to eight changes; without one it is itself an input."""
    data = bytearray(draws.choice(seeds))
    for _ in range(draws.randint(0, 8)):
        place = draws.randrange(len(data) + 1)
        end = min(len(data), place + draws.randint(1, 64))
        kind = draws.randrange(7)
        if kind == 0 and data:
            data[place % len(data)] = draws.randrange(256)
        elif kind == 1:
            del data[place:end]
        elif kind == 2 and tokens:
            data[place:place] = draws.choice(tokens)
        elif kind == 3:
            data[place:place] = data[place:end] * draws.choice([1, 2, 100])
        elif kind == 4:
            other = draws.choice(seeds)
            data[place:] = other[draws.randrange(len(other) + 1) :]
        elif kind == 5:
            size, order = draws.choice([2, 4, 8]), draws.choice(["little", "big"])
            number = draws.choice(NUMBERS) % (1 << 8 * size)
            data[place : place + size] = number.to_bytes(size, order)  # type: ignore[arg-type]
        else:
            data[place:end] = str(draws.choice(NUMBERS)).encode()
    return bytes(data[:LONGEST])


def fuzz(parser: Parser, seconds: float, out: Path, seed: int = 0, most: int = 1 << 40) -> Outcome:
    """Feed a parser so long, or so many inputs; its last input is in `out` where it has a fault."""
    out.mkdir(parents=True, exist_ok=True)
    crash, tally = out / f"{parser.name}.crash", out / f"{parser.name}.tally"
    tally.write_text("0 0 ")
    seeds = parser.seeds()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            _feed(parser, seeds, Limits(time.monotonic() + seconds, most), (crash, tally), seed)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    inputs, refused, fault = tally.read_text().split(" ", 2)
    if os.WIFSIGNALED(status):
        fault = signal.Signals(os.WTERMSIG(status)).name
    tally.unlink()
    if not fault:
        crash.unlink(missing_ok=True)
    return Outcome(int(inputs), int(refused), fault, crash if fault else None)


@dataclass(frozen=True)
class Limits:
    """When to stop: monotonic seconds, inputs."""

    until: float
    most: int


def _feed(
    parser: Parser, seeds: list[bytes], limits: Limits, files: tuple[Path, Path], seed: int
) -> None:
    crash, tally = files
    resource.setrlimit(resource.RLIMIT_AS, (_taken() + MEMORY, resource.RLIM_INFINITY))
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)  # ends even a loop in C
    draws, inputs, refused = random.Random(seed), 0, 0
    while time.monotonic() < limits.until and inputs < limits.most:
        data = mutated(seeds, parser.tokens, draws)
        crash.write_bytes(data)
        signal.setitimer(signal.ITIMER_VIRTUAL, SLOWEST)
        try:
            parser.read(data, crash.parent)
        except KBError as error:
            refused += 1
            if "\n" in str(error) or len(str(error)) > 2000:
                tally.write_text(f"{inputs} {refused} a message that is no line")
                return
        except Exception:  # noqa: BLE001  (what this looks for)
            tally.write_text(f"{inputs} {refused} {traceback.format_exc(limit=-6)}")
            return
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        inputs += 1
        tally.write_text(f"{inputs} {refused} ")


def _taken() -> int:
    """Bytes of address space that this process has already."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
