"""Marks of effects: where they stand, what they look like, how numbers are written."""

import re

import pytest

from kb.publish import curves, effects, scatter
from kb.publish.effects import Effect
from kb.publish.pages.model_section import coloured
from kb.records import Library


def test_a_scale_holds_zero_and_every_end():
    """So that a zero line is always there."""
    axis = effects.scale([Effect(20.0, 10.0, 31.0), Effect(5.0)])
    assert (axis.low, axis.high >= 31.0) == (0.0, True)
    axis = effects.scale([Effect(-7.0, -9.0, -5.0)])
    assert (axis.low <= -9.0, axis.high) == (True, 0.0)


def test_a_bar_reaches_from_zero_to_its_value():
    """To the left where it is negative; its interval is a line."""
    axis = effects.scale([Effect(-10.0), Effect(10.0)])
    drawn = str(effects.bar(axis, Effect(-10.0, -10.0, -5.0), "fails"))
    x, width = re.search(r'<rect x="([\d.]+)%" y="5" width="([\d.]+)%"', drawn).groups()
    assert (float(x), float(x) + float(width)) == (axis(-10.0), axis(0.0))
    assert 'class="kb-whisker" x1="3%"' in drawn


@pytest.mark.parametrize(("kind", "shape"), [("fails", "<path"), ("holds", "<circle")])
def test_a_verdict_has_a_shape_of_its_own(kind, shape):
    """A diamond for one that fails: colour is never alone."""
    axis = effects.scale([Effect(1.0)])
    assert shape in effects.dot(axis, Effect(1.0), kind)


def test_a_ruler_always_names_zero():
    """However many ticks there are."""
    for low, high in ((-80, 120), (-3, 9), (0, 47), (-210, -1)):
        assert ">0</text>" in effects.ruler(effects.scale([Effect(low), Effect(high)]))


def test_a_number_has_its_sign_and_a_real_minus():
    """Zero has none on a scale."""
    assert effects.signed(45.93, 1) == "+45.9"
    assert effects.signed(-6.6, 1) == "\N{MINUS SIGN}6.6"
    assert (effects.signed(0.0), effects.signed(20.0)) == ("0", "+20")
    assert (effects.signed(-0.04, 1), effects.signed(0.04, 1)) == ("0.0", "0.0")


def test_code_is_coloured_by_line_and_escaped():
    """Strings that run over lines are coloured on each; nothing is read as HTML."""
    lines = coloured(['"""a', 'b"""', "def f(x: int) -> str:  # <b>", "    return '<i>'"])
    assert len(lines) == 4
    assert lines[0] == '<span class="s">&#34;&#34;&#34;a</span>'
    assert lines[1].startswith('<span class="s">b')
    assert '<span class="c"># &lt;b&gt;</span>' in lines[2]
    assert '<span class="k">return</span>' in lines[3]


def test_what_is_not_python_keeps_its_lines():
    """Broken code is shown too."""
    assert len(coloured(["def (", "", "\x00 ?"])) == 3


def test_a_curve_has_a_line_per_seed_and_their_mean(invented):
    """The last mean is written at its end; runs without epochs have no curve."""
    run = next(iter(Library.open(invented).runs("paper-boats")))
    made = [
        run.model_copy(update={"curve": [{"epoch": 1, "SumR": 10.0}, {"epoch": 2, "SumR": end}]})
        for end in (20.0, 30.0)
    ]
    drawn = str(curves.curve(made))
    assert drawn.count('class="kb-course"') == 2
    assert "mean 25.0" in drawn
    assert curves.curve([run.model_copy(update={"curve": []})]) == ""


def test_effects_with_one_sign_are_counted_and_named():
    """Two points make a plane; one does not."""
    row = {"model": "rafts", "claim": "it-<floats>", "verdict": "holds"}
    known = row | {"effect": {"ours": 4.0, "paper": 2.0}}
    other = row | {"effect": {"ours": -4.0, "paper": 2.0}, "verdict": "opposite"}
    absent = row | {"effect": {"ours": None, "paper": 2.0}}
    points = scatter.pairs([known, other, absent])
    assert [one.same_sign for one in points] == [True, False]
    plane = str(scatter.cloud(points, str.upper))
    assert "RAFTS: it &lt;floats&gt;" in plane
    assert 'href="#claim-rafts-it-floats"' in plane
    assert scatter.cloud(points[:1], str.upper) == ""
