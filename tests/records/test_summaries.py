"""Two sentences a paper: read, refused where they are not two, held against the list."""

from pathlib import Path

import pytest

from kb.records import KBError, Library, summaries
from kb.records.audit import audit

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "summaries:\n- {id: a2020b, summary: One. Two., task: [search], from: title}\n"


@pytest.fixture
def data(tmp_path):
    """A knowledge base with one paper."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text("papers:\n- id: a2020b\n  title: A\n")
    return tmp_path / "data"


def test_a_summary_is_read_with_its_facets(data):
    """Facets keep their order; the file may be absent."""
    assert summaries.read(data) == {}
    (data / "summaries.yaml").write_text(ENTRY)
    one = summaries.read(data)["a2020b"]
    assert (one.summary, one.origin, one.facets) == ("One. Two.", "title", [("task", "search")])


@pytest.mark.parametrize("text", ["One.", "One. Two. Three.", "One. Two"])
def test_what_is_not_two_sentences_is_refused_with_its_line(data, text):
    """The error names the paper, the field and the line."""
    (data / "summaries.yaml").write_text(ENTRY.replace("One. Two.", text))
    with pytest.raises(KBError, match=r"a2020b: summary: .*not 2") as caught:
        summaries.read(data)
    assert caught.value.line == 2


def test_a_summary_of_no_paper_is_found(data):
    """`kb check` names the id."""
    (data / "summaries.yaml").write_text(ENTRY.replace("a2020b", "nobody"))
    found = [one.line() for one in audit(Library(data.parent)) if one.check == "references"]
    assert found == [
        "data/summaries.yaml: summary of nobody, which is no paper [references]; fix the id"
    ]


def test_every_paper_of_the_list_has_a_summary_and_a_task():
    """One entry a paper, in the order of the ids, none for a paper that is not listed."""
    found = summaries.read(ROOT / "data")
    assert list(found) == sorted(paper.id for paper in Library.open(ROOT).papers)
    assert all(one.task and one.short for one in found.values())
