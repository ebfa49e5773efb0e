"""Lists: Markdown to entries with line numbers, records back to list lines."""

from kb.lists.entry import Entry
from kb.lists.files import read
from kb.lists.reading import parse
from kb.lists.venues import Venues

__all__ = ["Entry", "Venues", "parse", "read"]
