"""Metadata from arXiv and bibliographies; never overwrites what a person has set."""
