"""Pages that show what became of claims and of links."""

import json

import pytest

from kb.publish import health, publishing
from kb.records import KBError, Library
from tests.publish.test_log import run

LINKS = {
    "https://example.org/boats.pdf": {
        "verdict": "dead",
        "checked": "2024-05-05T01:02:03Z",
        "status": 404,
        "reason": "404: not found; so since 2024-05-01",
        "archive": "https://web.archive.example/boats",
    },
    "https://example.org/boats/": {"verdict": "ok", "checked": "2024-05-04T01:02:03Z"},
    "https://example.org/boats.git": {
        "verdict": "blocked",
        "checked": "2024-05-04T01:02:03Z",
        "reason": "403: refuses programs; a browser may be let in",
    },
}


@pytest.fixture
def pages(copy, tmp_path):
    """Publish the changed copy without the site tool; the text of a page by its path."""

    def publish():
        out = tmp_path / "out"
        publishing.publish(Library.open(copy), out, mkdocs=False)
        return lambda path: (out / "docs" / path).read_text(encoding="utf-8")

    return publish


def test_a_claim_without_enough_runs_is_not_run(pages):
    """One seed of one variant is no comparison."""
    page = pages()("reproductions/index.md")
    assert "1 claims of 1 papers" in page
    assert '<span class="v none">not tested</span>' in page


def test_a_verdict_stands_on_both_pages_with_its_interval(copy, pages):
    """Difference and interval come from the runs, and a chart shows them around zero."""
    for variant, base in (("full", 380.0), ("mean", 300.0)):
        for seed in range(6):
            run(copy, variant, seed, "2024-04-01", base + seed % 2)
    page = pages()
    for path, mark in (
        ("reproductions/index.md", "kb-dot"),
        ("papers/kestrel2021boats.md", "kb-bar"),
    ):
        assert '<span class="v holds">holds</span>' in page(path)
        assert '+80.0 <span class="soft">[+80.0, +80.0]' in page(path)  # 380 - 300 in every world
        assert f'<svg class="{mark}' in page(path)


def test_reported_figures_stand_beside_measured_ones(copy, pages):
    """With their metric, test and source, as a bar of their own."""
    papers = copy / "data" / "papers.yaml"
    text = papers.read_text(encoding="utf-8")
    line = "        than: [mean]\n"
    told = "{metric: SumR, test: pond, figures: {full: 2.0, mean: 1.0}, source: a table}"
    papers.write_text(text.replace(line, f"{line}        reported: {told}\n"), encoding="utf-8")
    page = pages()("papers/kestrel2021boats.md")
    assert "paper, SumR on pond" in page
    assert '<span class="fig">+1.0</span>' in page
    assert "Reported in a table." in page


def test_the_claims_address_of_before_leads_on(pages):
    """With the canonical address of its target."""
    page = pages()("claims.md")
    assert '"moved": "../reproductions/", "target": "reproductions/"' in page


def test_the_cost_is_summed_over_runs(pages):
    """Three runs, their seconds together."""
    page = pages()("reproductions/index.md")
    assert '<td>pond-harbour, small</td><td>cpu</td><td class="n">3</td>' in page


def test_a_list_whose_links_nobody_checked_says_so(pages):
    """No health is invented."""
    page = pages()
    assert "These links have not been checked yet" in page("links.md")
    assert "kb-health" not in page("papers/kestrel2021boats.md")


def test_a_dead_link_is_marked_where_it_stands_with_its_archived_copy(copy, pages):
    """Beside the link on the paper's page, and first on the page of links."""
    (copy / "data" / "links.json").write_text(json.dumps({"schema_version": 1, "links": LINKS}))
    page = pages()
    paper, links = page("papers/kestrel2021boats.md"), page("links.md")
    assert 'kb-health--bad" title="404: not found; so since 2024-05-01, 2024-05-05">dead' in paper
    assert 'href="https://web.archive.example/boats"' in paper
    assert "between 2024-05-04 and 2024-05-05" in links
    rows = links.split("<tbody>")[1].split("</tr>")
    assert "boats.pdf" in rows[0]
    assert "blocked to programs" in rows[1]
    assert "1 dead" in page("index.md")


def test_a_broken_link_history_is_one_line(copy):
    """The file is named, and what to do."""
    (copy / "data" / "links.json").write_text("{")
    with pytest.raises(KBError, match=r"links.json: not a link history"):
        health.gather(Library.open(copy))


def test_every_other_name_of_a_paper_leads_to_its_page(pages):
    """The model's name is an address too."""
    assert '"moved": "../kestrel2021boats/"' in pages()("papers/paper-boats.md")


def test_an_address_of_the_web_can_be_followed_and_another_is_shown(copy, pages):
    """The table of links leads to what it lists; without a check it has no empty columns."""
    papers = copy / "data" / "papers.yaml"
    held = papers.read_text(encoding="utf-8")
    papers.write_text(held.replace("https://example.org/boats/", "javascript:boats"), "utf-8")
    page = pages()("links.md")
    assert '<a class="kb-address" href="https://example.org/boats.pdf"' in page
    assert '<span class="kb-address">javascript:boats</span>' in page
    assert '<th scope="col">State</th>' not in page
