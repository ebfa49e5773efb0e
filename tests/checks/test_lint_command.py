"""`kb lint` from the outside: exit codes, formats, standard input, one line for a bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BAD = "## Papers\n* `[Ash et al. BMVC20]` Slow Lanterns for Video Search. MBVC, 2020. [[paper]](https://a.org/1.pdf)\n"
GOOD = "## Papers\n* `[Ash et al. BMVC20]` Slow Lanterns for Video Search. BMVC, 2020. [[paper]](https://a.org/1.pdf)\n"


def kb(folder: Path, *words: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `kb` in a folder."""
    command = [sys.executable, "-m", "kb", *words]
    return subprocess.run(command, cwd=folder, input=content, capture_output=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a list and no knowledge base."""
    (tmp_path / "README.md").write_text(BAD, encoding="utf-8")
    return tmp_path


def test_errors_are_exit_code_one(folder: Path) -> None:
    """Findings on standard output, the code says that some block."""
    done = kb(folder, "lint", "README.md")

    assert done.returncode == 1
    assert b"README.md:2:57: error venue_typo" in done.stdout
    assert done.stderr == b""


def test_a_list_without_errors_is_exit_code_zero(folder: Path) -> None:
    """Warnings and infos do not block."""
    assert kb(folder, "lint", "-", content=GOOD.encode()).returncode == 0


def test_json_on_standard_output_is_one_document(folder: Path) -> None:
    """`--format json` and `--json` are the same."""
    one, other = (kb(folder, "lint", "-", *form, content=BAD.encode())
                  for form in (("--format", "json"), ("--json",)))  # fmt: skip

    assert one.stdout == other.stdout
    (error,) = [finding for finding in json.loads(one.stdout) if finding["severity"] == "error"]
    assert error["rule"] == "venue_typo"
    assert error["suggestion"] == GOOD.split("\n")[1]


@pytest.mark.parametrize(
    ("words", "content", "message"),
    [
        (("lint", "none.md"), b"", b"none.md"),
        (("lint", "-"), b"\xff\xfe\x00x", b"binary"),
        (("lint", "-"), b"caf\xe9\n", b"not UTF-8"),
        (("lint", "README.md", "--format", "xml"), b"", b"there is no format"),
        (("lint", "README.md", "--base", "nothing"), b"", b"neither a file nor a revision"),
        (("lint", "-", "--fix"), b"", b"needs a file"),
        (("lint", "."), b"", b"folder"),
    ],
)
def test_a_bad_input_is_one_line_and_exit_code_two(
    folder: Path, words: tuple[str, ...], content: bytes, message: bytes
) -> None:
    """What, where, how to fix; no trace, and nothing on standard output."""
    done = kb(folder, *words, content=content)

    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert message in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_fix_fixes_in_place_and_lists_what(folder: Path) -> None:
    """Fixes are listed on standard error; the rest is reported as usual."""
    path = folder / "README.md"
    path.write_text(GOOD.replace("Search. ", "Search[J]. "), encoding="utf-8")

    done = kb(folder, "lint", "README.md", "--fix")

    assert done.returncode == 0
    assert b"fixed README.md:2: citation_marker" in done.stderr
    assert path.read_text(encoding="utf-8") == GOOD
