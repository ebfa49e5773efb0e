"""Names that papers use, and terms explained where they are written."""

import pytest

from kb.publish import glossary, model_names
from kb.records import Library, Paper


@pytest.mark.parametrize(
    ("title", "model", "name"),
    [
        ("Multi-modal Transformer", "mmt", "MMT"),
        ("Rafts4U: Learning to Float", "rafts", "Rafts4U"),
        ("Learning to float: a study", "float", "float"),
        ("Floating", None, "Floating"),
    ],
)
def test_a_paper_is_called_as_papers_call_it(title, model, name):
    """The listed name, else the word before a title's colon, else the key, else the title."""
    paper = Paper(id="p1", title=title, model=model)
    assert model_names.of_paper(paper, {"mmt": "MMT"}) == name


def test_names_come_from_the_summaries_and_the_datasets(invented, copy):
    """A paper's method by the name in data/summaries.yaml; a dataset that brought a model by its own."""
    assert "paper-boats" not in model_names.read(Library.open(invented))
    (copy / "data" / "summaries.yaml").write_text(
        "summaries:\n- id: kestrel2021boats\n  short: PB\n"
        "  summary: Paper is folded. It floats.\n  from: title\n",
        encoding="utf-8",
    )
    names = model_names.read(Library.open(copy))
    assert (names["paper-boats"], names["canal"]) == ("PB", "Canal")


def test_a_term_carries_its_meaning_and_other_text_stays():
    """The meaning is the title of an abbr element; what is no term is escaped text."""
    assert 'title="Median rank' in glossary.term("MedR")
    assert glossary.term("<R@7>") == "&lt;R@7&gt;"


def test_the_about_page_lists_every_term(built):
    """A reader without a pointer finds the meanings there."""
    page = (built / "docs" / "about.md").read_text("utf-8")
    for name, meaning in glossary.terms().items():
        assert f"| {name} | {meaning} |" in page
