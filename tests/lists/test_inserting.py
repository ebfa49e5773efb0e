"""A new line goes where a list keeps papers of that year; every other line keeps its bytes."""

from pathlib import Path

import pytest

from kb.lists import parse
from kb.lists.inserting import insert
from kb.records import KBError, Link, Paper

SEED = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def paper(year: int) -> Paper:
    """A paper of a year."""
    link = Link(kind="paper", url="https://arxiv.org/abs/2301.00001")
    return Paper(id="new", title="A New Video Paper", authors=["Ada Kestrel", "Bo"], venue="CVPR", year=year, links=[link])  # fmt: skip


@pytest.mark.parametrize(
    ("year", "section"),
    [(2021, "Papers / 2021"), (2019, "Papers / 2019"), (2023, "Papers / 2023"), (2016, "Papers / Before")],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_it_stands_under_its_year(year: int, section: str, end: str) -> None:
    """Behind the entries of the year, under a new heading, or with the nearest years."""
    text = SEED.replace("\n", end)
    after, line = insert(text, paper(year))
    (entry,) = [one for one in parse(after) if one.line == line]
    assert (entry.title, entry.section, entry.year) == ("A New Video Paper", section, year)
    rest = [row for number, row in enumerate(after.split(end), start=1) if number != line]
    assert [row for row in rest if row in SEED.split("\n")] == rest or year == 2023
    assert after.count("\n") == after.count(end)
    kept = after.split(end)
    for row in SEED.split("\n"):
        kept.remove(row)
    label = f"`[Kestrel et al. CVPR{year % 100}]`"
    link = "[[paper]](https://arxiv.org/abs/2301.00001)"
    new = [f"* {label} A New Video Paper. CVPR, {year}. {link}"]
    assert [row for row in kept if row] == (["### 2023"] if year == 2023 else []) + new


def test_a_list_without_years_takes_it_last() -> None:
    """With the bullet of its neighbours, also where the file ends without a line end."""
    text = "# Things\n\n- `[Rook CVPR20]` A Paper about Birds. CVPR, 2020. [[paper]](https://arxiv.org/abs/2001.00001)"
    after, line = insert(text, paper(2023))
    assert line == 4
    assert after.startswith(f"{text}\n- `[Kestrel et al. CVPR23]` ")
    assert not after.endswith("\n")


def test_a_list_without_papers_takes_none() -> None:
    """There is no place to tell."""
    with pytest.raises(KBError, match="no paper yet"):
        insert("# Empty\n", paper(2023))
