"""Our models against recordings of the official code: `python -m tests.parity FILE.npz [--json]`.

A file holds `meta` (JSON: slug, variant, case, config), `state/` (official weights), `in/`
(inputs), `out/` (outputs, losses) and `grad/` (gradients). Where its variant ends in `train` it was
recorded in train mode: losses of five steps of SGD, running statistics and weights after them.
Adding a model means adding `tests/parity/<slug with _>.py` with what `training.Adapter` lists.
"""
