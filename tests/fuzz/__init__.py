"""Fuzz targets over every parser, and kills of commands: `python -m tests.fuzz --minutes 10`."""
