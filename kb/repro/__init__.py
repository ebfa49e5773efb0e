"""Reproduction: models by name, the training loop, runs, statistics. Needs the extra `repro`."""
