"""Exports: the records in the formats other tools read."""

from collections.abc import Callable

from kb.publish import citation
from kb.publish.exports import database, document, huggingface, table
from kb.publish.text import json_text
from kb.records import Dataset, KBError, Library, Paper


def _listed(library: Library) -> list[Paper | Dataset]:
    """Papers, then datasets, that are still in the list."""
    both: list[Paper | Dataset] = [*library.papers, *library.datasets]
    return [one for one in both if one.status != "removed"]


def bibtex(library: Library) -> str:
    """Every paper of the list, keyed by its id, then every dataset."""
    return "\n\n".join(map(citation.bibtex, _listed(library))) + "\n"


def csl_json(library: Library) -> str:
    """The same as CSL-JSON."""
    return json_text([citation.csl(one) for one in _listed(library)])


def ris(library: Library) -> str:
    """The same in RIS."""
    return "\r\n".join(map(citation.ris, _listed(library)))


FORMATS: dict[str, Callable[[Library], str | bytes]] = {
    "bibtex": bibtex,
    "csl-json": csl_json,
    "ris": ris,
    "csv": table.csv_text,
    "csv-published": table.published,
    "csv-leaderboards": table.leaderboards,
    "csv-claims": table.claims,
    "json": document.whole,
    "sqlite": database.dump,
    "model-index": huggingface.model_index,
    "hf-eval": huggingface.eval_results,
}
FILES = {
    "bibtex": "papers.bib",
    "csl-json": "papers.csl.json",
    "ris": "papers.ris",
    "csv": "papers.csv",
    "csv-published": "published.csv",
    "csv-leaderboards": "leaderboards.csv",
    "csv-claims": "claims.csv",
    "json": "kb.json",
    "sqlite": "kb.sqlite",
    "model-index": "model-index.yaml",
    "hf-eval": "eval-results.yaml",
}


def export(library: Library, name: str) -> str | bytes:
    """The records in format `name`. Raises KBError (usage) for a format that is not known."""
    if name not in FORMATS:
        raise KBError(f"no export is called {name!r}", hint=f"there are {', '.join(FORMATS)}")
    return FORMATS[name](library)


def files(library: Library) -> dict[str, str | bytes]:
    """Every export as a file of the site, by path."""
    return {f"exports/{FILES[name]}": write(library) for name, write in FORMATS.items()}
