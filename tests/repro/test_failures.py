"""A run that fails is recorded with its reason and made again; a killed worker is replaced."""

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from kb.cli import run
from kb.records.errors import KBError
from kb.repro import checkpoint
from kb.repro import run as runs

ROOT = Path(__file__).resolve().parents[2]
TINY = ["repro", "dual-encoding", "--size", "tiny", "--epochs", "1"]
CALL = [sys.executable, "-m", "kb", *TINY[:4]]


def records_of(base: Path) -> dict[str, dict]:
    """Every record by its name."""
    return {p.stem: json.loads(p.read_text()) for p in (base / "data/results").rglob("*.json")}


@pytest.fixture
def environment(base) -> dict[str, str]:
    """The base is the knowledge base; the package is found where it lies."""
    return {**os.environ, "KB_ROOT": str(base), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


FAULTS = {
    "memory": (MemoryError(), "out of memory"),
    "device memory": (torch.OutOfMemoryError("CUDA out of memory. Tried 2 GiB"), "Tried 2 GiB"),
    "processor memory": (
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
        "out of memory",
    ),
    "full disk": (OSError(errno.ENOSPC, "No space left on device"), "No space left"),
    "loss": (KBError("the loss is nan in epoch 3"), "the loss is nan in epoch 3"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_run_is_recorded_with_its_reason(base, capsys, monkeypatch, fault: str) -> None:
    """One record says why, beside the name the run will have; one line, exit code 4."""
    error, reason = FAULTS[fault]

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(runs, "execute", fails)
    assert run([*TINY, "--json"]) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "failed"
    assert "2 of 2 runs failed" in captured.err.splitlines()[-1]
    records = records_of(base)
    assert len(records) == 2
    for name, record in records.items():
        assert re.fullmatch(
            r"diorama-msrvtt-tiny\.full\.s0\.[0-9a-f]{8}\.[0-9a-f]{6}\.failed-1", name
        )
        assert record["id"] == name
        assert record["status"] == "failed"
        assert reason in record["reason"]
        assert record["metrics"] == {}
    run(TINY)  # for the same reason again: told once
    assert records_of(base) == records


def test_a_fault_of_the_program_is_no_record(base, monkeypatch) -> None:
    """What is neither memory, disk nor loss is not written down as a result."""

    def fails(*_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(runs, "execute", fails)
    assert run(TINY) == 2
    assert records_of(base) == {}


@pytest.mark.slow
def test_a_failed_run_is_made_again(base, capsys, monkeypatch) -> None:
    """Once there is room the same command makes the run; the failure stays on record."""

    def fails(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(runs, "execute", fails)
        assert run(TINY) == 4
    assert "2 of 2 runs failed, the first: bow-mean, out of memory" in capsys.readouterr().err
    assert run(TINY) == 0
    assert sorted(record["status"] for record in records_of(base).values()) == [
        "done",
        "done",
        "failed",
        "failed",
    ]


@pytest.mark.slow
def test_a_disk_that_takes_no_checkpoint_fails_the_run(base, environment) -> None:
    """A real process whose files may not grow: the run fails with the system's reason."""

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))

    done = subprocess.run(
        [*CALL, "--epochs", "1"],
        env=environment,
        preexec_fn=small_files,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    failed = [record for record in records_of(base).values() if record["status"] == "failed"]
    assert [record["model"] for record in failed] == ["dual-encoding"]
    assert "the checkpoint cannot be written (File too large)" in failed[0]["reason"]
    assert list(base.rglob("*.tmp")) == []


def test_a_folder_that_takes_no_file_is_named(tmp_path) -> None:
    """A checkpoint whose folder is a file: one line, and nothing left behind."""
    (tmp_path / "results").touch()
    with pytest.raises(KBError, match="the checkpoint cannot be written"):
        checkpoint.save(tmp_path / "results" / "a.pt", {"a": torch.ones(3)})
    assert [p.name for p in tmp_path.iterdir()] == ["results"]


def test_a_save_that_fails_keeps_the_checkpoint_before(tmp_path, monkeypatch) -> None:
    """The old checkpoint stands whole when the new one does not fit."""
    checkpoint.save(tmp_path / "a.pt", {"a": torch.ones(3)})

    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc] unexpected pos") from OSError(
            errno.ENOSPC, "No space left on device"
        )

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(KBError, match="No space left on device"):
        checkpoint.save(tmp_path / "a.pt", {"a": torch.zeros(3)})
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt"]
    assert checkpoint.load(tmp_path / "a.pt")["a"].sum() == 3


def workers(parent: int) -> list[int]:
    """The processes that a command started to train in."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat, line = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == parent and b"spawn_main" in line:
            processes.append(int(folder.name))
    return processes


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes by /proc")
def test_a_killed_worker_is_replaced_and_its_run_goes_on(base, environment) -> None:
    """Killed in the second epoch, the run is begun again from its checkpoint and recorded."""
    call = [*CALL, "--epochs", "3", "--seed", "0,1", "--jobs", "2"]
    lines, killed, end = [], [], time.monotonic() + 250
    with subprocess.Popen(call, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            assert time.monotonic() < end
            lines.append(line)
            if not killed and re.match(r"dual-encoding seed \d: epoch 1/3", line):
                killed = workers(process.pid)
                for worker in killed:
                    os.kill(worker, signal.SIGKILL)
    assert process.returncode == 0
    assert killed
    text = "".join(lines)
    assert text.count("by signal 9 (SIGKILL), begun again") == len(killed)
    assert {record["status"] for record in records_of(base).values()} == {"done"}
    assert len(records_of(base)) == 4
    # The interrupted run's first epoch was told once: it went on, it did not start over.
    number = re.search(r"dual-encoding seed (\d): epoch 1/3", text)[1]
    assert text.count(f"dual-encoding seed {number}: epoch 1/3") == 1
    assert list(base.rglob("*.partial*")) == []
