"""Kill commands at random moments: what follows finishes the work, with the same bytes.

`python -m tests.fuzz.kills [features|make|publish ...] --times 200`. Each command runs in a fork and
is killed (SIGKILL) somewhere between its start and a little past its usual end; the next one goes on
in the same folder. Whenever one finishes, its files must be those of a run that nobody disturbed.
"""

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kb.cli import run
from kb.datasets.features.videos import LOSSY, write_video

INVENTED = Path(__file__).resolve().parents[1] / "data" / "kb"
COMMANDS = ("features", "make", "publish")


def command(name: str, place: Path) -> list[str]:
    """The command line; its files go to `place / "out"`."""
    out = str(place / "out")
    if name == "features":
        return [
            "features",
            str(place / "videos"),
            "--backbone",
            "diorama",
            "--fps",
            "5",
            "--out",
            out,
        ]
    if name == "make":
        return ["data", "make", "diorama-msrvtt", "--size", "tiny", "--out", out]
    return ["publish", "-C", str(INVENTED), "--out", out, "--no-mkdocs"]


def prepare(name: str, place: Path) -> None:
    """What the command reads."""
    if name == "features":
        (place / "videos").mkdir()
        pixels = np.random.default_rng(0).integers(255, size=(24, 32, 32, 3), dtype=np.uint8)
        for number in range(12):
            write_video(place / "videos" / f"v{number}.avi", np.roll(pixels, number, 0), 8, LOSSY)


def attempt(line: list[str], seconds: float | None) -> bool:
    """Run in a fork, killed after so many seconds; whether it finished. SystemExit where it failed."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123  (a device)
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
            os._exit(run(line))
    if seconds is not None:
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"exit code {os.WEXITSTATUS(status)}: kb {' '.join(line)}")
    return os.WIFEXITED(status)


def digest(folder: Path) -> str:
    """Names and bytes of everything in a folder but locks and marks."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".lock"):
            total.update(f"\0{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def kill_often(name: str, times: int, rng: random.Random) -> tuple[int, int]:
    """How many of so many runs were killed, and how many finished; SystemExit where bytes differ."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        prepare(name, place)
        line = command(name, place)
        began = time.perf_counter()
        attempt(line, None)
        usual = time.perf_counter() - began
        reference = digest(place / "out")
        shutil.rmtree(place / "out")
        killed = finished = 0
        for _ in range(times):
            if attempt(line, rng.uniform(0, 1.3 * usual)):
                finished += 1
                if digest(place / "out") != reference:
                    raise SystemExit(f"{name}: other bytes after {killed} kills")
                shutil.rmtree(place / "out")
            else:
                killed += 1
        attempt(line, None)
        if digest(place / "out") != reference:
            raise SystemExit(f"{name}: other bytes after {killed} kills")
        inputs = {"videos"} if name == "features" else set()
        left = {path.name for path in place.iterdir()} - {"out", ".out.lock"} - inputs
        if left:
            raise SystemExit(f"{name}: left {', '.join(sorted(left))}")
    return killed, finished


def main() -> int:
    """Print a line per command; 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(COMMANDS))
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name in given.names or COMMANDS:
        killed, finished = kill_often(name, given.times, random.Random(given.seed))
        sys.stdout.write(f"{name}: {killed} killed, {finished} finished, nothing lost\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
