"""A real process, interrupted from the keyboard, goes on to the numbers it would have given."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from kb.cli import run
from kb.datasets import cache

ROOT = Path(__file__).resolve().parents[2]
LINE = ["repro", "dual-encoding", "--size", "tiny", "--epochs", "3"]
CALL = [sys.executable, "-m", "kb", *LINE]
PATIENCE = 120.0  # seconds


@pytest.fixture
def environment(base) -> dict[str, str]:
    """The base is the knowledge base; the package is found where it lies."""
    return {**os.environ, "KB_ROOT": str(base), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def checkpoints(base: Path) -> list[Path]:
    """Checkpoints of a knowledge base's runs, in the cache."""
    folder = sha256(str((base / "data").resolve()).encode()).hexdigest()[:12]
    return list((cache.home() / "partial" / folder).glob("*.pt"))


def records(base: Path, model: str) -> list[Path]:
    """Records of a model."""
    return list((base / "data" / "results" / model).glob("*.json"))


def interrupted_in_epoch(number: int, environment: dict[str, str], *more: str) -> int:
    """Start the run, press Ctrl-C once the model's epoch is told; its exit code.

    The last line says that nothing is lost, and nothing of a trace is shown.
    """
    with subprocess.Popen(
        [*CALL, *more], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + PATIENCE
        for line in process.stderr:
            assert time.monotonic() < end
            if f"dual-encoding seed 0: epoch {number}/" in line:
                process.send_signal(signal.SIGINT)
        assert line == "kb: interrupted; finished work is saved, run the same command to resume\n"
        return process.wait(PATIENCE)


def test_ctrl_c_keeps_what_was_done_and_the_next_call_ends_the_same(
    base, environment, capsys
) -> None:
    """Interrupted after an epoch and run again, the record has the uninterrupted run's numbers."""
    assert interrupted_in_epoch(1, environment) == 130
    assert records(base, "dual-encoding") == []
    assert len(checkpoints(base)) == 1

    assert run(LINE) == 0
    told = capsys.readouterr().err.partition("dual-encoding seed")[2]
    assert re.search(r"^ 0: goes on after epoch [12]/3$", told, re.MULTILINE)
    assert "epoch 3/3" in told
    assert ": epoch 1/" not in told
    assert checkpoints(base) == []
    resumed = [json.loads(path.read_text()) for path in records(base, "dual-encoding")]

    for path in records(base, "dual-encoding"):
        path.unlink()
    assert run(LINE) == 0
    whole = [json.loads(path.read_text()) for path in records(base, "dual-encoding")]

    assert len(resumed) == len(whole) == 1
    for field in ("id", "metrics", "ranks", "intervals"):
        assert resumed[0][field] == whole[0][field]
    curves = [
        [(row["loss"], row["SumR"]) for row in one["curve"]] for one in (resumed[0], whole[0])
    ]
    assert curves[0] == curves[1]


def test_ctrl_c_ends_runs_side_by_side(base, environment) -> None:
    """With two jobs the command ends at once, keeps both checkpoints' runs, leaves no record half."""
    assert interrupted_in_epoch(1, environment, "--seed", "0,1", "--jobs", "2") == 130
    assert run([*LINE, "--seed", "0,1"]) == 0
    assert len(records(base, "dual-encoding")) == 2


def test_a_damaged_partial_is_started_afresh(base, environment, capsys) -> None:
    """A checkpoint cut short does not stop the run: it begins again."""
    assert interrupted_in_epoch(1, environment) == 130
    partial = checkpoints(base)[0]
    partial.write_bytes(partial.read_bytes()[:1000])
    assert run(LINE) == 0
    assert "dual-encoding seed 0: epoch 1/3" in capsys.readouterr().err
    assert len(records(base, "dual-encoding")) == 1


@pytest.mark.parametrize("missing", ["torch", "numpy"])
def test_without_the_extra_one_line_names_it(tmp_path, environment, missing: str) -> None:
    """Where torch or numpy is not installed: what to install, exit code 4, no trace."""
    (tmp_path / f"{missing}.py").write_text(
        f"raise ModuleNotFoundError('No module named {missing}', name='{missing}')\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        CALL, env={**environment, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "pip install 'kb-video-text-retrieval[repro]'" in done.stderr


def test_any_command_that_needs_a_library_names_its_extra(tmp_path, environment) -> None:
    """`kb data list` where numpy is not installed: the same one line."""
    (tmp_path / "numpy.py").write_text("raise ModuleNotFoundError(name='numpy')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    call = [sys.executable, "-m", "kb", "data", "list"]
    done = subprocess.run(
        call, env={**environment, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "pip install 'kb-video-text-retrieval[repro]'" in done.stderr


def test_the_light_commands_need_no_torch(tmp_path, environment) -> None:
    """`kb --help` and `kb status` run where torch and numpy are not installed."""
    for name in ("torch", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError(name='{name}')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    for words in (["--help"], ["status", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "kb", *words],
            env={**environment, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
