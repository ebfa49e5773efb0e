"""How a paper is cited: BibTeX and CSL-JSON, built from the record alone."""

import re
import unicodedata
from typing import Any

from kb.publish.text import clean, web_address
from kb.records import Dataset, Paper

_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
JOURNALS = frozenset(
    {"IJCV", "MTAP", "Neurocomputing", "PR", "TCSVT", "TIP", "TMM", "TOMM", "TPAMI", "TNNLS"}
)


def tex(text: str) -> str:
    """Text as BibTeX reads it back: TeX's own characters escaped, on one line, braces balanced."""
    return "".join(_TEX.get(char, char) for char in clean(text))


def _protect(title: str) -> str:
    """Braces around words whose capitals carry meaning, so that a style keeps them."""
    return re.sub(r"(?<![\w{\\])(\w*[^\W\d_a-z]\w*[A-Z]\w*)", r"{\1}", title)


def _one_name(name: str) -> str:
    """A name that holds BibTeX's own separators is braced, so that it stays one name."""
    return "{" + name + "}" if re.search(r"\band\b|,", name, re.IGNORECASE) else name


def kind(paper: Paper) -> str:
    """The BibTeX entry type that the venue calls for."""
    journal = any(v.kind == "journal" and v.venue == paper.venue for v in paper.versions)
    if journal or paper.venue in JOURNALS:
        return "article"
    return "misc" if paper.venue in {None, "arXiv"} else "inproceedings"


def address(paper: Paper) -> str | None:
    """Where the paper can be read: its DOI, else arXiv, else its first paper link."""
    if paper.ids.doi:
        return f"https://doi.org/{paper.ids.doi}"
    if paper.ids.arxiv:
        return f"https://arxiv.org/abs/{paper.ids.arxiv}"
    links = (web_address(link.url) for link in paper.links if link.kind == "paper")
    return next((url for url in links if url), None)


def _fields(paper: Paper) -> dict[str, str | None]:
    where = {"article": "journal", "inproceedings": "booktitle"}.get(kind(paper))
    authors = [*paper.authors, *(["others"] if paper.et_al else [])]
    fields = {
        "title": _protect(tex(paper.title)),
        "author": " and ".join(_one_name(tex(name)) for name in authors) or None,
        where or "howpublished": tex(paper.venue) if paper.venue and where else None,
        "year": str(paper.year) if paper.year else None,
        "doi": tex(paper.ids.doi) if paper.ids.doi else None,
        "eprint": paper.ids.arxiv,
        "archiveprefix": "arXiv" if paper.ids.arxiv else None,
        "url": address(paper),
    }
    return {name: value for name, value in fields.items() if value}


def bibtex(paper: Paper) -> str:
    """One BibTeX entry; its key is the paper's id."""
    fields = _fields(paper)
    width = max(len(name) for name in fields)
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind(paper)}{{{paper.id},", *lines, "}"])


def csl(paper: Paper) -> dict[str, Any]:
    """One CSL-JSON item (citationstyles.org schema 1.0)."""
    types = {"article": "article-journal", "inproceedings": "paper-conference", "misc": "article"}
    item: dict[str, Any] = {
        "id": paper.id,
        "type": types[kind(paper)],
        "title": clean(paper.title),
        "author": [_name(author) for author in paper.authors],
        "issued": {"date-parts": [[paper.year]]} if paper.year else None,
        "container-title": paper.venue if kind(paper) != "misc" else None,
        "publisher": paper.venue if kind(paper) == "misc" else None,
        "DOI": paper.ids.doi,
        "number": f"arXiv:{paper.ids.arxiv}" if paper.ids.arxiv else None,
        "URL": address(paper),
    }
    return {name: value for name, value in item.items() if value}


def _name(author: str) -> dict[str, str]:
    """A personal name as given and family (from its first particle on); one word stands as it is."""
    words = clean(unicodedata.normalize("NFC", author)).split()
    if len(words) == 1:
        return {"literal": words[0]}
    particles = (at for at in range(1, len(words) - 1) if words[at][0].islower())
    start = next(particles, len(words) - 1)
    return {"family": " ".join(words[start:]), "given": " ".join(words[:start])}


def scholar(paper: Paper) -> list[dict[str, str]]:
    """The citation_* tags that scholarly indexes read, in their order."""
    tags = [("title", paper.title), *(("author", name) for name in paper.authors)]
    tags += [("publication_date", str(paper.year))] if paper.year else []
    where = {"article": "journal_title", "inproceedings": "conference_title"}.get(kind(paper))
    tags += [(where, paper.venue)] if where and paper.venue else []
    tags += [("doi", paper.ids.doi)] if paper.ids.doi else []
    tags += [("arxiv_id", paper.ids.arxiv)] if paper.ids.arxiv else []
    return [{"name": name, "content": content} for name, content in tags]


def article(paper: Paper) -> dict[str, Any]:
    """The paper as schema.org's ScholarlyArticle."""
    same = [f"https://doi.org/{paper.ids.doi}"] if paper.ids.doi else []
    same += [f"https://arxiv.org/abs/{paper.ids.arxiv}"] if paper.ids.arxiv else []
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": paper.title,
        "author": [{"@type": "Person", "name": name} for name in paper.authors],
        "datePublished": str(paper.year) if paper.year else None,
        "isPartOf": {"@type": "Periodical", "name": paper.venue} if paper.venue else None,
        "identifier": same or None,
        "url": address(paper),
    }
    return {name: value for name, value in found.items() if value}


def dataset(one: Dataset) -> dict[str, Any]:
    """The dataset as schema.org's Dataset."""
    urls = [web_address(link.url) for link in one.links]
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": one.name,
        "description": one.title,
        "creator": [{"@type": "Person", "name": name} for name in one.authors],
        "datePublished": str(one.year) if one.year else None,
        "url": next((url for url in urls if url), None),
    }
    return {name: value for name, value in found.items() if value}
