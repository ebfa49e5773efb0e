"""Every kind of page, held to the rules of axe-core and to its own policy, at every width."""

import pytest

from tests.publish.conftest import kinds

pytestmark = pytest.mark.browser

KINDS = {
    "",
    "404.html",
    "bot/",
    "claims/",
    "commands/",
    "datasets/",
    "link-checks/",
    "links/",
    "lint/",
    "log/",
    "method/",
    "models/",
    "papers/",
    "results/",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_kind_of_page_has_a_violation(built, serve, visit, scheme):
    """Contrast, names, roles, order of headings: no rule of axe-core is broken."""
    pages = kinds(built / "site")
    assert set(pages) >= KINDS
    assert found(visit(serve(built / "site"), color_scheme=scheme), pages) == {}


def test_no_kind_of_page_of_our_own_site_has_one_either(own, serve, visit):
    """Real records make longer tables, more charts and pages that the invented ones lack.

    None asks another host, none breaks its Content-Security-Policy, none complains.
    """
    pages = kinds(own / "site")
    assert KINDS | {"worlds/", "contribute/"} <= set(pages)
    assert {"papers", "datasets", "worlds"} == {p.split("/")[0] for p in pages if p.count("/") > 1}
    seen = visit(serve(own / "site"))
    assert found(seen, pages) == {}
    assert [one for one in seen.problems if "404 (Not Found)" not in one] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_page_fits_a_phone_and_follows_its_colours(own, serve, visit, scheme):
    """On a narrow screen no page is wider than it, and the palette is the one of the system."""
    seen = visit(serve(own / "site"), viewport={"width": 360, "height": 780}, color_scheme=scheme)
    colour = {"light": "rgb(253, 253, 251)", "dark": "rgb(22, 25, 29)"}[scheme]
    for page in kinds(own / "site"):
        tab = seen.open(page)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), page
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == colour, page


def found(seen, pages):
    """What axe finds, by page; pages without a violation are left out."""
    every = {page: violations(seen.open(page)) for page in pages}
    return {page: of for page, of in every.items() if of}


def violations(tab):
    """(rule, places) of every rule that the page in this tab breaks."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(tab).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
