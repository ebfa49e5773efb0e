"""A paper's page: the verdict first, then what the paper does, its claims, results, code, citation."""

import json
import re

import pytest

from kb.publish import publishing
from kb.publish.pages.model_section import _statements
from kb.records import Library

SUMMARY = """summaries:
- id: kestrel2021boats
  short: Boats
  summary: A sentence is folded into a boat. Boats that float are near.
  task: [text-to-video]
  loss: ['triplet, <all>']
  from: abstract
"""


@pytest.fixture
def docs(copy, tmp_path):
    """The pages of the invented knowledge base with one summary."""
    (copy / "data" / "summaries.yaml").write_text(SUMMARY)
    publishing.publish(Library.open(copy), tmp_path / "out", mkdocs=False)
    return tmp_path / "out" / "docs"


@pytest.fixture
def page(docs):
    """The page of the paper that has a model."""
    return (docs / "papers" / "kestrel2021boats.md").read_text("utf-8")


def test_the_verdict_comes_before_everything_else(page):
    """Then the method, the claims, the published results, equations, runs and how to cite it."""
    order = re.findall(r'id="summary"|\{ #(\w+) \}', page)
    assert order[:3] == ["", "method", "claims"]
    assert [one for one in order if one in {"published", "model", "runs", "cite"}] == [
        "published",
        "model",
        "runs",
        "cite",
    ]


def test_a_summary_is_shown_with_its_facets_as_filters(docs, page):
    """Each leads to the papers that share it, and says what it was written from."""
    assert "<p>A sentence is folded into a boat. Boats that float are near.</p>" in page
    assert (
        '<a class="tag" href="../../papers/?loss=triplet-all">loss: triplet, &lt;all&gt;</a>'
        in page
    )
    assert "Written from the abstract alone." in page
    papers = (docs / "papers" / "index.md").read_text("utf-8")
    assert 'data-task="text-to-video" data-encoder="" data-loss="triplet-all"' in papers


def test_an_equation_stands_beside_its_line_in_colour(page):
    """Without the comment that repeats its number, with an anchor that the drawing leads to."""
    row = re.search(r'<tr id="eq-1">.*?</tr>', page, re.DOTALL).group()
    assert '<code class="code"><span class="k">return</span>' in row
    assert "Eq. (1)" not in row
    assert '<a href="#eq-1">' in page
    assert page.count('class="eq"') == 2  # lines of the file that equations stand on


def test_a_result_leads_to_its_test_and_every_metric_is_a_column(page):
    """Decimals of a metric are the same in all rows."""
    table = page[page.index("{ #published }") : page.index("{ #model }")]
    heads = re.findall(r'<th class="n" scope="col">([^<]+)</th>', table)
    assert heads[0] == "R@1"
    assert re.search(r'<td class="n" data-label="R@1">\d+\.\d<', table)


def test_a_paper_without_a_model_says_so_and_names_its_neighbours(docs):
    """A page never holds BibTeX alone."""
    page = (docs / "papers" / "heron2020stilts.md").read_text("utf-8")
    assert "Not re-implemented here yet, so nothing of it was tested." in page
    assert "No model of this paper is here yet." in page
    assert "{ #neighbours }" in page
    assert "../papers/kestrel2021boats/" in page


def test_a_model_that_ran_in_a_plain_world_alone_shows_that_run(copy, tmp_path):
    """As a sentence with its command: no table of models lists it."""
    for path in (copy / "data" / "results" / "paper-boats").glob("*.json"):
        record = json.loads(path.read_text())
        probe = {"mechanism": "plain", "level": "plain", "seed": 1, "inputs": ["frames"]}
        record |= {"trial": True, "kind": "model"}
        record["data"] |= {"probe": probe}
        path.write_text(json.dumps(record))
    publishing.publish(Library.open(copy), tmp_path / "out", mkdocs=False)
    page = (tmp_path / "out" / "docs" / "papers" / "kestrel2021boats.md").read_text("utf-8")
    runs = page.split("## Our runs { #runs }")[1].split("\n## Cite")[0]
    assert re.search(r"probe world.* of \d+ test videos .* R@1 \d+\.\d", runs)
    assert "<table" not in runs


def test_the_citation_is_a_file_in_two_formats(docs, page):
    """RIS stands on the page too."""
    ris = (docs / "api" / "papers" / "kestrel2021boats.ris").read_text("utf-8")
    assert ris.startswith("TY  - CONF\nID  - kestrel2021boats\n")
    assert "AU  - Kestrel, Ada\n" in ris
    assert ris.rstrip().endswith("ER  -")
    assert "AU  - Kestrel, Ada" in page


def test_the_end_of_a_statement_shows_the_whole_statement():
    """A formatter breaks a long line, and the comment stands beside the closing bracket."""
    lines = ["    total = total + self.tags(", '        a["b"],', "        c,", "    )  # Eq. (8)"]
    assert _statements(lines)[-1] == 'total = total + self.tags(a["b"], c)'
    assert _statements([")"]) == [")"]
