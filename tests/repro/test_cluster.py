"""Runs over a real Ray cluster of two nodes on this machine: same records, dead workers replaced."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from kb.cli import run
from kb.datasets import cache

pytest.importorskip("ray", reason="Ray is not installed: the extra `cluster`")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds workers by /proc"),
]
ROOT = Path(__file__).resolve().parents[2]
CALL = [sys.executable, "-m", "kb", "repro", "dual-encoding", "--size", "tiny"]
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_worker_niceness": "0",  # else workers starve beside other tests
    "OMP_NUM_THREADS": "1",
}


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def node(*words: str, environment: dict[str, str]) -> subprocess.Popen:
    """A Ray node of one processor that lasts as long as its process."""
    start = ["from ray.scripts.scripts import main; main()", "start", "--block", "--num-cpus=1"]
    return subprocess.Popen(
        [sys.executable, "-c", *start, "--disable-usage-stats", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture
def environment(base, tmp_path) -> dict[str, str]:
    """The package is found on every node; checkpoints of workers lie under the test."""
    return {**os.environ, **QUIET, "KB_ROOT": str(base), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def cluster(environment):
    """A head and a second node, on loopback; both are ended by their ids."""
    address = f"127.0.0.1:{free_port()}"
    host, port = address.split(":")
    own = [f"--node-ip-address={host}", "--object-store-memory=100000000"]
    head = node(
        "--head", f"--port={port}", "--include-dashboard=false", *own, environment=environment
    )
    nodes = [head]
    try:
        wait_until(lambda: listens(address))
        nodes.append(node(f"--address={address}", *own, environment=environment))
        wait_until(lambda: both_live(address, environment))
        yield address, nodes
    finally:
        for one in reversed(nodes):
            one.terminate()
        for one in reversed(nodes):
            one.wait(60)


def wait_until(holds, patience: float = 150.0) -> None:
    """Look ten times a second."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, "the cluster did not start"
        time.sleep(0.1)


def listens(address: str) -> bool:
    """Whether the head's port answers."""
    host, port = address.split(":")
    with closing(socket.socket()) as one:
        one.settimeout(1.0)
        return one.connect_ex((host, int(port))) == 0


def both_live(address: str, environment: dict[str, str]) -> bool:
    """Whether the cluster answers and counts two nodes, soon."""
    script = (
        f"import ray, time; ray.init({address!r}, logging_level='ERROR'); end = time.time() + 60\n"
        "while len(ray.nodes()) < 2 and time.time() < end: time.sleep(0.1)\n"
        "print(len(ray.nodes()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and done.stdout.split()[-1:] == ["2"]


def training(nodes: list[subprocess.Popen]) -> list[int]:
    """The processes in which our runs are made, on nodes that are ours."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::") and b"kb dual" in line and session in {n.pid for n in nodes}:
            processes.append(int(folder.name))
    return processes


def trained_since(moment: float) -> bool:
    """Whether a worker has saved an epoch of its training since then."""
    saved = cache.home() / "partial" / sha256(b"cluster").hexdigest()[:12]
    return any(one.stat().st_mtime > moment for one in saved.glob("dual-encoding.*.pt"))


def records(base: Path) -> dict[str, dict]:
    """Every record by model and name."""
    return {
        f"{p.parent.name}/{p.stem}": json.loads(p.read_text())
        for p in (base / "data/results").rglob("*.json")
    }


def test_two_nodes_make_the_records_of_one_machine_though_a_worker_is_killed(
    base, cluster, environment
) -> None:
    """Four runs over two nodes, one worker killed while it trains: four records, the same numbers."""
    address, nodes = cluster
    call, began = [*CALL, "--epochs", "3", "--seed", "0,1", "--json"], time.time()
    with subprocess.Popen(
        [*call, "--engine", "ray", "--address", address],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: trained_since(began) or process.poll() is not None)
        killed = training(nodes)[:1]
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    assert killed
    assert json.loads(out)["status"] == "done"
    over = records(base)
    assert len(over) == 4

    for path in (base / "data/results").rglob("*.json"):
        path.unlink()
    assert run(call[3:]) == 0
    here = records(base)
    assert over.keys() == here.keys()
    for name, record in over.items():
        assert record["metrics"] == here[name]["metrics"]
        assert record["ranks"] == here[name]["ranks"]


def test_a_cluster_that_is_not_there_is_named(base, capsys) -> None:
    """One line with the address, exit code 4, nothing recorded."""
    address = f"127.0.0.1:{free_port()}"
    assert run([*CALL[3:], "--epochs", "1", "--engine", "ray", "--address", address]) == 4
    assert f"{address}: no Ray cluster answers" in capsys.readouterr().err.splitlines()[-1]
    assert not (base / "data/results").exists()
