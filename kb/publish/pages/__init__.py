"""The pages of the site, as Markdown texts by path; earlier addresses lead to today's."""

from collections.abc import Iterable, Iterator

from kb.publish.pages.benchmarks import benchmarks
from kb.publish.pages.claims import claims
from kb.publish.pages.comparable import comparable
from kb.publish.pages.compare import compare
from kb.publish.pages.departures import departures
from kb.publish.pages.home import home, log
from kb.publish.pages.inside import inside
from kb.publish.pages.links import links
from kb.publish.pages.models import models
from kb.publish.pages.paper import moved, other_names, paper
from kb.publish.pages.papers import papers
from kb.publish.pages.results import results
from kb.publish.pages.site import Site
from kb.publish.pages.worlds import worlds

__all__ = ["Site", "everything"]

MOVED = {  # old page under docs/ -> new address; where the new page exists and the old one does not
    "datasets/index.md": "benchmarks/",
    "claims.md": "reproductions/",
    "models.md": "reproductions/",
    "results.md": "reproductions/",
}


def everything(site: Site) -> dict[str, str]:
    """All generated pages, by path under docs/."""
    pages = {
        "index.md": home(site),
        "models.md": models(site),
        "results.md": results(site),
        "reproductions/index.md": claims(site),
        "compare/index.md": compare(site),
        "departures.md": departures(site),
        "comparable.md": comparable(site),
        "links.md": links(site),
        "log.md": log(site),
    }
    pages |= {f"papers/{name}.md": moved(site, one) for name, one in other_names(site)}
    pages |= {f"papers/{one.id}.md": paper(site, one) for one in site.library.papers}
    pages |= papers(site) | worlds(site) | benchmarks(site) | inside(site)
    return pages | _redirects(site, pages)


def _redirects(site: Site, pages: Iterable[str]) -> dict[str, str]:
    """The redirecting pages, by path under docs/."""
    known = set(pages)
    moves = [*MOVED.items(), *_datasets(site)]
    return {
        old: site.moved(_address(old), new, new.strip("/").rpartition("/")[2].capitalize())
        for old, new in moves
        if old not in known and known & {f"{new.rstrip('/')}.md", f"{new}index.md"}
    }


def _datasets(site: Site) -> Iterator[tuple[str, str]]:
    for one in site.library.datasets:
        yield f"datasets/{one.id}.md", f"benchmarks/{one.id}/"


def _address(page: str) -> str:
    """The address of a page of docs/."""
    return page.removesuffix("index.md") if page.endswith("index.md") else f"{page[:-3]}/"
