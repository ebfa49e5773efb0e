"""The search finds the right page first: words, names, identifiers, benchmarks."""

import pytest

from kb.publish.pages import searching
from kb.records import KBError, Library

WANTED: dict[str, str | tuple[str, ...]] = {
    "hard negatives": "papers/dong2019dual/",
    "Dong 2019": "papers/dong2019dual/",
    "CLIP": "papers/luo2021clip4clip/",
    "tgif": "benchmarks/tgif/",
    "arXiv:2104.08860": "papers/luo2021clip4clip/",
    "2104.08860": "papers/luo2021clip4clip/",
    "gru": "papers/",
    "MSR-VTT 1k-A": "benchmarks/msrvtt/1k-a-t2v/",
    "Miech": "papers/miech20",
    "graph neural network": "papers/wang2020coarse/",
    "10.1109/CVPR.2019.00957": "papers/dong2019dual/",
    "NetVLAD": ("papers/miech2018moee/", "papers/liu2019ce/"),
}
FIRST = ".md-search-result__item:first-child .md-search-result__link:first-child[href*='{}']"


@pytest.mark.browser
def test_twelve_searches_find_the_right_page_first(own, serve, visit):
    """In a real browser; a page comes first once the whole query is answered, however slowly."""
    seen = visit(serve(own / "site"))
    tab = seen.open("about/")
    box = tab.locator("[data-md-component=search-query]")
    for words, wanted in WANTED.items():
        box.fill("")
        box.press("Backspace")  # no answer of the last query is left
        tab.locator(".md-search-result__item").first.wait_for(state="detached")
        box.fill(words[:-1])
        box.press_sequentially(words[-1])  # the theme searches as keys are let go
        pages = (wanted,) if isinstance(wanted, str) else wanted
        tab.locator(", ".join(FIRST.format(page) for page in pages)).wait_for()
    assert seen.problems == []


def test_words_that_lead_to_no_paper_are_refused(copy):
    """A stale entry of site/search.yaml is one clear line."""
    (copy / "site" / "search.yaml").write_text("boats: nobody2000x\n", encoding="utf-8")
    with pytest.raises(KBError, match="leads to nobody2000x, which is no paper"):
        searching.promoted(Library.open(copy))
