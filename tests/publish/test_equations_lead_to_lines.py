"""From a model file's text to the lines that compute each equation."""

import pytest

from kb.publish.equations import trace
from kb.records.errors import KBError

SOURCE = '''"""Paper boats.

Equations (numbering of the harbour's copy; "?" = not yet checked)
    (1) (2)   fold, fold again        Boat.fold
    (3a?)     float                   Boat.float
              or sink
    §4.1      dry                     dry
    (a)       wet (§4)                dry

Departures
    D1  paper is blue, see (1).
    D2  no sail:
        there is no wind.

Quirks of the yard: `as_built`.
It leaks.
    Q1  a hole.

Record: (9) is not an equation of ours, nor is D7.
"""

class Boat:
    def fold(self):
        a = 1  # Eq. (1), D1
        b = "# Eq. (8)"
        return a  # Eq. (2); D2

    def float(self):
        return 3  # Eq. (3a?), Q1
        # counted (6) by hand

def dry():
    return 1  # §4.1
    return 6  # Eq. (a)
    return 2  # Eq. (1)
    return 3  # Eq. (5)
'''


def test_every_label_has_its_words_its_place_and_its_lines():
    """Rows with two labels, letters, sections and continued lines are all read."""
    found = trace(SOURCE)
    assert [(e.number, e.says, e.place, e.lines) for e in found.equations] == [
        ("(1)", "fold, fold again", "Boat.fold", [24, 35]),
        ("(2)", "fold, fold again", "Boat.fold", [26]),
        ("(3a?)", "float or sink", "Boat.float", [29]),
        ("§4.1", "dry", "dry", [33]),
        ("(a)", "wet (§4)", "dry", [34]),
    ]


def test_departures_and_quirks_are_read_with_their_lines():
    """D and Q rows run over lines, and a heading may too."""
    found = trace(SOURCE)
    assert [(d.number, d.says, d.lines) for d in found.departures] == [
        ("D1", "paper is blue, see (1).", [24]),
        ("D2", "no sail: there is no wind.", [26]),
    ]
    assert [(q.number, q.says, q.lines) for q in found.quirks] == [("Q1", "a hole.", [29])]


def test_what_only_a_comment_names_is_undeclared():
    """Text in strings and plain brackets in comments cite nothing."""
    assert trace(SOURCE).undeclared == {"(5)": [36]}


def test_unchecked_numbers_are_known():
    """A question mark stays visible until somebody has read the paper; a letter is no number."""
    found = trace(SOURCE)
    assert (found.unchecked, found.unnumbered) == (["(3a?)"], ["(a)"])


@pytest.mark.parametrize("source", ["", "x = 1\n", '"""Only words."""\n'])
def test_a_file_without_a_header_has_no_equations(source):
    """Nothing declared is not an error: the page shows no table."""
    found = trace(source)
    assert (found.equations, found.departures, found.quirks, found.undeclared) == ([], [], [], {})


@pytest.mark.parametrize("source", ["def", "'''", "\0", "if x:\n\t1\n        2\n"])
def test_what_is_not_python_is_one_line(source):
    """A broken file names itself and its fault."""
    with pytest.raises(KBError, match=r"boat\.py.*not Python") as caught:
        trace(source, "boat.py")
    assert "\n" not in str(caught.value)
