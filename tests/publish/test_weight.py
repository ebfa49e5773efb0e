"""What a first visit costs: every byte that a browser without a cache receives."""

import pytest

pytestmark = pytest.mark.browser

MOST = 800_000  # bytes, headers included, nothing compressed
INDEX = "search/search_index.json"


def received(tab, address):
    """Bytes of each answer to a first visit, by path."""
    requests = []

    def note(request):
        requests.append(request)

    tab.on("requestfinished", note)
    tab.goto(address, wait_until="networkidle")
    sizes = [(one.url, one.sizes()) for one in requests]
    return {url: size["responseBodySize"] + size["responseHeadersSize"] for url, size in sizes}


@pytest.mark.parametrize("page", ["", "papers/", "papers/dong2019dual/", "benchmarks/msrvtt/"])
def test_a_first_visit_stays_under_800_kb(own, serve, visit, page):
    """Page, styles, scripts, font, pictures: all that is asked for before a reader does a thing."""
    site = serve(own / "site")
    weights = received(visit(site).tab, site + page)
    assert sum(weights.values()) < MOST, sorted(weights.items(), key=lambda one: -one[1])[:5]
    assert not [url for url in weights if url.endswith(INDEX)]


def test_the_index_of_the_search_comes_when_a_reader_turns_to_it(own, serve, visit):
    """Putting the cursor into the search asks for the index once, and words then find pages."""
    site = serve(own / "site")
    seen = visit(site)
    asked = []
    seen.tab.on("request", lambda request: asked.append(request.url))
    tab = seen.open("")
    tab.locator("[data-md-component=search-query]").press_sequentially("netvlad")
    tab.locator(".md-search-result__link").first.wait_for()
    assert asked.count(site + INDEX) == 1
    assert seen.problems == []


def test_a_shared_search_finds_at_once(own, serve, visit):
    """An address with ?q= needs no key and no click."""
    tab = visit(serve(own / "site")).open("?q=netvlad")
    tab.locator(".md-search-result__link").first.wait_for()
