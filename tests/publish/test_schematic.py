"""A model drawn from its file: who calls an equation decides where it stands."""

from pathlib import Path

import pytest

from kb.publish import schematic, sources
from kb.publish.callgraph import Graph
from kb.records.errors import KBError

ROOT = Path(__file__).resolve().parents[2]
MODEL = '''"""Rafts.

Equations
    (1)    logs of a video                  Rafts.encode_video
    (2)    ropes of a sentence              Rope.forward
    (3)    both in one width                Rafts.width
    (4)    their cosine                     Rafts.similarity
    (5)    what is too near <b>             Rafts.hinge
    (6)    nobody calls it: of words        Rafts.lost
"""

from models.parts.knots import Knot


class Rope:
    def forward(self, x):
        return x  # Eq. (2)


class Rafts(Knot):
    def __init__(self):
        self.rope = Rope()
        self.to_width = self.width(3)

    def width(self, n):
        return n  # Eq. (3)

    def encode_video(self, clips):
        return self.to_width(clips.logs)  # Eq. (1)

    def encode_text(self, captions):
        return self.to_width(self.rope(captions.lost))

    def similarity(self, a, b):
        return a * b  # Eq. (4)

    def loss(self, batch):
        return self.hinge(self.similarity(1, 2))

    def hinge(self, s):
        return s  # Eq. (5)

    def lost(self):
        return 0  # Eq. (6)
'''


@pytest.fixture
def drawn(tmp_path):
    """(model, its steps) of a source text."""

    def make(source):
        (tmp_path / "models" / "parts").mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / "parts" / "knots.py").write_text("class Knot:\n    pass\n")
        (tmp_path / "models" / "rafts.py").write_text(source)
        model = sources.model(tmp_path, "rafts", None)
        return model, schematic.steps(tmp_path, model)

    return make


def test_an_equation_stands_in_the_lane_of_those_who_call_it(drawn):
    """Through attributes, methods that made them, and other classes; else by its words."""
    _, steps = drawn(MODEL)
    assert [(one.equation.number, one.lane) for one in steps] == [
        ("(1)", "video"),
        ("(2)", "text"),
        ("(3)", "both"),
        ("(4)", "match"),
        ("(5)", "loss"),
        ("(6)", "text"),
    ]


def test_every_box_leads_to_its_equation_and_is_escaped(drawn):
    """Two drawings, for wide and narrow screens; what only training does is marked."""
    svg = str(schematic.draw(*drawn(MODEL)))
    assert svg.count("<svg") == 2
    assert svg.count('href="#eq-4"') == 2
    assert svg.count("box--loss") == 2
    assert "&lt;b&gt;" in svg
    assert "<b>" not in svg


@pytest.mark.parametrize("source", ["", "def", '"""No equation."""\n'])
def test_a_file_without_equations_has_no_drawing(drawn, source):
    """Neither has one that is not Python."""
    model, steps = drawn(source)
    assert (steps, schematic.draw(model, steps)) == ([], "")


def test_what_is_not_python_is_named():
    """One line with the file."""
    with pytest.raises(KBError, match=r"rafts\.py.*not Python"):
        Graph().add("def", "rafts.py")


def test_the_levels_of_dual_encoding_are_shared_by_both_sides():
    """Level 1 of the video is its own; levels 2 and 3 and the common space are of both."""
    model = sources.model(ROOT, "dual-encoding", None)
    lanes = {one.equation.number: one.lane for one in schematic.steps(ROOT, model)}
    assert (lanes["(1)"], lanes["(2)"], lanes["(8)"], lanes["(9)"]) == (
        "video",
        "both",
        "both",
        "loss",
    )


def test_every_model_of_the_list_can_be_drawn():
    """None is without a step, and most have steps on both sides."""
    names = [path.stem.replace("_", "-") for path in (ROOT / "models").glob("[a-z]*.py")]
    found = {name: schematic.steps(ROOT, sources.model(ROOT, name, None)) for name in names}
    assert [name for name, steps in found.items() if not steps] == []
