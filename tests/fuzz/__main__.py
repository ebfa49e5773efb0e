"""Feed mutated lists to parse and lint, guided by coverage, for some minutes.

Needs `pip install atheris` (wheels for Linux on x86-64; no other part of the project uses it).
A crash is written to the folder named by `--out` and ends the run with exit code 77.
"""

import argparse
import importlib
import shutil
import sys
from pathlib import Path

from tests.fuzz.target import SEEDS, TOKENS

LONGEST = 4096  # bytes of an input
SLOWEST = 20  # seconds of one input, on a busy machine


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
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


def main() -> int:
    """Run; 0 after the given minutes without a finding."""
    given = arguments()
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write("atheris is not installed: pip install atheris\n")
        return 4
    with atheris.instrument_imports(include=["kb.lists", "kb.checks"]):
        target = importlib.import_module("tests.fuzz.target")
        target.warm()
    shutil.rmtree(given.out, ignore_errors=True)
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


if __name__ == "__main__":
    sys.exit(main())
