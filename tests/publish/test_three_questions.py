"""Three questions that readers come with, answered by real clicks from the first page."""

import json

import bibtexparser
import pytest

from kb.publish.exports import facts
from kb.publish.verdict_box import MAIN
from kb.records import Library
from tests.publish.conftest import ROOT

pytestmark = pytest.mark.browser
WINDOW = {"width": 1280, "height": 800}
DUAL_ENCODING = "papers/dong2019dual/"


class Reader:
    """Someone with a mouse who does not scroll; every click counts."""

    def __init__(self, tab):
        self.tab, self.clicks = tab, 0

    def sees(self, place):
        """Whether the whole of it is in the window."""
        box = place.bounding_box()
        assert box is not None, "it is not drawn"
        inside = box["x"] >= 0 and box["y"] >= 0
        across, down = box["x"] + box["width"], box["y"] + box["height"]
        return inside and across <= WINDOW["width"] and down <= WINDOW["height"]

    def click(self, place):
        """Click what is in the window already."""
        assert self.sees(place)
        place.click()
        self.clicks += 1


@pytest.fixture
def reader(own, serve, visit):
    """At the first page of this list's own site."""
    return Reader(visit(serve(own / "site"), viewport=WINDOW).open(""))


def test_the_best_of_msrvtt_1k_a_without_extra_pretraining_takes_no_click(own, reader):
    """The chart of the first window names it, the table below has it; both as the records do."""
    boards = json.loads((own / "site/api/leaderboards.json").read_text(encoding="utf-8"))
    (board,) = [one for one in boards if one["test"].startswith("1k-a-t2v-1-1000")]
    plain = [one for one in board["rows"] if one["pretraining"] == "none" and one["source_url"]]
    best = max(plain, key=lambda one: one["metrics"].get("R@1", 0.0))
    score = f"{best['metrics']['R@1']:.1f}"
    label = reader.tab.locator(".hero svg:visible text", has_text=score).first
    assert reader.sees(label)
    cells = reader.tab.locator("table tr", has_text="MSR-VTT 1k-A").locator("td, th")
    shown = [text.strip().lower() for text in cells.all_inner_texts()]
    assert shown[1:3] == [score, best["model"]]
    assert reader.clicks == 0


def test_whether_the_main_claim_of_dual_encoding_holds_takes_two_clicks(own, reader):
    """Into the search, onto its first hit: the verdict stands in the first window of the page."""
    reader.click(reader.tab.locator("[data-md-component=search-query]"))
    reader.tab.keyboard.type("Dual Encoding", delay=20)
    hit = reader.tab.locator(f".md-search-result__link[href*='{DUAL_ENCODING}']").first
    hit.wait_for()
    reader.click(hit)
    reader.tab.wait_for_url(f"**/{DUAL_ENCODING}**")
    sentence = reader.tab.locator(".verdict .big")
    record = json.loads((own / "site/api/papers/dong2019dual.json").read_text(encoding="utf-8"))
    (main,) = [row["verdict"] for row in record["verdicts"] if row["main"]]
    assert sentence.inner_text().startswith(MAIN[main])
    assert reader.sees(sentence)
    assert reader.clicks == 2


def test_bibtex_of_eccv_papers_with_code_takes_three_clicks(reader, tmp_path):
    """Papers with code, the venue, the button: the entries are those of the records."""
    reader.click(reader.tab.locator("a[href='papers/?code=yes']"))
    venue = reader.tab.locator("select[name=venue]")
    venue.wait_for()
    assert reader.sees(venue)
    venue.select_option("eccv")
    reader.clicks += 1
    with reader.tab.expect_download() as waiting:
        reader.click(reader.tab.locator("[data-kb-download=bib]"))
    waiting.value.save_as(tmp_path / "view.bib")
    assert reader.clicks == 3
    entries = bibtexparser.parse_string((tmp_path / "view.bib").read_text("utf-8")).entries
    library = Library.open(ROOT)
    eccv = [one for one in library.papers if one.venue == "ECCV"]
    wanted = {one.id for one in eccv if facts.code_of(library, one)}
    assert {entry.key for entry in entries} == wanted
    assert len(wanted) == 3
