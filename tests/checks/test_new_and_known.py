"""`--base`: only what is new blocks, however lines have moved; the base is a file or a revision."""

import subprocess
from pathlib import Path

import pytest

from kb.checks import lint
from kb.records import KBError

OLD = (
    "# A List\n## Papers\n### 2020\n"
    "* `[Ash et al. CVPR20]` Slow Lanterns for Video Search. CVPR, 2020. [[paper]](link)\n"
    "* `[Oak et al. BMVC20]` Reading Ships from Above the Clouds. MBVC, 2020. [[code]](https://github.com/oak/s)\n"
)
NEW_LINE = "* `[Elm et al. CVPR19]` A Third Paper about Trees. CVPR, 2019. [[code]](link)\n"


def git(folder: Path, *words: str) -> None:
    """Run git as somebody."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The old list in a file."""
    path = tmp_path / "old.md"
    path.write_text(OLD, encoding="utf-8")
    return path


def blocking(text: str, base: Path | str, folder: Path) -> list[tuple[int, str]]:
    """Lines and rules that block."""
    file = folder / "README.md"
    file.write_text(text, encoding="utf-8")
    report = lint(file, base=str(base))
    return [(f.line, f.rule) for f in report.findings if f.severity == "error"]


def test_what_stood_in_the_base_does_not_block(base: Path, tmp_path: Path) -> None:
    """The same list has findings and no error among them."""
    assert [f.severity for f in lint(base).findings].count("error") == 2
    assert blocking(OLD, base, tmp_path) == []


def test_a_new_entry_blocks_with_its_own_problems(base: Path, tmp_path: Path) -> None:
    """Wherever it is put, and though older lines move down."""
    text = OLD.replace("### 2020\n", f"### 2020\n{NEW_LINE}")

    assert blocking(text, base, tmp_path) == [
        (4, "year_section_mismatch"),
        (4, "placeholder_link"),
    ]


def test_moving_and_reformatting_old_entries_blocks_nothing(base: Path, tmp_path: Path) -> None:
    """Entries are recognised by words, title or link, not by their lines."""
    head, papers = OLD.split("### 2020\n")
    first, second = papers.splitlines(keepends=True)
    text = f"{head}Some prose.\n\n### 2020\n\n{second.replace('* ', '-   ')}\n\n{first}"

    assert blocking(text, base, tmp_path) == []


def test_a_second_problem_of_a_rule_in_an_old_entry_is_new(base: Path, tmp_path: Path) -> None:
    """An entry may have as many findings of a rule as it had."""
    text = OLD.replace("[[paper]](link)", "[[paper]](link) [[code]](todo)")

    assert blocking(text, base, tmp_path) == [(4, "placeholder_link")]


def test_the_base_may_be_a_revision(tmp_path: Path) -> None:
    """A branch, a tag or a commit; the file is taken as it stood there."""
    (tmp_path / "README.md").write_text(OLD, encoding="utf-8")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "old")

    assert blocking(OLD + NEW_LINE, "main", tmp_path) == [
        (6, "year_section_mismatch"),
        (6, "placeholder_link"),
    ]


def test_all_of_a_file_that_is_new_is_new(tmp_path: Path) -> None:
    """A list that the revision does not have has no known problems."""
    (tmp_path / "other.txt").write_text("x", encoding="utf-8")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "old")

    assert len(blocking(OLD, "HEAD", tmp_path)) == 2


@pytest.mark.parametrize("name", ["--output=x", "no-such-branch", "a b", ""])
def test_what_is_neither_a_file_nor_a_revision_is_refused(name: str, tmp_path: Path) -> None:
    """One line; nothing that git could take for an option reaches it."""
    (tmp_path / "README.md").write_text(OLD, encoding="utf-8")
    git(tmp_path, "init", "-q")

    with pytest.raises(KBError, match="neither a file nor a revision") as refused:
        lint(tmp_path / "README.md", base=name)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) != []
    assert not (tmp_path / "x").exists()
