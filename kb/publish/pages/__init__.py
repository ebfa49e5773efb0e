"""The pages of the site, as Markdown texts by path."""

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
from kb.publish.pages.redirects import redirects
from kb.publish.pages.results import results
from kb.publish.pages.site import Site
from kb.publish.pages.worlds import worlds

__all__ = ["Site", "everything"]


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
    return pages | redirects(site, pages)
