"""Every parser reads or refuses a few changed inputs; `make fuzz` feeds each for ten minutes."""

import random
from pathlib import Path

import pytest

from tests.fuzz.mutate import fuzz, mutated
from tests.fuzz.parsers import PARSERS, Parser

NEEDS = {"hdf5": "h5py", "video": "av", "pth": "torch"}


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_changed_inputs_are_read_or_refused(parser: Parser, tmp_path: Path) -> None:
    """Thirty inputs: values or one line, in seconds and in a few hundred megabytes."""
    if parser.name in NEEDS:
        pytest.importorskip(NEEDS[parser.name])
    came = fuzz(parser, 20, tmp_path, most=30)
    assert came.fault == ""
    assert came.inputs > 0


def fails(_data: bytes, _folder: Path) -> None:
    """A parser with a fault."""
    raise ZeroDivisionError


def test_a_fault_is_told_with_its_input(tmp_path: Path) -> None:
    """An exception that is not a user's is named, and the input stays behind."""
    came = fuzz(Parser("x", fails, lambda: [b"abc"]), 20, tmp_path, most=5)
    assert "ZeroDivisionError" in came.fault
    assert came.inputs == 0
    assert came.crash is not None
    assert came.crash.exists()


def test_a_loop_without_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor time is counted, in a child that is ended."""
    monkeypatch.setattr("tests.fuzz.mutate.SLOWEST", 0.2)

    def hangs(_data: bytes, _folder: Path) -> None:
        while True:
            pass

    assert fuzz(Parser("x", hangs, lambda: [b"abc"]), 20, tmp_path).fault == "SIGVTALRM"


def test_the_same_seed_gives_the_same_inputs() -> None:
    """A fault that was found is found again."""
    drawn = [[mutated([b"abc", b"de"], [b"x"], random.Random(1)) for _ in range(3)] for _ in "ab"]
    assert drawn[0] == drawn[1]
