"""Which record an entry is, where the list alone does not say it plainly."""

import pytest

from kb.records import Library
from tests.sync.base import Base, document, line

TITLE = "Universal Weights for Retrieval"
CONFERENCE = line(TITLE, author="Wei", venue="CVPR", year=2020, paper="https://example.org/c.pdf")
JOURNAL = line(TITLE, author="Wei", venue="TPAMI", year=2021, paper="https://example.org/j.pdf")
DATA = (
    "* `[FILMS]` Rohr et al. Films Described. ICCV, 2017. [[paper]](https://example.org/films.pdf)"
)


def shelves(papers: list[str], datasets: list[str]) -> str:
    """A list with papers and data sets."""
    return "\n".join(["# A List", "", "## Papers", *papers, "", "## Datasets", *datasets, ""])


def test_a_journal_version_under_the_same_title_is_a_paper_of_its_own(base: Base) -> None:
    """Listed side by side they are two works; the reader is told that they look alike."""
    base.sync(document(CONFERENCE))

    report = base.sync(document(JOURNAL, CONFERENCE))

    assert {p.id: p.venue for p in base.papers.values()} == {
        "wei2020universal": "CVPR",
        "wei2021universal": "TPAMI",
    }
    assert (report.duplicates, report.changed, report.removed) == ([], [], [])
    assert [row["looks_like"] for row in report.suggestions] == ["wei2020universal"]


def test_a_journal_version_that_takes_the_place_of_the_first_keeps_the_id(base: Base) -> None:
    """One line, edited: one record, changed."""
    base.sync(document(CONFERENCE))

    report = base.sync(document(JOURNAL))

    assert [row["id"] for row in report.changed] == ["wei2020universal"]
    assert (report.added, report.removed) == ([], [])


def test_one_work_listed_with_two_venues_keeps_both(base: Base) -> None:
    """The same arXiv id tells that it is one; the venue that does not speak is a version."""
    arxiv = "https://arxiv.org/abs/2001.00001"
    report = base.sync(
        document(
            line(TITLE, author="Wei", venue="CVPR", year=2020, paper=arxiv),
            line(TITLE, author="Wei", venue="TPAMI", year=2021, paper=arxiv),
        )
    )

    paper = base.only()
    assert report.duplicates == [[6, 7]]
    assert (paper.venue, [(v.kind, v.venue) for v in paper.versions]) == (
        "TPAMI",
        [("conference", "CVPR")],
    )


def test_a_paper_that_is_listed_as_a_data_set_now_keeps_its_id(base: Base) -> None:
    """The record goes along, is reported as changed in kind, and comes back the same."""
    base.sync(shelves([DATA, CONFERENCE], []))
    before = base.bytes()["papers.yaml"]
    (key,) = set(base.papers) - {"wei2020universal"}

    there = base.sync(shelves([CONFERENCE], [DATA]))
    datasets = [data.id for data in base.library.datasets]
    back = base.sync(shelves([DATA, CONFERENCE], []))

    assert datasets == [key]
    assert [(r["id"], r["fields"]["kind"]) for r in there.changed] == [(key, ["paper", "dataset"])]
    assert [row["fields"]["kind"] for row in back.changed] == [["dataset", "paper"]]
    assert [(r.added, r.removed) for r in (there, back)] == [([], []), ([], [])]
    assert base.bytes()["papers.yaml"] == before


@pytest.mark.parametrize("field", ["extends: wei2020universal", "datasets: [films]"])
def test_a_paper_that_would_lose_something_as_a_data_set_stays_a_paper(
    base: Base, field: str
) -> None:
    """What a person wrote in it outweighs the heading; the sync says so, and again settles."""
    base.sync(shelves([DATA, CONFERENCE], []))
    base.edit("title: Films Described", f"title: Films Described\n  {field}")

    report = base.sync(shelves([CONFERENCE], [DATA]))

    assert len(base.papers) == 2
    assert base.library.datasets == []
    assert (report.added, report.removed) == ([], [])
    assert "stays one" in report.suggestions[0]["why"]
    assert base.sync().outdated == []


def test_a_work_listed_as_paper_and_as_data_set_is_both(base: Base) -> None:
    """A data set's entry beside the paper's own takes nothing away from it."""
    base.sync(shelves([DATA], []))

    report = base.sync(shelves([DATA], [DATA]))

    library = Library(base.root)
    assert (len(library.papers), len(library.datasets)) == (1, 1)
    assert (report.changed, report.removed) == ([], [])
