"""`kb parse` from the outside: the JSON of the contract, standard input, one line for a bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SEED = Path(__file__).resolve().parents[1] / "data" / "lists" / "seed.md"
FIELDS = ["line", "end_line", "kind", "section", "raw", "label", "first_author", "authors", "et_al", "venue",
          "year", "title", "links", "arxiv", "arxiv_version", "doi"]  # fmt: skip


def kb(folder: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `kb` in a folder."""
    command = [sys.executable, "-m", "kb", *words]
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, check=False)


def test_json_is_a_list_of_entries_with_every_field(tmp_path: Path) -> None:
    """Sixty-five entries of the first list, from a folder that is no knowledge base."""
    done = kb(tmp_path, "parse", str(SEED), "--json")

    entries = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stderr == b""
    assert len(entries) == 65
    assert all(sorted(entry) == sorted(FIELDS) for entry in entries)
    assert all(set(link) == {"kind", "url"} for entry in entries for link in entry["links"])


def test_standard_input_is_read_as_a_file_is(tmp_path: Path) -> None:
    """`-` and the file give the same bytes."""
    piped = kb(tmp_path, "parse", "-", "--json", given=SEED.read_bytes())

    assert piped.stdout == kb(tmp_path, "parse", str(SEED), "--json").stdout


def test_a_list_of_another_base_is_read_with_that_bases_venues(tmp_path: Path) -> None:
    """The venues and typos of data/venues.yaml count where the command runs."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text("[]\n", encoding="utf-8")
    (tmp_path / "data" / "venues.yaml").write_text(
        "venues:\n  LampConf: {kind: conference, names: [Conference on Lamps]}\ntypos: {LmapConf: LampConf}\n",
        encoding="utf-8",
    )
    text = "* A Title of It. Conference on Lamps, 2020.\n* Another Title of It. LmapConf, 2021.\n"

    found = json.loads(kb(tmp_path, "parse", "-", "--json", given=text.encode()).stdout)

    assert [entry["venue"] for entry in found] == ["LampConf", "LampConf"]


def test_nothing_is_written(tmp_path: Path) -> None:
    """The folder is as it was."""
    (tmp_path / "list.md").write_bytes(SEED.read_bytes())
    kb(tmp_path, "parse", "list.md")

    assert [path.name for path in tmp_path.iterdir()] == ["list.md"]


def test_for_people_a_row_an_entry_and_a_line_of_counts(tmp_path: Path) -> None:
    """Line, kind, venue, year, author and title."""
    lines = kb(tmp_path, "parse", str(SEED)).stdout.decode().splitlines()

    assert len(lines) == 66
    assert lines[17].split()[:5] == ["65", "paper", "TPAMI", "2021", "Dong"]
    assert (
        lines[-1] == "65 entries: 12 implementations, 1 toolkit, 42 papers, 1 pointer, 9 datasets"
    )


@pytest.mark.parametrize(
    "given", [b"", b"\n\n", b"\xef\xbb\xbf", b"# Nothing here\n\nJust prose.\n"]
)
def test_a_text_without_entries_gives_none(tmp_path: Path, given: bytes) -> None:
    """An empty list and exit code 0."""
    done = kb(tmp_path, "parse", "-", "--json", given=given)

    assert (done.returncode, json.loads(done.stdout)) == (0, [])


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("parse", "none.md"), b"", b"none.md"),
        (("parse", "."), b"", b"folder"),
        (("parse", "-"), b"* a\nb\0c", b"standard input:2"),
        (("parse", "-"), b"* a\n* caf\xe9\n", b"standard input:2"),
    ],
)
def test_a_bad_input_is_one_line_and_exit_code_two(
    tmp_path: Path, words: tuple[str, ...], given: bytes, said: bytes
) -> None:
    """What and where (file and line); no trace, nothing on standard output."""
    done = kb(tmp_path, *words, "--json", given=given)

    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
