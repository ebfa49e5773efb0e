"""Records: the schema, the canonical store, the keys. Imports nothing else of kb."""

from kb.records.errors import Exit, KBError
from kb.records.library import Library
from kb.records.runs import Run
from kb.records.schema import (
    Answer,
    Claim,
    Dataset,
    Ids,
    Implementation,
    Imprint,
    Link,
    Paper,
    Provenance,
    Published,
    Source,
    Split,
    Version,
)

__all__ = [
    "Answer",
    "Claim",
    "Dataset",
    "Exit",
    "Ids",
    "Implementation",
    "Imprint",
    "KBError",
    "Library",
    "Link",
    "Paper",
    "Provenance",
    "Published",
    "Run",
    "Source",
    "Split",
    "Version",
]
