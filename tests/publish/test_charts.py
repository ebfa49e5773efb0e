"""Charts made when the site is built."""

import xml.etree.ElementTree as ET

from kb.publish import charts


def drawn(figure):
    """The chart as an XML reader sees it."""
    markup = str(figure)
    return ET.fromstring(markup[markup.index("<svg") : markup.index("</svg>") + 6])


def lines(*values):
    """One row a value, with an interval around it."""
    return [
        charts.IntervalRow(f"model <{at}>", [charts.Dot(v, v - 5, v + 5, f"seed 1: {v}")])
        for at, v in enumerate(values)
    ]


def test_a_longer_way_along_the_axis_is_a_larger_value():
    """Dots stand in the order of their values, inside the picture, whiskers around them."""
    svg = drawn(charts.intervals(lines(10, 30, 20), title="A & B", unit="R@1"))
    dots = [float(dot.get("cx")) for dot in svg.iter("circle")]
    assert dots[0] < dots[2] < dots[1] < charts.WIDTH
    for group in svg.iter("g"):
        line, dot = group.find("line"), group.find("circle")
        assert float(line.get("x1")) < float(dot.get("cx")) < float(line.get("x2"))


def test_the_scale_begins_at_zero_with_round_ticks():
    """A chart cannot make a small difference look large."""
    axis = charts.Axis(0.0, 37.0, 0, 100)
    assert axis.ticks == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    assert axis(0.0) == 0
    assert axis(40.0) == 100


def test_a_chart_says_in_words_what_it_shows():
    """The picture has a name for those who do not see it, and labels are text, not markup."""
    svg = drawn(charts.intervals(lines(10), title="R@1 & <more>", unit="R@1"))
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "R@1 & <more>"
    assert "model <0>" in [text.text for text in svg.iter("text")]


def test_one_seed_is_one_dot():
    """Every seed is drawn, none is averaged away."""
    line = charts.IntervalRow("m", [charts.Dot(1.0), charts.Dot(2.0), charts.Dot(3.0)])
    assert len(list(drawn(charts.intervals([line], title="t", unit="u")).iter("circle"))) == 3


def test_nothing_measured_draws_nothing():
    """No empty axes."""
    assert charts.intervals([], title="t", unit="u") == ""


def test_a_label_may_say_above_what_it_belongs_to():
    """The line above stands higher than the label, and both are whole."""
    whole = [charts.IntervalRow("own-gates-open-more", [charts.Dot(1.0)], over="some-model")]
    texts = {
        one.text: float(one.get("y"))
        for one in drawn(charts.intervals(whole, title="t", unit="u")).iter("text")
    }
    assert texts["some-model"] < texts["own-gates-open-more"]
