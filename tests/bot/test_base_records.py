"""Whose records judge: those of the base, whatever a pull request brings along."""

from pathlib import Path

import pytest

from kb.bot.judge import compare
from kb.bot.versions import base_records
from kb.bot.web import Web
from kb.records import KBError
from tests.bot.pulls import commit, git, repository

LISTED = "* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](http://10.0.0.1/a.pdf)"
SKIPS = 'skip:\n- {url: "*", reason: "trust me"}\n'


def theirs(folder: Path, *, data: bool = True) -> Path:
    """A branch that adds a line, and records of its own; the list."""
    git(folder, "checkout", "-q", "-b", "theirs")
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(text.replace("### 2021\n", f"### 2021\n{LISTED}\n", 1), encoding="utf-8")
    if data:
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / "links-policy.yaml").write_text(SKIPS)
        (folder / "data" / "papers.yaml").write_text("papers: []\n")
    commit(folder, "theirs")
    return readme


def test_the_records_are_those_of_the_base(place: Path) -> None:
    """Of a revision data/ is read as that commit has it; nothing of the head's."""
    before = (place / "data" / "papers.yaml").read_bytes()
    readme = theirs(place)
    with base_records("main", readme) as root:
        assert root is not None
        assert (root / "data" / "papers.yaml").read_bytes() == before
        assert not (root / "data" / "links-policy.yaml").exists()
    assert not root.exists()


def test_a_base_without_records_has_none(tmp_path: Path) -> None:
    """A list that is no knowledge base: a pull request cannot make it one for its own judgement."""
    folder = repository(tmp_path / "list")
    git(folder, "rm", "-q", "-r", "data")
    commit(folder, "no records")
    readme = theirs(folder)
    with base_records("main", readme) as root:
        assert root is None
    web = Web()
    report = compare("main", readme, ask=web)
    assert web.data is None
    assert "link_refused" in [row.rule for row in report.findings if row.severity == "error"]


def test_a_base_file_does_not_bring_the_heads_records(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a file for a base the knowledge base around the head is not asked, nor from inside it."""
    monkeypatch.chdir(place)
    (tmp_path / "base.md").write_bytes((place / "README.md").read_bytes())
    with base_records(str(tmp_path / "base.md"), place / "README.md") as root:
        assert root is None
    (place / "old.md").write_bytes((place / "README.md").read_bytes())
    with base_records(str(place / "old.md"), place / "README.md") as root:
        assert root is None


def test_a_base_file_brings_its_own(place: Path, tmp_path: Path) -> None:
    """The knowledge base around the base file judges a head outside of it."""
    head = tmp_path / "head.md"
    head.write_bytes((place / "README.md").read_bytes())
    with base_records(str(place / "README.md"), head) as root:
        assert root == place.resolve()


def test_links_in_the_bases_records_are_not_followed(place: Path) -> None:
    """What is a symbolic link in the commit is left out."""
    (place / "data" / "links.json").symlink_to("/etc/passwd")
    commit(place, "a link")
    with base_records("main", theirs(place, data=False)) as root:
        assert root is not None
        assert not (root / "data" / "links.json").exists()


def test_a_revision_that_is_none_is_refused(place: Path) -> None:
    """One line, and no folder is left behind."""
    with (
        pytest.raises(KBError, match="neither a file nor a revision"),
        base_records("nothing", place / "README.md"),
    ):
        pass


@pytest.mark.parametrize(
    ("total", "gone", "blocks"),
    [(3, 2, True), (3, 1, False), (2, 1, False), (1, 1, False), (2, 2, True), (30, 5, False), (30, 6, False), (29, 6, True), (40, 8, False), (40, 9, True), (10, 6, True), (10, 5, False)],
)  # fmt: skip
def test_a_mass_deletion_is_an_error(tmp_path: Path, total: int, gone: int, blocks: bool) -> None:
    """More than half, or more than a fifth and more than five; a few are nobody's business."""
    lines = [
        f"* `[Name{n} et al. CVPR20]` Lantern Number {n} Guides Robots. CVPR, 2020. [[paper]](https://arxiv.org/abs/2001.{n:05})"
        for n in range(1, total + 1)
    ]
    for name, rows in (("base.md", lines), ("head.md", lines[gone:])):
        (tmp_path / name).write_text("# L\n\n## Papers\n\n" + "".join(f"{row}\n" for row in rows))
    report = compare(str(tmp_path / "base.md"), tmp_path / "head.md")
    assert report.removed == gone
    assert ("mass_removal" in [row.rule for row in report.findings]) == blocks
    assert report.blocks == blocks


def test_the_form_is_that_of_the_list(tmp_path: Path) -> None:
    """A list without labels is told no form of labels."""
    from kb.bot.comment import FORM, comment  # noqa: PLC0415

    line = (
        "* [Lanterns Guide Robots Home](https://arxiv.org/abs/2001.00011), Ash et al., CVPR 2020\n"
    )
    (tmp_path / "base.md").write_text("# L\n\n## Papers\n\n" + line)
    (tmp_path / "head.md").write_text(
        "# L\n\n## Papers\n\n" + line + "* [](https://arxiv.org/abs/2001.00012)\n"
    )
    report = compare(str(tmp_path / "base.md"), tmp_path / "head.md")
    assert report.form == "other"
    assert FORM not in comment(report)


def test_what_looks_like_an_entry_and_is_not_read_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items with a paper link that give no entry are named by their lines, ten of them."""
    from kb.bot.comment import summary  # noqa: PLC0415
    from kb.bot.formats import text  # noqa: PLC0415

    (tmp_path / "base.md").write_text("# L\n\n## Papers\n\n* x\n")
    monkeypatch.setattr("kb.bot.judge.unread", lambda *_: list(range(1, 13)))
    report = compare(str(tmp_path / "base.md"), tmp_path / "base.md")
    sentence = "12 items with a paper link were not read: lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ..."
    assert sentence in text(report)
    assert sentence in summary(report)
