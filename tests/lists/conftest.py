"""Lists that the tests of this room share."""

from pathlib import Path

import pytest

from kb.lists import Entry, Venues, parse

LISTS = Path(__file__).resolve().parents[1] / "data" / "lists"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def venues() -> Venues:
    """The packaged venues and this list's own."""
    return Venues.load(ROOT)


@pytest.fixture(scope="session")
def seed() -> str:
    """The list as it was first given."""
    return (LISTS / "seed.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def seed_entries(seed: str, venues: Venues) -> list[Entry]:
    """The entries of the list as it was first given."""
    return parse(seed, venues)
