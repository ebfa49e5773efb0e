"""Exports: the records in the formats other tools read."""

from collections.abc import Callable

from kb.publish import citation
from kb.publish.exports import database, document, huggingface, table
from kb.publish.text import json_text
from kb.records import KBError, Library


def bibtex(library: Library) -> str:
    """Every paper that is still in the list, keyed by its id."""
    entries = [citation.bibtex(paper) for paper in library.papers if paper.status != "removed"]
    return "\n\n".join(entries) + "\n"


def csl_json(library: Library) -> str:
    """The same as CSL-JSON."""
    items = [citation.csl(paper) for paper in library.papers if paper.status != "removed"]
    return json_text(items)


FORMATS: dict[str, Callable[[Library], str | bytes]] = {
    "bibtex": bibtex,
    "csl-json": csl_json,
    "csv": table.csv_text,
    "json": document.whole,
    "sqlite": database.dump,
    "model-index": huggingface.model_index,
    "hf-eval": huggingface.eval_results,
}
FILES = {
    "bibtex": "papers.bib",
    "csl-json": "papers.csl.json",
    "csv": "papers.csv",
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
