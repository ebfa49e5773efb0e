"""Feed changed inputs to every parser, for some minutes each: a line per parser, 1 where one failed.

`python -m tests.fuzz [lists|yaml|pickle ...] --minutes 10`. An input that crashed a parser, took too
long or raised anything but a user's error is left in the folder named by `--out`. `--guided` feeds
the lists with coverage as the guide instead; it needs atheris (wheels for Linux on x86-64).
"""

import argparse
import importlib
import shutil
import sys
from pathlib import Path

from tests.fuzz.mutate import fuzz
from tests.fuzz.parsers import PARSERS
from tests.fuzz.target import SEEDS, TOKENS

LONGEST = 4096  # bytes of an input
SLOWEST = 20  # seconds of one input, on a busy machine


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(one.name for one in PARSERS))
    parser.add_argument("--minutes", type=float, default=10, help="of each parser")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--guided", action="store_true")
    return parser.parse_args()


def corpus(folder: Path) -> Path:
    """The lists of tests/data in small pieces, and a dictionary of the marks that lists use."""
    inputs = folder / "corpus"
    inputs.mkdir(parents=True, exist_ok=True)
    for source in SEEDS:
        text = source.read_bytes()
        for number, start in enumerate(range(0, len(text), LONGEST // 4)):
            piece = text[start : start + LONGEST // 4]
            (inputs / f"{source.stem}-{number}").write_bytes(piece)
    quoted = ("".join(f"\\x{byte:02x}" for byte in token.encode()) for token in TOKENS)
    (folder / "tokens.dict").write_text("".join(f'"{token}"\n' for token in quoted))
    return inputs


def guided(given: argparse.Namespace) -> int:
    """Run atheris over the lists; it ends the process with 77 at a crash."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write("atheris is not installed: pip install atheris\n")
        return 4
    with atheris.instrument_imports(include=["kb.lists", "kb.checks"]):
        target = importlib.import_module("tests.fuzz.target")
        target.warm()
    inputs = corpus(given.out)
    options = [
        f"-max_total_time={int(given.minutes * 60)}",
        f"-max_len={LONGEST}",
        f"-timeout={SLOWEST}",
        f"-dict={given.out}/tokens.dict",
        f"-artifact_prefix={given.out}/",
        "-print_final_stats=1",
        str(inputs),
    ]
    atheris.Setup([sys.argv[0], *options], target.one_input)
    atheris.Fuzz()
    return 0


def main() -> int:
    """Run; 0 after the given minutes without a finding."""
    given = arguments()
    shutil.rmtree(given.out, ignore_errors=True)
    if given.guided:
        return guided(given)
    failed = False
    for parser in PARSERS:
        if given.names and parser.name not in given.names:
            continue
        came = fuzz(parser, 60 * given.minutes, given.out, given.seed)
        row = f"{parser.name:<12} {came.inputs:>8} inputs  {came.refused:>8} refused"
        sys.stdout.write(f"{row}  {came.fault and f'{came.fault}: {came.crash}'}".rstrip() + "\n")
        sys.stdout.flush()
        failed |= bool(came.fault)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
