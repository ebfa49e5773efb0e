"""Every kind of page, held to the rules of axe-core."""

import pytest

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


@pytest.fixture(scope="module")
def site(built, serve):
    """The address of the published invented knowledge base."""
    return serve(built / "site")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_violation(site, built, visit, page, scheme):
    """Contrast, names, roles, order of headings: no rule of axe-core is broken."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    if not (built / "site" / page / "index.html").is_file():
        pytest.fail(f"{page} is not a page of the site")
    tab = visit(site, color_scheme=scheme).open(page)
    found = axe.run(tab).response["violations"]
    broken = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
    assert broken == []
