"""What the tests of this room share."""

from pathlib import Path

import pytest

from tests.sync.base import Base


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """An empty folder that is about to become a knowledge base."""
    return Base(tmp_path)
