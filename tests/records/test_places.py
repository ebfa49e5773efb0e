"""Where things are written: links stay links, odd places and full disks are one line."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from kb.cli import run
from kb.records import Library, atomic, audit
from kb.records.errors import KBError

INVENTED = Path(__file__).resolve().parents[2] / "tests" / "data" / "kb"
LIST = (
    "# Ponds\n\n## Papers\n\n* `[Ash et al. CVPR20]` Slow Lanterns. CVPR, 2020. "
    "[[paper]](http://a.org/1)\n"
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the invented knowledge base, in canonical form."""
    copy = Path(shutil.copytree(INVENTED, tmp_path / "kb"))
    audit.canonicalise(Library(copy))
    return copy


@pytest.mark.parametrize("inside", [True, False])
def test_linked_records_and_a_linked_list_stay_links(tmp_path: Path, inside: bool) -> None:
    """`kb sync` and `kb check --fix` write what the link leads to, within the folder or beyond."""
    base, place = tmp_path / "kb", tmp_path / ("kb/docs" if inside else "elsewhere")
    base.mkdir()
    (base / "README.md").write_text(LIST)
    assert run(["init", str(base)]) == 0
    place.mkdir()
    for name in ("README.md", "data/papers.yaml"):
        shutil.move(base / name, place / Path(name).name)
        (base / name).symlink_to(os.path.relpath(place / Path(name).name, (base / name).parent))
    (place / "README.md").write_text(LIST.replace("Slow", "Two Slow"))
    assert run(["sync", str(base / "README.md"), "-C", str(base)]) == 0
    for name in ("README.md", "data/papers.yaml"):
        assert (base / name).is_symlink()
    assert "Two Slow Lanterns" in (place / "papers.yaml").read_text()
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "papers.yaml"]


def test_a_link_to_a_file_of_another_kind_is_not_written_through(tmp_path: Path) -> None:
    """README.md in a stranger's repository that leads to a shell's settings; a loop; a folder."""
    settings = tmp_path / ".bashrc"
    settings.write_text("mine")
    for target in (settings, tmp_path / "README.md", tmp_path):
        link = tmp_path / "README.md"
        link.symlink_to(target)
        with pytest.raises(KBError, match="is a link"):
            atomic.write(link, b"theirs")
        link.unlink()
    assert settings.read_text() == "mine"
    (tmp_path / "a.md").symlink_to("b.md")
    assert atomic.write(tmp_path / "a.md", b"new")
    assert (tmp_path / "b.md").read_bytes() == b"new"


def test_a_site_is_built_below_the_working_folder(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kb publish --out build`, as the documentation of every such tool has it."""
    pytest.importorskip("material")
    monkeypatch.chdir(base)
    assert run(["publish", "--out", "build"]) == 0
    assert (base / "build/site/index.html").is_file()


@pytest.mark.parametrize("command", [["data", "make", "diorama-msrvtt", "--size", "tiny"]])
@pytest.mark.parametrize("place", ["a file", "no folder"])
def test_a_cache_that_cannot_be_is_one_line(
    tmp_path: Path,
    command: list[str],
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """KB_CACHE is a file; HOME leads nowhere."""
    if place == "a file":
        (tmp_path / "cache").touch()
        monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
    else:
        monkeypatch.delenv("KB_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
        monkeypatch.setenv("HOME", "/proc/nowhere")
    assert run(command) == 4
    line = capsys.readouterr().err
    assert "cannot be written" in line
    assert "set KB_CACHE or --out to a folder with room" in line
    assert line.count("\n") == 1


def test_a_disk_that_is_full_changes_nothing(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records stay as they were, nothing is left beside them, and one line says why."""
    (base / "new.md").write_text(LIST)
    before = {path: path.read_bytes() for path in (base / "data").glob("[!.]*.*")}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", full)
    command = ["sync", str(base / "new.md"), "-C", str(base)]
    assert run(command) != 0
    assert "No space left on device" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (base / "data").glob("[!.]*.*")} == before
    assert run(["export", "json", "-C", str(base), "--out", str(base / "x.json")]) != 0
    assert not (base / "x.json").exists()
    monkeypatch.undo()
    assert run(["export", "json", "-C", str(base), "--out", str(base / "x.json")]) == 0
    assert json.loads((base / "x.json").read_text())


def test_a_list_in_the_place_of_the_folder_is_told_how_to_name_it(tmp_path, monkeypatch, capsys):
    """`kb init README.md` writes nothing, and the line that it says works."""
    monkeypatch.chdir(tmp_path)
    Path("ponds.md").write_text(LIST)
    assert run(["init", "ponds.md"]) == 2
    assert "is a file; init takes a folder; name the list by --list" in capsys.readouterr().err
    assert run(["init", "--list", "ponds.md"]) == 0
    assert len(Library(tmp_path).papers) == 1
