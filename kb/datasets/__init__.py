"""Data: readers of the published formats, the Diorama world, features. Knows no model."""

from kb.datasets import catalogue
from kb.datasets.catalogue import load, make, names

__all__ = ["catalogue", "load", "make", "names"]
