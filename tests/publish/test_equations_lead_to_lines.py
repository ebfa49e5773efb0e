"""From a model file's text to the lines that compute each equation."""

import pytest

from kb.publish.sources import Model
from kb.records.equations import functions, trace
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


PART = '''"""Knots, of another paper."""

class Knot:
    def tie(self):
        return 1  # Eq. (4)

def cut():
    return 2  # Eq. (4), (7)
'''
TIED = '''"""Rafts.

Equations
    (4)       tie        parts.knots.Knot.tie
    (1?)      cut        parts.knots.cut (7)
    (2)       steer      steer
    (5)       burn       parts.knots.burn
    (6)       sink       parts.absent.sink
    (8)       climb      parts.../knots.cut
"""

def steer():
    return 1  # Eq. (2)
    return 2  # Eq. (4)
'''


@pytest.fixture
def models(tmp_path):
    """A folder of models with one part."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "knots.py").write_text(PART)
    return tmp_path


def test_an_equation_of_a_part_leads_to_the_line_of_the_part(models):
    """By its own number or by the part's; what the part has not, or no part has, has no line."""
    traced = trace(TIED, "rafts.py", models)
    assert [(e.number, e.part, e.lines) for e in traced.equations] == [
        ("(4)", "parts/knots.py", [5]),
        ("(1?)", "parts/knots.py", [8]),
        ("(2)", "", [13]),
        ("(5)", "parts/knots.py", []),
        ("(6)", "parts/absent.py", []),
        ("(8)", "", []),
    ]


def test_a_comment_beside_a_part_s_equation_is_undeclared(models):
    """The header says that the part computes it."""
    assert trace(TIED, "rafts.py", models).undeclared == {"(4)": [14]}


def test_without_the_folder_of_models_a_part_has_no_lines():
    """A text alone is traced too."""
    assert [e.lines for e in trace(TIED).equations] == [[], [], [13], [], [], []]


def test_a_part_that_is_not_python_is_one_line(models):
    """The part is named, not the model that uses it."""
    (models / "parts" / "knots.py").write_text("def")
    with pytest.raises(KBError, match=r"knots\.py.*not Python") as caught:
        trace(TIED, "rafts.py", models)
    assert "\n" not in str(caught.value)


def test_functions_are_named_by_their_class():
    """First and last line of each."""
    assert functions(PART) == {"Knot.tie": (4, 5), "cut": (7, 8)}


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


@pytest.mark.parametrize(
    ("source", "own", "part"),
    [
        (
            "https://host.example/at/1a/models/rafts.py",
            "models/rafts.py#L",
            "models/parts/knots.py#L",
        ),
        (None, "#line-", None),
    ],
)
def test_a_line_of_a_part_is_linked_where_its_file_has_an_address(models, source, own, part):
    """The page shows the model's file, so its lines have a place even without an address."""
    model = Model("rafts", "models/rafts.py", [], trace(TIED, "rafts.py", models), source)
    home = "https://host.example/at/1a/" if source else ""
    assert model.address() == home + own
    assert model.address("parts/knots.py") == (home + part if part else None)
