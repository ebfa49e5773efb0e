"""Data: readers of the published formats, the Diorama world, features. Knows no model."""
