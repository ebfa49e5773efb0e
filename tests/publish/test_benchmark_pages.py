"""Benchmarks, home, old addresses and the error page, as a reader meets them."""

import csv
import re
from urllib.parse import urlsplit

import pytest

from kb.publish import builder
from kb.records import KBError

BOARD = "benchmarks/harbour/quay-t2v/"


@pytest.fixture(scope="module")
def site(built, serve):
    """The address of the published invented knowledge base."""
    return serve(built / "site")


def rows(tab):
    """The anchors of the rows that are shown."""
    ids = tab.locator("#leaderboard tbody tr[data-c]:visible")
    return ids.evaluate_all("rows => rows.map((row) => row.id)")


def test_the_first_sentence_says_who_leads(built):
    """With and without extra pre-training, before anything else."""
    html = (built / "site" / BOARD / "index.html").read_text("utf-8")
    lead = re.sub(r"<[^>]+>", "", html.partition('<p class="lead">')[2].partition("</p>")[0])
    assert lead.startswith("Best R@1 is 40.1")
    assert "Without extra pre-training it is 31.4" in lead
    assert "Each caption retrieves one of 1,000 videos." in lead


def test_every_ranked_number_leads_to_its_source(built, own):
    """No cell of a ranked row has a number without an address; no address is made up of ours."""
    seen = 0
    for folder in (built, own):
        for page in (folder / "site" / "benchmarks").glob("*/*/index.html"):
            for row in re.findall(r"<tr id=.*?</tr>", page.read_text("utf-8"), re.DOTALL):
                if not re.search(r'class="n rank">\d', row):
                    continue
                for cell in re.findall(r'<td class="n (?:r1|sec)".*?</td>', row, re.DOTALL):
                    if "not reported" not in cell:
                        assert 'href="https://' in cell or 'href="http://' in cell, (page, cell)
                        seen += 1
    assert seen > 100


def test_the_front_page_answers_who_leads_without_a_click(own):
    """The row of MSR-VTT 1k-A names a number and a model without extra pre-training."""
    html = (own / "site" / "index.html").read_text("utf-8")
    row = html.partition(">MSR-VTT 1k-A</a>")[2].partition("</tr>")[0]
    (without,) = re.findall(r'<td class="n none">.*?>([\d.]+)<.*?<td class="nm">.*?>(\w+)<', row)
    assert float(without[0]) > 0
    assert without[1] == "MMT"


def test_there_are_four_tabs_and_each_page_is_in_one(built):
    """Papers, Benchmarks, Reproductions, About; a page outside the menu marks its tab."""
    for page, tab in [
        ("papers/kestrel2021boats", "Papers"),
        (BOARD, "Benchmarks"),
        ("method", "About"),
        ("lint", "About"),
    ]:
        html = (built / "site" / page / "index.html").read_text("utf-8")
        tabs = html.partition('<nav class="kb-tabs"')[2].partition("</nav>")[0]
        names = re.findall(r"<a [^>]*>([^<]+)</a>", tabs)
        assert names == ["Papers", "Benchmarks", "Reproductions", "About"]
        assert re.findall(r'aria-current="\w+">([^<]+)</a>', tabs) == [tab], page


def test_an_old_address_leads_on(built):
    """Each dataset's former page and the former list redirect; none is in the sitemap."""
    for old, new in [("datasets", "benchmarks"), ("datasets/harbour", "benchmarks/harbour")]:
        html = (built / "site" / old / "index.html").read_text("utf-8")
        to = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', html)[1]
        assert (built / "site" / old / to).resolve() == (built / "site" / new).resolve()


def test_the_address_of_a_site_is_checked_and_ends_in_a_slash(invented):
    """A folder's name is completed; what is no web address is refused."""
    assert builder.settings(invented, "https://a.example/list")["site_url"] == (
        "https://a.example/list/"
    )
    for wrong in ("list", "ftp://a.example/", "https://a.example/?x=1", "https://u@a.example/"):
        with pytest.raises(KBError, match="not the address of a site"):
            builder.settings(invented, wrong)


@pytest.mark.browser
def test_chips_narrow_the_board_and_stand_in_the_address(site, visit):
    """Choosing hides rows; the address brings the view back; nothing left says so and clears."""
    seen = visit(site)
    tab = seen.open(BOARD)
    every = rows(tab)
    assert every[0] == "heron2020stilts-pre"
    tab.click("label[for=c-none]")
    assert "heron2020stilts-pre" not in rows(tab)
    assert tab.url.endswith("?pretraining=none")
    narrowed = rows(tab)
    tab.reload()
    assert rows(tab) == narrowed
    tab.click("label[for=c-all]")
    assert rows(tab) == every
    assert urlsplit(tab.url).query == ""
    assert seen.problems == []


@pytest.mark.browser
def test_chips_work_without_scripts(site, visit):
    """A chip is a radio button, and the rule is the style sheet's."""
    tab = visit(site, java_script_enabled=False).open(BOARD)
    every = rows_without_scripts(tab)
    tab.click("label[for=c-pre]")
    assert 0 < rows_without_scripts(tab) < every


def rows_without_scripts(tab):
    """How many rows are shown."""
    return sum(row.is_visible() for row in tab.locator("#leaderboard tbody tr[data-c]").all())


@pytest.mark.browser
def test_the_csv_has_the_rows_of_the_view(site, visit, tmp_path):
    """All of them, or those of the chosen condition."""
    tab = visit(site).open(BOARD)
    for chip, fits in (("all", {"none", "3M web pairs"}), ("pre", {"3M web pairs"})):
        tab.click(f"label[for=c-{chip}]")
        with tab.expect_download() as waiting:
            tab.click("[data-kb-csv]")
        waiting.value.save_as(tmp_path / "view.csv")
        with (tmp_path / "view.csv").open(encoding="utf-8", newline="") as file:
            assert {row["pretraining"] for row in csv.DictReader(file)} == fits


@pytest.mark.browser
def test_heads_stay_in_view(site, visit):
    """The head of a board sticks below the bar while its rows scroll."""
    tab = visit(site, viewport={"width": 1300, "height": 400}).open(BOARD)
    tab.locator("#leaderboard tbody tr").last.scroll_into_view_if_needed()
    tab.mouse.wheel(0, 60)
    tab.wait_for_function("scrollY > 200")
    assert tab.locator("#leaderboard thead th").nth(1).bounding_box()["y"] >= 40


@pytest.mark.browser
def test_an_old_anchor_arrives(site, visit):
    """The anchor of a test on a former dataset page is kept on the way."""
    tab = visit(site).open("datasets/harbour/#quay-t2v-1-1000-not-stated-not-stated")
    tab.wait_for_url("**/benchmarks/harbour/#quay-t2v-1-1000-not-stated-not-stated")
    assert tab.locator(":target").count() == 1


@pytest.mark.browser
def test_a_phone_shows_the_first_metric_of_every_row(site, visit):
    """Cards show name and R@1 in one line, and no word is broken into letters."""
    tab = visit(site, viewport={"width": 360, "height": 780}).open(BOARD)
    for cell in tab.locator("#leaderboard tr[data-c] td.r1").all():
        assert cell.is_visible()
        assert cell.bounding_box()["height"] < 40
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_the_error_page_names_near_pages(site, visit):
    """A mistyped address leads to the page that was meant."""
    tab = visit(site).open("404.html")
    assert tab.locator("main a", has_text="Benchmarks").count() == 1
    tab = visit(site).open("404.html")
    assert tab.locator("h1").inner_text() == "There is no page at this address"
