"""The site as a reader meets it, in a real browser."""

import csv
import io

import bibtexparser
import pytest

from kb.publish import publishing
from kb.records import Library

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(built, serve):
    """The address of the published invented knowledge base."""
    return serve(built / "site")


def titles(tab):
    """The titles in the rows that are shown."""
    return tab.locator("#papers tbody tr:visible .kb-title").all_inner_texts()


def test_every_page_opens_without_a_complaint_or_an_outside_request(built, site, visit):
    """No console error, no request to another host, nothing wider than the window."""
    seen = visit(site)
    for page in sorted((built / "site").rglob("*.html")):
        if 'http-equiv="refresh"' in page.read_text(encoding="utf-8"):
            continue  # leads on at once; the test below follows it
        tab = seen.open(str(page.relative_to(built / "site")).removesuffix("index.html"))
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), page
    assert seen.problems == []


def test_a_models_name_is_an_address_too(site, visit):
    """papers/paper-boats/ leads to the paper's own page."""
    tab = visit(site).open("papers/paper-boats/")
    tab.wait_for_url("**/papers/kestrel2021boats/")
    assert tab.locator("h1").inner_text() == "Folding Sentences into Paper Boats"


def test_a_wrong_address_has_the_search_and_names_the_nearest_pages(site, visit):
    """A letter missing: the page that was meant is proposed, and words can be searched for."""
    tab = visit(site).tab
    answer = tab.goto(f"{site}papers/kestrel2021boat/")
    assert answer.status == 404
    assert tab.locator("h1").inner_text() == "There is no page at this address"
    tab.locator("[data-kb-nearest] a").first.click()
    assert tab.url == f"{site}papers/kestrel2021boats/"
    tab.goto(f"{site}nowhere/")
    tab.locator("[data-md-component=search-query]").press_sequentially("folding")
    tab.locator(".md-search-result__link[href*=kestrel2021boats]").first.wait_for()


def test_filters_narrow_the_table_and_stand_in_the_address(site, visit):
    """Choosing and typing narrows the rows; the address brings the same view back."""
    tab = visit(site).open("papers/")
    assert tab.locator(".kb-status output").inner_text() == "6 papers"
    tab.select_option("select[name=venue]", "cvpr")
    assert titles(tab) == ["Folding Sentences into Paper Boats"]
    tab.select_option("select[name=venue]", "")
    tab.fill("input[name=text]", "EGRET stilts")
    assert titles(tab) == ["Walking on Stilts through Video"]
    assert tab.url.endswith("papers/?text=EGRET+stilts")
    tab.reload()
    assert titles(tab) == ["Walking on Stilts through Video"]
    tab.click(".kb-filters button[type=reset]")
    assert len(titles(tab)) == 6
    assert tab.url.endswith("papers/")


def test_a_search_ignores_accents_and_case(site, visit):
    """Typing muller finds Müller."""
    tab = visit(site).open("papers/?text=muller")
    assert titles(tab) == ["Folding Sentences into Paper Boats"]


def test_filters_combine_and_say_when_nothing_fits(site, visit):
    """Code and dataset together; then too much."""
    tab = visit(site).open("papers/?code=yes&data=canal")
    assert titles(tab) == ["Folding Sentences into Paper Boats", "Walking on Stilts through Video"]
    tab.select_option("select[name=year]", "2018")
    assert titles(tab) == []
    tab.click("[data-kb-clear]")
    assert len(titles(tab)) == 6


def test_an_address_with_nonsense_shows_everything(site, visit):
    """A value that no option has is left out."""
    seen = visit(site)
    tab = seen.open("papers/?venue=%3Cscript%3E&sort=99-up&year=1")
    assert len(titles(tab)) == 6
    assert seen.problems == []


