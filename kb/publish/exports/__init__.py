"""Exports: the records in the formats other tools read."""

from collections.abc import Callable, Mapping
from typing import Any

from kb.publish import citation
from kb.publish.exports import (
    croissant,
    database,
    document,
    every_eval_ever,
    huggingface,
    table,
)
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
    "every-eval-ever": every_eval_ever.archive,
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
    "every-eval-ever": "every-eval-ever.zip",
}

OF_ONE: dict[str, Callable[[Library], Mapping[str, Any]]] = {
    "model-card": huggingface.cards,
    "croissant": croissant.datasets,
}


def export(library: Library, name: str) -> str | bytes:
    """The records in format `name`, or one record's: `model-card/hgr`, `croissant/msrvtt`.

    `every-eval-ever/hgr` has the ranks of queries too, which the whole archive leaves out.
    Raises KBError (usage) for a format or record that is not known.
    """
    kind, _, key = name.partition("/")
    if key and kind == "every-eval-ever":
        return every_eval_ever.archive_of(library, key)
    if key and kind in OF_ONE:
        documents = OF_ONE[kind](library)
        if key not in documents:
            raise KBError(
                f"no {kind} of {key!r}", hint=f"there are {', '.join(documents) or 'none'}"
            )
        one = documents[key]
        return one if isinstance(one, str) else json_text(one)
    if name not in FORMATS:
        raise KBError(f"no export is called {name!r}", hint=f"there are {', '.join(FORMATS)}")
    return FORMATS[name](library)


def cards(library: Library) -> dict[str, str]:
    """The model cards by path in the site; they are Markdown, but no pages of it."""
    by_model = huggingface.cards(library)
    return {f"exports/models/{name}/README.md": card for name, card in by_model.items()}


def files(library: Library) -> dict[str, str | bytes]:
    """Every export as a file of the site, by path."""
    made = {f"exports/{FILES[name]}": write(library) for name, write in FORMATS.items()}
    made |= {
        f"exports/croissant/{name}.json": json_text(metadata)
        for name, metadata in croissant.datasets(library).items()
    }
    return made
