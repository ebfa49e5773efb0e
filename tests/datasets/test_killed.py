"""Features, generated data and the site survive kills: the next run finishes with the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["features", "publish"])
def test_a_command_that_is_killed_loses_nothing(name):
    """Two kills at random moments; `make fuzz` does two hundred of each, `kb data make` too."""
    pytest.importorskip("av")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.kills", name, "--times", "2"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "nothing lost" in done.stdout
