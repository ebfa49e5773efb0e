"""Effects as marks on a line: an interval with a dot, a bar with its interval, a ruler of ticks.

All positions are percent of the width of the SVG, so that a row keeps its height and its shapes at
any width; colours come from the page. Every number also stands as text beside its mark.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from kb.publish.charts import Axis
from kb.publish.text import number

ROOM = 3.0  # percent left free at both ends for the shapes


@dataclass(frozen=True)
class Effect:
    """A difference with its interval. Units: those of its metric."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> list[float]:
        """What a scale has to hold."""
        return [one for one in (self.value, self.low, self.high) if one is not None]


def scale(effects: Iterable[Effect]) -> Axis:
    """A scale with round ticks that holds zero and all effects."""
    ends = [0.0, *(end for one in effects for end in one.ends)]
    return Axis(min(ends), max(ends), ROOM, 100 - ROOM)


def ruler(axis: Axis, *, signs: bool = True) -> Markup:
    """The ticks of a scale, as text, with their signs where it is one of differences."""
    ticks = axis.few() if axis.low >= 0 else _around_zero(axis)
    named = [(axis(tick), signed(tick) if signs else number(tick)) for tick in ticks]
    return _svg("kb-ruler", "".join(f'<text x="{x:g}%" y="15">{name}</text>' for x, name in named))


def _around_zero(axis: Axis) -> list[float]:
    """Every second tick, so that zero is one of them."""
    step = 1 if len(axis.ticks) < 7 else 2  # noqa: PLR2004  (that have room on a phone)
    zero = axis.ticks.index(0.0)
    return axis.ticks[zero % step :: step]


def dot(axis: Axis, effect: Effect, kind: str) -> Markup:
    """An interval with its value: a disc, a diamond or a ring, by the kind of verdict."""
    return dots(axis, [(effect, kind)])


def dots(axis: Axis, marks: Iterable[tuple[Effect, str]]) -> Markup:
    """Several intervals on one line, each with its kind; the last is drawn on top."""
    drawn = [
        f'<g class="kb-mark--{kind}">{_whisker(axis, one)}{_shape(axis, one, kind)}</g>'
        for one, kind in marks
    ]
    return _svg("kb-dot", _zero(axis) + "".join(drawn))


def seeds(axis: Axis, values: Iterable[Effect]) -> Markup:
    """A ring per seed or world on one line."""
    return dots(axis, [(one, "quiet") for one in values])


def bar(axis: Axis, effect: Effect, kind: str) -> Markup:
    """A bar from zero with its interval."""
    start, end = sorted((axis(0.0), axis(effect.value)))
    drawn = f'<rect x="{start:g}%" y="5" width="{end - start:.1f}%" height="10"/>'
    return _svg(f"kb-bar kb-mark--{kind}", drawn + _zero(axis) + _whisker(axis, effect, 10))


def signed(value: float, digits: int | None = None) -> str:
    """`+45.9`, with a real minus sign for what is below; what is shown as zero has no sign."""
    text = f"{value:+g}" if digits is None else f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _zero(axis: Axis) -> str:
    return f'<line class="kb-zero" x1="{axis(0.0):g}%" x2="{axis(0.0):g}%" y1="0" y2="100%"/>'


def _whisker(axis: Axis, effect: Effect, y: int = 16) -> str:
    if effect.low is None or effect.high is None:
        return ""
    low, high = axis(effect.low), axis(effect.high)
    return f'<line class="kb-whisker" x1="{low:g}%" x2="{high:g}%" y1="{y}" y2="{y}"/>'


def _shape(axis: Axis, effect: Effect, kind: str) -> str:
    at = f"{axis(effect.value):g}%"
    if kind == "fails":
        return f'<svg x="{at}" y="16" overflow="visible"><path d="M-6 0L0-6 6 0 0 6Z"/></svg>'
    return f'<circle cx="{at}" cy="16" r="5"/>'


def _svg(name: str, inside: str) -> Markup:
    return Markup(f'<svg class="{name}" aria-hidden="true">{inside}</svg>')  # noqa: S704  (numbers)
