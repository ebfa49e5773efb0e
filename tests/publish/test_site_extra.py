"""The site is built with its extra alone, on a machine without torch."""

import subprocess
import sys
from pathlib import Path

INVENTED = Path(__file__).resolve().parents[1] / "data" / "kb"
OTHERS = ["torch", "numba", "jaxtyping", "threadpoolctl", "snowballstemmer", "h5py", "av", "ray"]
WITHOUT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {OTHERS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from kb.cli import run
sys.exit(run(sys.argv[1:]))
"""


def test_pages_are_made_without_the_libraries_of_other_extras(tmp_path: Path) -> None:
    """Everything that `kb publish` writes before mkdocs, exports and models' pages among it."""
    call = ["publish", "--no-mkdocs", "--out", str(tmp_path / "out"), "-C", str(INVENTED)]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *call], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "docs" / "index.md").is_file()


def test_a_command_of_another_extra_names_it(tmp_path: Path) -> None:
    """One line, exit code 4."""
    call = [sys.executable, "-c", WITHOUT, "-C", str(tmp_path), "repro", "dual-encoding"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "[repro]'" in done.stderr
