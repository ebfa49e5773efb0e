"""Every model whose file keeps the contract, and what the other files lack."""

import pytest

from kb.records.errors import KBError
from kb.repro import models

NAMES = models.names()


def _load():
    loaded, broken = {}, {}
    for name in NAMES:
        try:
            loaded[name] = models.load(name)
        except KBError as error:  # noqa: PERF203  (one broken file leaves the others theirs)
            broken[name] = error
    return loaded, broken


LOADED, BROKEN = _load()
every_model = pytest.mark.parametrize("model", LOADED.values(), ids=LOADED)
