"""Lists: Markdown to entries with line numbers, records back to list lines."""

from kb.lists.entry import Entry

__all__ = ["Entry"]
