"""Croissant (MLCommons, version 1.0): metadata of the list's datasets, with their public files.

A file is named where it can be fetched and its bytes are known; nothing is said of the others.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from kb.publish import citation, cited, measured
from kb.publish.text import web_address
from kb.records import Dataset, Library

CONFORMS = "http://mlcommons.org/croissant/1.0"
_TYPES = {
    "csv": "text/csv", "json": "application/json", "txt": "text/plain", "zip": "application/zip",
    "gz": "application/gzip", "tsv": "text/tab-separated-values", "pkl": "application/octet-stream",
}  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def datasets(library: Library) -> dict[str, dict[str, Any]]:
    """The metadata of each dataset of the list, and of the synthetic benchmark, by id."""
    known = _sources()
    documents = {one.id: _dataset(one, known.get(one.id, {})) for one in library.datasets}
    return documents | ({"diorama": _diorama(library)} if library.datasets else {})


def _sources() -> dict[str, Any]:
    """Dataset -> home, licence and files of `kb data fetch` (kb/datasets/sources.json)."""
    text = (resources.files("kb") / "datasets" / "sources.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _dataset(one: Dataset, source: dict[str, Any]) -> dict[str, Any]:
    homes = [source.get("home"), *(link.url for link in one.links if link.kind != "paper")]
    home = next((url for url in homes if url and web_address(url)), cited.address(one))
    splits = "; ".join(f"{split.protocol}: {_sizes(split.model_dump())}" for split in one.splits)
    values = {
        **_head(one.name),
        "description": f"{one.title}. {f'Splits: {splits}.' if splits else ''}".strip(),
        "url": home,
        "license": source.get("licence"),
        "creator": [{"@type": "sc:Person", "name": name} for name in one.authors],
        "datePublished": f"{one.year}-01-01" if one.year else None,
        "citeAs": citation.bibtex(one),
        "distribution": [_file(file) for file in source.get("files", []) if file.get("sha256")],
    }
    return {name: value for name, value in values.items() if value}


def _head(name: str) -> dict[str, Any]:
    return {"@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": CONFORMS, "name": name}


def _sizes(split: dict[str, Any]) -> str:
    parts = ("train", "val", "test")
    return ", ".join(f"{part} {split[part]}" for part in parts if split[part] is not None)


def _file(file: dict[str, Any]) -> dict[str, Any]:
    ending = str(file["path"]).rsplit(".", maxsplit=1)[-1].lower()
    values = {
        "@type": "cr:FileObject",
        "@id": file["path"],
        "name": file["path"],
        "contentUrl": file["url"],
        "encodingFormat": _TYPES.get(ending, "application/octet-stream"),
        "sha256": file.get("sha256"),
        "contentSize": f"{file['bytes']} B" if file.get("bytes") else None,
    }
    return {name: value for name, value in values.items() if value}


def _diorama(library: Library) -> dict[str, Any]:
    """The synthetic benchmark, which a command makes; its runs name the data by fingerprint."""
    prints = {run.data.fingerprint for run in measured.runs(library) if run.data.size}
    return {
        **_head("Diorama"),
        "description": "A synthetic benchmark of videos as expert features with captions and exact"
        " ground truth, in the formats of the published datasets. `kb data make diorama-msrvtt`"
        f" makes it from a seed; {len(prints)} versions of it, told apart by their fingerprints,"
        " were measured on.",
        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "isLiveDataset": False,
    }
