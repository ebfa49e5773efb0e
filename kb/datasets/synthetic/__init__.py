"""The synthetic benchmark: short generated videos, each derived from a script that is known exactly."""

VERSION = 1  # of the generator: raised whenever the same seed would give other bytes
