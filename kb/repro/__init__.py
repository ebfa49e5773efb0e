"""Reproduction: models by name, the training loop, runs, statistics. Needs the extra `repro`."""

from kb.repro import model_package

model_package.install()
