"""One run in two processes is the run of one process: same losses, one record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kb.repro import parallel
from models.parts.batch import Captions
from tests.repro import two_processes

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def launched(*words: str, **environment: str) -> subprocess.CompletedProcess:
    """A program started by torchrun in two processes, speaking over gloo."""
    return subprocess.run(
        [*LAUNCH, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=280,
    )


# 63 captions: shares of 31 and 32, as wide as their own longest caption.
MODELS = {"dual-encoding": 63, "bow-mean": 128}


@pytest.fixture(scope="module")
def together() -> dict[str, dict]:
    """What two processes make of each model, in one start."""
    words = (f"{name}={size}" for name, size in MODELS.items())
    done = launched(str(ROOT / "tests/repro/two_processes.py"), *words)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_gathered_negatives_give_the_loss_of_one_process(together, name: str) -> None:
    """Losses, gradients and batch norm's running means over three steps are those of one process."""
    alone, shared = two_processes.steps(name, MODELS[name]), together[name]
    assert shared["processes"] == 2
    assert shared["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    assert shared["norms"] == pytest.approx(alone["norms"], rel=1e-4)
    assert shared["sum"] == pytest.approx(alone["sum"], rel=1e-4)


@pytest.mark.slow
def test_a_run_of_two_processes_is_recorded_once(base) -> None:
    """Torchrun -m kb repro: one document, one record a run, which says how many made it."""
    call = ["-m", "kb", "repro", "dual-encoding", "--size", "tiny", "--epochs", "1", "--json"]
    document = json.loads(launched(*call, KB_ROOT=str(base)).stdout)
    assert document["status"] == "done"
    records = [json.loads(p.read_text()) for p in (base / "data/results").rglob("*.json")]
    assert sorted(run["model"] for run in records) == ["bow-mean", "dual-encoding"]
    assert {run["machine"]["processes"] for run in records} == {2}


def test_a_share_is_cut_from_every_view_of_a_batch(monkeypatch) -> None:
    """Each process takes its rows of every tensor; sizes differ by one at most, none is lost."""
    words = torch.arange(10).reshape(5, 2)
    batch = Captions(words, words > 3, None)
    monkeypatch.setattr(parallel, "size", lambda: 3)
    shares = []
    for number in range(3):
        monkeypatch.setattr(parallel, "rank", lambda number=number: number)
        share = parallel._share(batch, parallel._rows(batch))
        assert torch.equal(share.mask, share.words > 3)
        assert share.bow is None
        shares.append(share.words)
    assert [len(rows) for rows in shares] == [1, 2, 2]
    assert torch.equal(torch.cat(shares), words)
