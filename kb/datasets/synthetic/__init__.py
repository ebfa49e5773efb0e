"""The synthetic benchmark: short generated videos, each with an exact script."""

VERSION = 1  # of the generator: raised whenever the same seed would give other bytes
