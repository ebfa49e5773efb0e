"""The smallest counterparts of the synthetic benchmark, each made once in a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kb import datasets


@pytest.fixture(scope="session")
def smallest(once: Callable[..., Path]) -> Callable[[str], Path]:
    """The folder of a counterpart at its smallest, seed 0; to be read only."""

    def staged(name: str) -> Path:
        return once(f"tiny-{name}", lambda out: datasets.make(name, size="tiny", out=out))

    return staged
