"""Our models against recordings of the official code: `python -m tests.parity FILE.npz [--json]`.

A file holds `meta` (JSON: slug, variant, case, config), `state/` (official weights), `in/`
(inputs), `out/` (outputs, losses) and `grad/` (gradients). Adding a model means adding
`tests/parity/<slug with _>.py` with `run(case) -> {array name: array}` and `SKIPPED`.
"""
