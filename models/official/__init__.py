"""The released code of each paper: its weights by its own keys, and what it does differently.

`models/official/<key>.py` has `config_of(weights, options)`, the key map, `class Released(Model)`
with the quirks Q1, Q2, ... and `load(state, config)`, which `Model.from_official` calls.
"""
