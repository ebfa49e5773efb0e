"""Every kind of page, held to the rules of axe-core and to its own policy, at every width."""

import pytest

from tests.publish.conftest import kinds

pytestmark = pytest.mark.browser

KINDS = [
    "",
    "404.html",
    "about/",
    "api/",
    "benchmarks/",
    "bot/",
    "commands/",
    "comparable/",
    "compare/",
    "departures/",
    "link-checks/",
    "links/",
    "lint/",
    "log/",
    "method/",
    "models/",
    "msrvtt-vgg1000/",
    "papers/",
    "real-data/",
    "reproductions/",
    "results/",
    "papers: longest",
    "papers: shortest",
    "benchmarks: longest",
    "benchmarks: shortest",
    "inside: longest",
    "inside: shortest",
]
PHONE, DESK = {"width": 360, "height": 780}, {"width": 1280, "height": 720}
FITS = "document.documentElement.scrollWidth <= innerWidth"
COLOUR = "getComputedStyle(document.body).backgroundColor"
THREE_OF_A_KIND = """() => { const seen = {}; document.querySelectorAll("tbody > tr").forEach(row => {
  const kind = row.outerHTML.replace(/>[^<]*/g, ">").replace(/ (?!class=)[\\w-]+="[^"]*"/g, "");
  seen[kind] = (seen[kind] || 0) + 1; if (seen[kind] > 3) row.remove() }) }"""
OWN = ["contribute/", "worlds/", "worlds: longest", "worlds: shortest"]


def test_no_kind_of_page_is_left_out(built, own):
    """A new kind of page is seen here, and then tested below."""
    assert sorted(kinds(built / "site")) == sorted(KINDS)
    assert sorted(kinds(own / "site")) == sorted(KINDS + OWN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_no_violation_in_the_dark(built, serve, visit, kind):
    """Contrast, names, roles, order of headings: no rule of axe-core is broken.

    The palette is the one of the system.
    """
    seen = visit(serve(built / "site"), color_scheme="dark")
    tab = seen.open(kinds(built / "site")[kind])
    assert violations(tab) == []
    assert tab.evaluate(COLOUR) == "rgb(19, 22, 27)"


@pytest.mark.parametrize("kind", KINDS + OWN)
def test_a_page_of_our_own_site_fits_a_phone_and_has_none_in_the_light(own, serve, visit, kind):
    """Real records make longer tables, more charts and pages that the invented ones lack.

    None asks another host, breaks its Content-Security-Policy or complains. On a narrow screen no
    page is wider than it, and the palette is the one of the system.
    """
    seen = visit(serve(own / "site"), viewport=PHONE)
    tab = seen.open(kinds(own / "site")[kind])
    assert tab.evaluate(FITS)
    assert tab.evaluate(COLOUR) == "rgb(255, 255, 255)"
    tab.set_viewport_size(DESK)
    assert violations(tab) == []
    assert seen.problems == []


def violations(tab):
    """(rule, places) of every rule that the page in this tab breaks.

    Rows of tables that differ in texts and addresses alone are cut to three first: eight hundred
    take most of a minute.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab.evaluate(THREE_OF_A_KIND)
    found = axe.run(tab).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
