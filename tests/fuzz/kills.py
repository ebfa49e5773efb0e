"""Kill commands at random moments: what follows finishes the work, with the same bytes.

`python -m tests.fuzz.kills [features|make|publish|repro ...] --times 200`. Each command runs in a
fork and is killed (SIGKILL) somewhere between its start and a little past its usual end; the next
one goes on in the same folder. Whenever one finishes, its files must be those of a run that nobody
disturbed; of a run record, whose seconds and date are its own, all that was measured.
`bench/kills.py` does the same to `kb links` and `kb enrich`.
"""

import argparse
import contextlib
import hashlib
import json
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

ROOT = Path(__file__).resolve().parents[2]
INVENTED = ROOT / "tests" / "data" / "kb"
COMMANDS = ("features", "make", "publish", "repro")
MEASURED = ("id", "config_hash", "metrics", "intervals", "ranks")  # of a run record
KEPT = {"features": {"videos"}, "repro": {"cache"}}  # folders beside the output


def command(name: str, place: Path) -> list[str]:
    """The command line; its files go to `place / "out"`."""
    out = str(place / "out")
    videos = str(place / "videos")
    return {
        "features": ["features", videos, "--backbone", "diorama", "--fps", "5", "--out", out],
        "make": ["data", "make", "diorama-msrvtt", "--size", "tiny", "--out", out],
        "publish": ["publish", "-C", str(INVENTED), "--out", out, "--no-mkdocs"],
        "repro": [
            "-C", out, "repro", "w2vvpp", "--size", "tiny", "--seed", "0", "--epochs", "2",
            "--device", "cpu",
        ],
    }[name]  # fmt: skip


def prepare(name: str, place: Path) -> None:
    """What the command reads; for `repro`, the records without any run, and a cache of its own."""
    if name == "features" and not (place / "videos").exists():
        (place / "videos").mkdir()
        pixels = np.random.default_rng(0).integers(255, size=(24, 32, 32, 3), dtype=np.uint8)
        for number in range(12):
            write_video(place / "videos" / f"v{number}.avi", np.roll(pixels, number, 0), 8, LOSSY)
    if name == "publish":
        import kb.publish.publishing  # noqa: PLC0415  (loaded once, before the forks)
    if name == "repro":
        import torch  # noqa: PLC0415  (loaded once, before the forks)

        import kb.repro.reproduce  # noqa: F401, PLC0415  (the same)

        torch.set_num_threads(1)
        os.environ["KB_CACHE"] = str(place / "cache")
        (place / "out" / "data").mkdir(parents=True)
        (place / "out" / "models").symlink_to(ROOT / "models")
        for path in (ROOT / "data").glob("*.yaml"):
            shutil.copy(path, place / "out" / "data")


def attempt(line: list[str], seconds: float | None) -> bool:
    """Run in a fork, killed after so many seconds; whether it finished. SystemExit where it failed."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            os._exit(run(line))
        if seconds is not None:
            time.sleep(seconds)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"exit code {os.WEXITSTATUS(status)}: kb {' '.join(line)}: {last}")
    return os.WIFEXITED(status)


def digest(name: str, place: Path) -> str:
    """Names and bytes of everything in the output but locks and marks; of runs, what was measured."""
    folder = place / "out"
    total = hashlib.sha256()
    if name == "repro":
        for path in sorted(folder.glob("data/results/*/*")):
            record = json.loads(path.read_bytes())
            total.update(json.dumps([record[field] for field in MEASURED]).encode())
        if list(place.glob("cache/partial/*/*.pt")):
            raise SystemExit("repro: a checkpoint is left")
        return total.hexdigest()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".lock"):
            total.update(f"\0{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def kill_often(name: str, times: int, rng: random.Random, until: float) -> tuple[int, int]:
    """Runs killed, so many unless time is over, and runs finished; SystemExit where bytes differ."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        line = command(name, place)
        prepare(name, place)
        if name == "repro":  # makes the world, so that the time below is that of training
            attempt(line, None)
            afresh(name, place)
        began = time.perf_counter()
        attempt(line, None)
        usual = time.perf_counter() - began
        reference = digest(name, place)
        afresh(name, place)
        killed = finished = 0
        while killed < times and time.monotonic() < until:
            if attempt(line, rng.uniform(0, 1.3 * usual)):
                finished += 1
                compare(name, place, reference, killed)
                afresh(name, place)
            else:
                killed += 1
        attempt(line, None)
        compare(name, place, reference, killed)
        left = (
            {path.name for path in place.iterdir()} - {"out", ".out.lock"} - KEPT.get(name, set())
        )
        if left:
            raise SystemExit(f"{name}: left {', '.join(sorted(left))}")
    return killed, finished


def afresh(name: str, place: Path) -> None:
    """Take away the output."""
    shutil.rmtree(place / "out")
    prepare(name, place)


def compare(name: str, place: Path, reference: str, killed: int) -> None:
    """SystemExit where the output is not that of a run that nobody disturbed."""
    if digest(name, place) != reference:
        raise SystemExit(f"{name}: other bytes after {killed} kills")


def main() -> int:
    """Print a line per command; 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(COMMANDS))
    parser.add_argument("--times", type=int, default=200, help="runs killed of each command")
    parser.add_argument("--minutes", type=float, default=60, help="of a command at most")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name in given.names or COMMANDS:
        until = time.monotonic() + 60 * given.minutes
        killed, finished = kill_often(name, given.times, random.Random(given.seed), until)
        sys.stdout.write(f"{name}: {killed} killed, {finished} finished, nothing lost\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
