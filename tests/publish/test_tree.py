"""The folders that publishing owns."""

import pytest

from kb.publish import tree
from kb.records import KBError


def test_unchanged_files_are_left_alone(tmp_path):
    """A second write of the same files touches none of them."""
    folder = tmp_path / "docs"
    assert tree.write(folder, {"a.md": "one", "b/c.json": b"{}"}) == 2
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert tree.write(folder, {"a.md": "one", "b/c.json": b"{}"}) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_what_is_no_longer_made_is_removed_with_its_folder(tmp_path):
    """The folder holds exactly what was written last."""
    folder = tmp_path / "docs"
    tree.write(folder, {"a.md": "one", "b/c.json": b"{}"})
    assert tree.write(folder, {"a.md": "two"}) == 2
    assert sorted(path.name for path in folder.rglob("*")) == [tree.MARK, "a.md"]


def test_a_folder_with_strange_files_is_refused(tmp_path):
    """What others put there is neither mixed with ours nor removed."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "thesis.md").write_text("years of work")
    with pytest.raises(KBError, match="holds files that `kb publish` did not write"):
        tree.write(folder, {"a.md": "one"})
    assert (folder / "thesis.md").read_text() == "years of work"


def test_a_file_in_the_way_is_refused(tmp_path):
    """A file or a link where the folder should be is named."""
    (tmp_path / "docs").write_text("x")
    with pytest.raises(KBError, match="not a folder"):
        tree.write(tmp_path / "docs", {})
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(KBError, match="not a folder"):
        tree.write(tmp_path / "link", {})


def test_a_finished_folder_takes_the_place_of_the_old_one(tmp_path):
    """After the swap the new files stand there, and nothing of the old remains."""
    new, target = tmp_path / "new", tmp_path / "site"
    tree.write(target, {"old.html": "old"})
    new.mkdir()
    (new / "index.html").write_text("new")
    tree.swap(new, target)
    assert sorted(path.name for path in target.iterdir()) == [tree.MARK, "index.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_new_file_takes_the_place_of_a_link_that_leads_nowhere(tmp_path):
    """The file is ours; what the link names is not made, and the folder to a new file is."""
    (tmp_path / "a.md").symlink_to(tmp_path / "elsewhere")
    assert tree.put(tmp_path / "a.md", "one")
    assert not (tmp_path / "a.md").is_symlink()
    assert not (tmp_path / "elsewhere").exists()
    assert tree.put(tmp_path / "b" / "c.md", b"two")
    assert not tree.put(tmp_path / "b" / "c.md", "two")
    assert (tmp_path / "b" / "c.md").stat().st_mode & 0o777 == 0o644


def test_a_link_that_is_no_longer_made_is_removed_and_what_it_leads_to_stays(tmp_path):
    """Links to folders too: nothing outside is touched."""
    outside, folder = tmp_path / "thesis", tmp_path / "docs"
    outside.mkdir()
    (outside / "text.md").write_text("years of work")
    tree.write(folder, {"a.md": "one"})
    (folder / "there").symlink_to(outside)
    assert tree.write(folder, {"a.md": "one"}) == 1
    assert sorted(path.name for path in folder.iterdir()) == [tree.MARK, "a.md"]
    assert (outside / "text.md").read_text() == "years of work"


def test_linked_files_are_one_file_under_two_names(tmp_path):
    """No byte is copied; a later version of one leaves the other as it was."""
    tree.write(tmp_path / "docs", {"api/papers/a.json": "{}", "index.md": "one"})
    tree.link(tmp_path / "docs", tmp_path / "site", ["api/papers/a.json"])
    linked = tmp_path / "site" / "api/papers/a.json"
    assert linked.samefile(tmp_path / "docs/api/papers/a.json")
    tree.write(tmp_path / "docs", {"api/papers/a.json": "[]"})
    assert linked.read_text() == "{}"


def test_where_nothing_can_be_linked_files_are_copied(tmp_path, monkeypatch):
    """A file system without hard links gets files of its own."""
    tree.write(tmp_path / "docs", {"a.json": "{}"})
    monkeypatch.setattr(tree.os, "link", _refused)
    tree.link(tmp_path / "docs", tmp_path / "site", ["a.json"])
    assert (tmp_path / "site" / "a.json").read_text() == "{}"


def _refused(*_):
    raise OSError("no links here")
