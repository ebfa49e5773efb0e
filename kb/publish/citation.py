"""How a paper is cited: BibTeX and CSL-JSON, built from the record alone."""

import re
import unicodedata
from typing import Any

from kb.lists.name_words import ORGANISATION
from kb.lists.people import given, is_initials, suffix, surname
from kb.lists.venues import Venues
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
JOURNAL = re.compile(r"\b(?:Journal|Transactions|Letters|Magazine|Annals|Review)\b")
MATHS = re.compile(r"(\$(?=[^\s$])[\w\\^+*/=(),.<>|'{} -]{0,80}[^\s$\\]\$(?!\d))", re.ASCII)


def tex(text: str) -> str:
    """Text as BibTeX reads it back: TeX's own characters escaped, on one line, braces balanced."""
    return "".join(_TEX.get(char, char) for char in clean(text))


def _protect(title: str) -> str:
    """Braces around words whose capitals carry meaning, so that a style keeps them."""
    return re.sub(r"(?<![\w{\\])(\w*[^\W\d_a-z]\w*[A-Z]\w*|\d+[A-Z]\w*)", r"{\1}", title)


def tex_title(title: str) -> str:
    """A title for BibTeX: formulas (`$h$`) as they are, capitals that carry meaning braced."""
    parts = MATHS.split(clean(title))
    plain = [part for part in parts[1::2] if part.count("{") != part.count("}")]
    if plain:
        return _protect(tex(title))
    return "".join(part if n % 2 else _protect(tex(part)) for n, part in enumerate(parts))


def tex_name(name: str) -> str:
    """One author as BibTeX splits it: `Luo, H`, `Smith, Jr., William H.`; a company is braced."""
    if is_company(name):
        return "{" + tex(name) + "}"
    family, first, junior = surname(name), given(name), suffix(name)
    turned = (
        "," in name or junior or (first and name.startswith(f"{family} ") and is_initials(first))
    )
    if not turned:
        return tex(name)
    return tex(", ".join(part for part in (family, junior, first) if part))


def is_company(name: str) -> bool:
    """Whether a name is not a person's: it holds `and`, a second comma, or says Inc., Team, ..."""
    joined = re.search(r"\band\b", name, re.IGNORECASE) or name.count(",") > 1 + bool(suffix(name))
    return bool(joined or ("," in name and ORGANISATION.search(name)))


def kind(paper: Paper) -> str:
    """The BibTeX entry type that the venue calls for."""
    if paper.venue is None:
        return "misc"
    venues = Venues.load()
    kinds = [v.kind for v in paper.versions if v.venue == paper.venue]
    kind = venues.kind(paper.venue) or (kinds[0] if kinds else None)
    if kind is None and (JOURNAL.search(paper.venue) or venues.is_abbreviated(paper.venue)):
        kind = "journal"
    return {"journal": "article", "preprint": "misc"}.get(kind or "", "inproceedings")


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
        "title": tex_title(paper.title),
        "author": " and ".join(map(tex_name, authors)) or None,
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


def ris(paper: Paper) -> str:
    """One entry as reference managers import it (RIS, 2001 specification)."""
    types = {"article": "JOUR", "inproceedings": "CPAPER", "misc": "UNPB"}
    where = {"article": "JO", "inproceedings": "T2"}.get(kind(paper), "PB")
    rows = [("TY", types[kind(paper)]), ("ID", paper.id), ("TI", paper.title)]
    rows += [("AU", _turned(name)) for name in paper.authors]
    rows += [("PY", str(paper.year or "")), (where, paper.venue or "")]
    rows += [("DO", paper.ids.doi or ""), ("UR", address(paper) or "")]
    lines = [f"{tag}  - {clean(value)}" for tag, value in rows if value]
    return "\n".join([*lines, "ER  - ", ""])


def _turned(author: str) -> str:
    """`Luo, Huaishao`; a company or one word as it is."""
    parts = _name(author)
    ordered = (parts.get("family"), parts.get("given"), parts.get("suffix"))
    return parts.get("literal") or ", ".join(part for part in ordered if part)


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
    """A personal name as family, given and suffix; one word or a company stands as it is."""
    name = clean(unicodedata.normalize("NFC", author))
    first = given(name)
    if is_company(name) or not first:
        return {"literal": name}
    parts = {"family": surname(name), "given": first, "suffix": suffix(name)}
    return {part: text for part, text in parts.items() if text}


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
    properties: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": paper.title,
        "author": [{"@type": "Person", "name": name} for name in paper.authors],
        "datePublished": str(paper.year) if paper.year else None,
        "isPartOf": {"@type": "Periodical", "name": paper.venue} if paper.venue else None,
        "identifier": same or None,
        "url": address(paper),
    }
    return {name: value for name, value in properties.items() if value}


def dataset(one: Dataset) -> dict[str, Any]:
    """The dataset as schema.org's Dataset."""
    urls = [web_address(link.url) for link in one.links]
    properties: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": one.name,
        "description": one.title,
        "creator": [{"@type": "Person", "name": name} for name in one.authors],
        "datePublished": str(one.year) if one.year else None,
        "url": next((url for url in urls if url), None),
    }
    return {name: value for name, value in properties.items() if value}