@pytest.fixture(scope="module")
def long_list(tmp_path_factory, serve):
    """A list of 1,203 papers, published."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "kb" / "data").mkdir(parents=True)
    records = "".join(
        f"  - id: a{n}\n    title: Paper number {n}\n    year: {1990 + n % 30}\n"
        for n in range(1203)
    )
    (folder / "kb" / "data" / "papers.yaml").write_text("papers:\n" + records)
    publishing.publish(Library.open(folder / "kb"), folder / "out")
    return serve(folder / "out" / "site")


def test_a_long_list_is_there_at_once_and_whole_soon(long_list, visit):
    """A first part is sent, the others follow; then filters and sorting see all of them.

    Two hundred are drawn until a reader asks for more.
    """
    seen = visit(long_list)
    tab = seen.open("papers/")
    tab.locator(".kb-status output", has_text="1203 papers").filter(has_not_text="more").wait_for()
    assert tab.locator("#papers tbody tr").count() == 1203
    assert tab.locator(".kb-rest").count() == 0
    tab.select_option("select[name=year]", "1990")
    assert len(titles(tab)) == 41
    tab.select_option("select[name=year]", "")
    tab.locator("#papers th button", has_text="Paper").click()
    assert titles(tab)[:3] == ["Paper number 0", "Paper number 1", "Paper number 2"]
    assert len(titles(tab)) == 200
    tab.click("text=Show all 1,203")
    assert len(titles(tab)) == 1203
    assert not tab.locator("text=Show all").is_visible()
    assert seen.problems == []


def test_a_long_list_is_whole_on_a_plain_page_without_scripts(long_list, visit):
    """The link below the table leads to every row."""
    tab = visit(long_list, java_script_enabled=False).open("papers/")
    assert len(titles(tab)) == 100
    tab.click(".kb-rest a")
    tab.wait_for_load_state("load")
    assert len(titles(tab)) == 1203


def test_a_heading_sorts_up_down_and_back_and_the_address_keeps_it(site, visit):
    """Rows without a value stay last; equal rows keep their order."""
    tab = visit(site).open("papers/")
    start = titles(tab)
    heading = tab.locator("#papers th button", has_text="Year")
    heading.click()
    assert tab.locator("#papers td[data-label=Year]").all_inner_texts()[:2] == ["2021", "2020"]
    heading.click()
    years = tab.locator("#papers td[data-label=Year]").all_inner_texts()
    assert years == ["2018", "2019", "2020", "2020", "2021", ""]
    assert tab.url.endswith("papers/?sort=0-up")
    tab.reload()
    assert tab.locator("#papers td[data-label=Year]").all_inner_texts() == years
    heading.click()
    assert titles(tab) == start


def test_sorting_works_by_keyboard(site, visit):
    """A heading is a button: Enter sorts, and the state is announced."""
    tab = visit(site).open("papers/")
    tab.locator("#papers th button", has_text="Paper").focus()
    tab.keyboard.press("Enter")
    assert titles(tab)[0] == "A Result that Was Taken Back"
    assert tab.locator("#papers th[aria-sort=ascending]").inner_text().startswith("Paper")


def test_the_view_can_be_taken_away_as_bibtex_and_csv(site, visit, tmp_path):
    """The files hold the rows of the view and no other."""
    tab = visit(site).open("papers/?code=yes")
    for kind in ("bib", "csv", "tex"):
        with tab.expect_download() as waiting:
            tab.click(f"[data-kb-download={kind}]")
        waiting.value.save_as(tmp_path / f"view.{kind}")
    entries = bibtexparser.parse_string((tmp_path / "view.bib").read_text("utf-8")).entries
    assert [entry.key for entry in entries] == [
        "kestrel2021boats",
        "heron2020stilts",
        "otter2019rafts",  # its code is named under implementations
    ]
    rows = list(csv.reader(io.StringIO((tmp_path / "view.csv").read_text("utf-8"))))
    assert rows[0] == ["Year", "Paper", "Venue", "Datasets", "Links", "Evidence", "Basis"]
    assert [row[0] for row in rows[1:]] == ["2021", "2020", "2019"]
    tex = (tmp_path / "view.tex").read_text("utf-8")
    assert tex.count(r"\cite{") == 3
    assert (
        r"2021 & Folding Sentences into Paper Boats~\cite{kestrel2021boats} & CVPR & Harbour" in tex
    )


def test_the_search_finds_a_paper_by_title_author_method_and_data_set(site, visit):
    """Each of the four words leads to the paper's page."""
    tab = visit(site).open("method/")
    for words in ("folding sentences", "Lindqvist", "paper-boats", "canal kestrel"):
        box = tab.locator("[data-md-component=search-query]")
        box.fill("")
        box.press_sequentially(words)  # the theme searches as keys are let go
        found = tab.locator(".md-search-result__link[href*=kestrel2021boats]").first
        found.wait_for()
        assert "Folding Sentences into Paper Boats" in found.inner_text()


def test_bibtex_is_copied_as_it_is_shown(site, visit):
    """The button puts the whole entry on the clipboard."""
    tab = visit(site, permissions=["clipboard-read", "clipboard-write"]).open(
        "papers/kestrel2021boats/"
    )
    tab.hover(".kb-bibtex")
    tab.locator(".kb-bibtex button").first.click()
    tab.wait_for_function("navigator.clipboard.readText().then(text => text.includes('@'))")
    copied = tab.evaluate("navigator.clipboard.readText()")
    (entry,) = bibtexparser.parse_string(copied).entries
    assert entry.key == "kestrel2021boats"


def test_a_line_of_the_model_opens_where_an_equation_points(site, visit):
    """The fold opens and the line is in view."""
    tab = visit(site).open("papers/kestrel2021boats/")
    tab.locator("table a[href^='#line-']").first.click()
    assert tab.locator(".kb-source[open]").count() == 1
    assert "Eq. (1)" in tab.locator("[data-line]:target").inner_text()


def test_without_scripts_the_tables_are_whole_and_no_dead_control_shows(site, visit):
    """All rows, no filter form that would do nothing."""
    seen = visit(site, java_script_enabled=False)
    tab = seen.open("papers/")
    assert len(titles(tab)) == 6
    assert not tab.locator(".kb-filters").is_visible()


def test_the_site_opens_from_a_folder(built, visit):
    """Without a server the pages show, filter, and lead to one another."""
    start = visit(f"file://{built}/site/")
    tab = start.open("index.html")
    tab.click("text=Browse papers")
    tab.select_option("select[name=venue]", "iccv")
    tab.click("#papers tbody tr:visible .kb-title")
    assert tab.url.endswith("papers/otter2019rafts/index.html")
    assert tab.locator("h1").inner_text().startswith("Log Rafts")
