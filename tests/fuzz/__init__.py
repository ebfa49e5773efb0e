"""A fuzz target over reading and checking lists: `python -m tests.fuzz --minutes 10`."""
