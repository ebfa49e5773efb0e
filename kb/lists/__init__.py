"""Lists: Markdown to entries with line numbers, records back to list lines."""

from kb.lists.entry import Entry
from kb.lists.files import read
from kb.lists.reading import Document, parse, unread
from kb.lists.rendering import Rendering, render
from kb.lists.venues import Venues
from kb.lists.writing import canonical_line

__all__ = [
    "Document",
    "Entry",
    "Rendering",
    "Venues",
    "canonical_line",
    "parse",
    "read",
    "render",
    "unread",
]
