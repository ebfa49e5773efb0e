"""`kb lint --fix`: the fixes that change no meaning, once, in place."""

from pathlib import Path

import pytest

from kb.checks import fix, lint, rules
from kb.lists import parse

SEED = Path(__file__).resolve().parents[1] / "data" / "lists" / "seed.md"


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """The first list, in a file of its own."""
    path = tmp_path / "README.md"
    path.write_bytes(SEED.read_bytes())
    return path


def test_every_safe_fix_is_made_and_listed(seed: Path) -> None:
    """What was safe to fix is gone, what was not still stands."""
    safe = {rule.id for rule in rules() if rule.fixes}
    before = lint(seed).findings

    report = fix(seed)

    assert {f.rule for f in report.fixed} == {f.rule for f in before if f.edits}
    assert [f for f in report.findings if f.edits] == []
    others = [(f.rule, f.line) for f in before if f.rule not in safe]
    assert [(f.rule, f.line) for f in report.findings if f.rule not in safe] == others


def test_a_second_run_changes_no_byte(seed: Path) -> None:
    """Mending is finished when it ends."""
    fix(seed)
    once = seed.read_bytes()

    assert fix(seed).fixed == []
    assert seed.read_bytes() == once


def test_fixes_change_no_title_author_venue_or_year(seed: Path) -> None:
    """But for the stray space in one title, every entry stays the same."""
    before = parse(seed.read_text(encoding="utf-8"))
    fix(seed)
    after = parse(seed.read_text(encoding="utf-8"))

    def fields(entry):
        title = (entry.title or "").replace("video+ language", "video+language")
        return title, entry.authors, entry.venue, entry.year, entry.arxiv, entry.line

    assert [fields(e) for e in before] == [fields(e) for e in after]


def test_a_fixed_line_is_right(seed: Path) -> None:
    """Marker, version, http and spacing are fixed; the placeholder is left to a person."""
    fix(seed)
    lines = seed.read_text(encoding="utf-8").split("\n")

    assert "Video Clip Retrieval. arXiv preprint" in lines[55]
    assert "(https://arxiv.org/pdf/2104.08860.pdf)" in lines[55]
    assert lines[75].endswith("[[code]](https://github.com/gabeur/mmt) [[homepage]](link)")
    assert "(https://openaccess.thecvf.com/content_CVPR_2020/papers/Chen" in lines[83]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_stay(seed: Path, ends: str, mark: str) -> None:
    """Only the fixed pieces differ."""
    plain = SEED.read_text(encoding="utf-8")
    seed.write_bytes((mark + plain.replace("\n", ends)).encode())
    fix(seed)
    done = seed.read_bytes().decode()

    seed.write_text(plain, encoding="utf-8")
    fix(seed)
    assert done == mark + seed.read_text(encoding="utf-8").replace("\n", ends)


def test_a_clean_list_is_not_written(tmp_path: Path) -> None:
    """No finding, no write: the file's time stands."""
    path = tmp_path / "README.md"
    path.write_text("# A List\n\nNothing here.\n", encoding="utf-8")
    stamp = path.stat().st_mtime_ns

    assert fix(path).fixed == []
    assert path.stat().st_mtime_ns == stamp
