"""Paper Boats, equation by equation; of the invented knowledge base, not run with our tests."""

from models.paper_boats import Boat


def test_a_sentence_folds_into_a_boat():
    """Eq. (1)."""
    assert Boat().fold(["a", "sheet"]) == "a sheet"


def test_boats_that_float_are_near():
    """Eq. (2)."""
    assert Boat().score("a", "a") == 1
