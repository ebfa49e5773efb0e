"""Times that may be spent."""

import pytest

from kb.records.errors import KBError
from kb.repro.budget import Clock, seconds


@pytest.mark.parametrize(
    ("text", "wanted"), [("90", 90), ("540s", 540), ("9m", 540), ("1.5h", 5400), (" 2M ", 120)]
)
def test_seconds_minutes_and_hours(text: str, wanted: float) -> None:
    """A number with a unit; without one it is seconds."""
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "m", "-3m", "3 days", "1e9", "٣m"])
def test_other_words_are_no_time(text: str) -> None:
    """One line says how to write it."""
    with pytest.raises(KBError, match="is no time"):
        seconds(text)


def test_no_budget_is_no_limit() -> None:
    """Without a budget everything fits; with one, only what is left."""
    assert seconds(None) is None
    assert Clock(None).allows(1e9)
    assert not Clock(10).allows(1e9)
