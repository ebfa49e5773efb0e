"""Every kind of page, held to the rules of axe-core."""

from pathlib import Path

import pytest

from kb.publish import publishing
from kb.records import Library

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.browser

PAGES = [
    "",
    "papers/",
    "papers/kestrel2021boats/",
    "datasets/",
    "datasets/harbour/",
    "models/",
    "results/",
    "claims/",
    "links/",
    "log/",
    "method/",
    "commands/",
    "bot/",
    "lint/",
]


OWN_PAGES = ["", "models/", "worlds/", "worlds/diorama-lsmdc/", "datasets/howto100m/", "claims/"]


@pytest.fixture(scope="module")
def site(built, serve):
    """The address of the published invented knowledge base."""
    return serve(built / "site")


@pytest.fixture(scope="module")
def own(tmp_path_factory, serve):
    """The address of this repository's own site."""
    out = tmp_path_factory.mktemp("own")
    publishing.publish(Library.open(ROOT), out, strict=True)
    return serve(out / "site")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_violation(site, built, visit, page, scheme):
    """Contrast, names, roles, order of headings: no rule of axe-core is broken."""
    if not (built / "site" / page / "index.html").is_file():
        pytest.fail(f"{page} is not a page of the site")
    assert violations(visit(site, color_scheme=scheme).open(page)) == []


@pytest.mark.parametrize("page", OWN_PAGES)
def test_a_page_of_our_own_site_has_none_either(own, visit, page):
    """Real records make longer tables, more charts and pages that the invented ones lack."""
    seen = visit(own)
    assert violations(seen.open(page)) == []
    assert seen.problems == []


def violations(tab):
    """(rule, places) of every rule that the page in this tab breaks."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(tab).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
