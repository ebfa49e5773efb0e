"""Sync: the list's changes into the records, three-way, with nothing lost on either side."""

from kb.sync.report import SyncReport

__all__ = ["SyncReport"]
