"""Ids of the special tokens, which every vocabulary shares."""

SPECIAL = 4  # <pad> <start> <end> <unk>: no words
