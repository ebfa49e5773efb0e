"""Paper Boats: an invented model, read as text by the tests of publishing.

Equations (numbering of arXiv v1)
    (1)    a sentence folds into a boat        Boat.fold
    (2)    boats that float are near           Boat.score

Departures: none
"""


class Boat:
    """Nothing runs here."""

    def fold(self, words: list[str]) -> str:
        """Fold."""
        return " ".join(words)  # Eq. (1)

    def score(self, left: str, right: str) -> float:
        """Score."""
        return float(left == right)  # Eq. (2)
