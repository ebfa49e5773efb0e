"""Words by which the site's own search finds a paper first: they weigh more than any text."""

from kb.lists.people import surname
from kb.publish.citation import is_company
from kb.publish.pages.site import Site
from kb.records import Paper


def tags(site: Site, paper: Paper) -> list[str]:
    """The model's name, its first author with the year, what it builds on, the identifiers."""
    first = [_family(paper.authors[0])] if paper.authors else []
    found = [site.short(paper) if paper.model else None]
    found += [f"{name} {paper.year}" if paper.year else name for name in first]
    found += _pretrained(site, paper)
    found += [paper.ids.arxiv, paper.ids.doi]
    return [one for one in dict.fromkeys(found) if one]


def _pretrained(site: Site, paper: Paper) -> list[str]:
    """The pre-trained models that its results name in one word and that are no dataset: CLIP."""
    results = site.library.published.get(paper.id, [])
    words = dict.fromkeys(one.pretraining for one in results if one.pretraining)
    datasets = {one.name for one in site.library.datasets} | {"none", "unknown"}
    return [one for one in words if one.isalnum() and one not in datasets]


def _family(name: str) -> str:
    return name if is_company(name) else surname(name)
