"""Metadata from elsewhere: arXiv first, bibliographies; what a person set is never overwritten."""
