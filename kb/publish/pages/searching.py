"""Words by which the site's own search finds a paper first: they weigh more than any text."""

from pathlib import Path

from kb.lists.people import surname
from kb.publish.citation import is_company
from kb.publish.pages.site import Site
from kb.records import KBError, Library, Paper, yamlfile

PROMOTED = Path("site") / "search.yaml"


def tags(site: Site, paper: Paper) -> list[str]:
    """The model's name, its first author with the year, what it builds on, the identifiers."""
    first = [_family(paper.authors[0])] if paper.authors else []
    labels = [site.short(paper) if paper.model else None]
    labels += [f"{name} {paper.year}" if paper.year else name for name in first]
    labels += _pretrained(site, paper)
    labels += [words for words, id_ in promoted(site.library).items() if id_ == paper.id]
    labels += [paper.ids.arxiv, paper.ids.doi]
    return [one for one in dict.fromkeys(labels) if one]


def promoted(library: Library) -> dict[str, str]:
    """Searched words -> the paper that answers them, from site/search.yaml if there is one."""
    path = library.root / PROMOTED
    if not path.is_file():
        return {}
    listed = yamlfile.parse(yamlfile.read_text(path).text, path)
    known = {paper.id for paper in library.papers}
    for words, id_ in listed.items():
        if id_ not in known:
            raise KBError(
                f"`{words}` leads to {id_}, which is no paper of the list",
                where=path,
                hint="write `words: ID` with an id of data/papers.yaml",
            )
    return {str(words): str(id_) for words, id_ in listed.items()}


def _pretrained(site: Site, paper: Paper) -> list[str]:
    """The pre-trained models that its results name in one word and that are no dataset: CLIP."""
    results = site.library.published.get(paper.id, [])
    words = dict.fromkeys(one.pretraining for one in results if one.pretraining)
    datasets = {one.name for one in site.library.datasets} | {"none", "unknown"}
    return [one for one in words if one.isalnum() and one not in datasets]


def _family(name: str) -> str:
    return name if is_company(name) else surname(name)
