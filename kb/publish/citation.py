"""How a paper is cited: BibTeX and CSL-JSON, built from the record alone."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from kb.lists.name_words import ORGANISATION
from kb.lists.people import given, is_initials, suffix, surname
from kb.publish import cited
from kb.publish.cited import Cited
from kb.publish.text import clean
from kb.records import Dataset, Paper

KEPT = 16_384  # entries: a page, the exports and the API show the same
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
_ESCAPED = str.maketrans(_TEX)
MATHS = re.compile(r"(\$(?=[^\s$])[\w\\^+*/=(),.<>|'{} -]{0,80}[^\s$\\]\$(?!\d))", re.ASCII)


def tex(text: str) -> str:
    """Text as BibTeX reads it back: TeX's own characters escaped, on one line, braces balanced."""
    return clean(text).translate(_ESCAPED)


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


def kind(paper: Paper | Dataset) -> str:
    """The BibTeX entry type that the venue calls for."""
    return cited.form(paper)


def address(paper: Paper | Dataset) -> str | None:
    """Where the paper can be read."""
    return cited.address(paper)


def tex_doi(doi: str) -> str:
    """A DOI as it is: only what would end the entry or a line is escaped."""
    return tex(doi) if re.search(r"[{}%\\]", doi) else doi


def _fields(one: Cited) -> dict[str, str | None]:
    where = {"article": "journal", "inproceedings": "booktitle"}.get(one.form, "howpublished")
    preprint = f"arXiv preprint arXiv:{one.arxiv}" if one.arxiv else None
    authors = [*one.authors, *(["others"] if one.et_al else [])]
    text = {name: getattr(one, name) for name in ("series", "volume", "number")}
    fields = {
        "title": tex_title(one.title),
        "author": " and ".join(map(tex_name, authors)) or None,
        where: tex(one.container) if one.container else preprint,
        "year": str(one.year) if one.year else None,
        **{name: tex(value) if value else None for name, value in text.items()},
        "pages": tex(one.pages).replace("-", "--") if one.pages else None,
        "publisher": tex(one.publisher) if one.publisher else None,
        "issn": one.issn,
        "doi": tex_doi(one.doi) if one.doi else None,
        "eprint": one.arxiv,
        "archiveprefix": "arXiv" if one.arxiv else None,
        "url": one.url,
    }
    return {name: value for name, value in fields.items() if value}


def bibtex(paper: Paper | Dataset) -> str:
    """One BibTeX entry; its key is the paper's id, or the dataset's alias of author and year."""
    return _entry(cited.cited(paper))


@lru_cache(maxsize=KEPT)
def _entry(one: Cited) -> str:
    fields = _fields(one)
    width = max(len(name) for name in fields)
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{one.form}{{{one.key},", *lines, "}"])


def csl(paper: Paper | Dataset) -> dict[str, Any]:
    """One CSL-JSON item (citationstyles.org schema 1.0)."""
    one = cited.cited(paper)
    types = {"article": "article-journal", "inproceedings": "paper-conference", "misc": "article"}
    preprint = f"arXiv:{one.arxiv}" if one.arxiv and one.form == "misc" else None
    item: dict[str, Any] = {
        "id": one.key,
        "type": types[one.form],
        "title": clean(one.title),
        "author": [_name(author) for author in one.authors],
        "issued": {"date-parts": [[one.year]]} if one.year else None,
        "container-title": one.container,
        "collection-title": one.series,
        "publisher": one.publisher or (paper.venue if one.form == "misc" else None),
        "volume": one.volume,
        "issue": one.number,
        "page": one.pages,
        "ISSN": one.issn,
        "DOI": one.doi,
        "number": preprint,
        "URL": one.url,
    }
    return {name: value for name, value in item.items() if value}


RIS_TYPES = {"article": "JOUR", "inproceedings": "CONF", "misc": "UNPB"}


def ris(paper: Paper | Dataset) -> str:
    """One reference in RIS: a tag, two spaces, a hyphen, a value; ends with ER."""
    return _tagged(cited.cited(paper))


@lru_cache(maxsize=KEPT)
def _tagged(one: Cited) -> str:
    first, _, last = (one.pages or "").partition("-")
    names = [", ".join(_name(author).values()) for author in one.authors]
    pairs = [("TY", RIS_TYPES[one.form]), ("ID", one.key), ("TI", one.title)]
    pairs += [("AU", name) for name in names]
    tags = {"T2": one.container, "T3": one.series, "PY": one.year, "VL": one.volume}
    tags |= {"IS": one.number, "SP": first, "EP": last, "PB": one.publisher, "SN": one.issn}
    tags |= {"DO": one.doi, "AN": f"arXiv:{one.arxiv}" if one.arxiv else None, "UR": one.url}
    pairs += [(tag, str(value)) for tag, value in tags.items() if value]
    return "".join(f"{tag}  - {clean(value)}\r\n" for tag, value in pairs) + "ER  - \r\n"


def _name(author: str) -> dict[str, str]:
    """A personal name as family, given and suffix; one word or a company stands as it is."""
    name = clean(unicodedata.normalize("NFC", author))
    first = given(name)
    if is_company(name) or not first:
        return {"literal": name}
    parts = {"family": surname(name), "given": first, "suffix": suffix(name)}
    return {part: text for part, text in parts.items() if text}
