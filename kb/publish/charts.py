"""Charts as SVG, made when the site is built; colours come from the page, so both palettes work."""

import math
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from kb.publish.text import clean, number

WIDTH, LABELS, ROW, TOP = 720, 220, 26, 8  # CSS pixels
OVER = 12  # more for a row whose label has a line above it
LONGEST = 29  # characters of a label that LABELS has room for


@dataclass
class Dot:
    """One value with its interval, if it has one."""

    value: float
    low: float | None = None
    high: float | None = None
    title: str = ""


@dataclass
class IntervalRow:
    """One labelled row of an interval chart: one dot per seed."""

    label: str
    dots: list[Dot]
    quiet: bool = False  # a reference point rather than a model
    over: str = ""  # a smaller line above the label


@dataclass
class Axis:
    """A linear scale from data to pixels, with round ticks."""

    low: float
    high: float
    start: float
    end: float
    ticks: list[float] = field(init=False)

    def __post_init__(self) -> None:
        span = max(self.high - self.low, 1e-9)
        unit = 10 ** math.floor(math.log10(span))
        step = next(m * unit for m in (0.1, 0.2, 0.5, 1, 2) if span / (m * unit) <= 8)  # noqa: PLR2004
        self.low = math.floor(self.low / step) * step
        self.high = max(math.ceil(self.high / step) * step, self.low + step)
        count = round((self.high - self.low) / step)
        self.ticks = [round(self.low + step * index, 10) for index in range(count + 1)]

    def few(self, most: int = 6) -> list[float]:
        """Evenly chosen ticks, about so many at most."""
        return self.ticks[:: 1 + len(self.ticks) // most]

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def intervals(lines: list[IntervalRow], *, title: str, unit: str) -> Markup:
    """Rows of dots with whiskers over one scale that holds zero; a heavier rule marks it."""
    dots = [dot for line in lines for dot in line.dots]
    if not dots:
        return Markup("")
    top = max(dot.high if dot.high is not None else dot.value for dot in dots)
    bottom = min(dot.low if dot.low is not None else dot.value for dot in dots)
    axis = Axis(min(bottom, 0.0), max(top, 0.0), LABELS, WIDTH - 24)
    row = ROW + OVER * any(line.over for line in lines)
    height = TOP + row * len(lines)
    parts = [_tick(axis(tick), tick, TOP, height) for tick in axis.ticks]
    if axis.low < 0:
        parts.append(
            f'<line class="kb-zero" x1="{axis(0)}" x2="{axis(0)}" y1="{TOP}" y2="{height}"/>'
        )
    for index, line in enumerate(lines):
        parts += _row(line, axis, TOP + row * index + row / 2)
    parts.append(_text(WIDTH - 24, height + 36, unit, "end", "kb-axis"))
    return _figure(parts, height + 42, title)


def _row(line: IntervalRow, axis: Axis, y: float) -> list[str]:
    name = "kb-series kb-series--quiet" if line.quiet else "kb-series"
    parts = [
        _text(LABELS - 14, y + (10 if line.over else 4), _short(line.label), "end", "kb-label")
    ]
    if line.over:
        parts.append(_text(LABELS - 14, y - 5, _short(line.over), "end", "kb-axis"))
    for at, dot in enumerate(line.dots):
        level = round(y + (at - (len(line.dots) - 1) / 2) * 6, 1)
        whisker = ""
        if dot.low is not None and dot.high is not None:
            whisker = (
                f'<line x1="{axis(dot.low)}" x2="{axis(dot.high)}" y1="{level}" y2="{level}"/>'
            )
        parts.append(
            f'<g class="{name}"><title>{escape(clean(dot.title))}</title>{whisker}'
            f'<circle cx="{axis(dot.value)}" cy="{level}" r="4"/></g>'
        )
    return parts


def _short(label: str) -> str:
    long = len(label) > LONGEST
    return label[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}" if long else label


def _tick(x: float, value: float, top: float, bottom: float) -> str:
    rule = f'<line class="kb-grid" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'
    return rule + _text(x, bottom + 18, number(value), "middle", "kb-axis")


def _text(x: float, y: float, words: str, anchor: str, name: str) -> str:
    return (
        f'<text class="{name}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(clean(words))}</text>'
    )


def _figure(parts: list[str], height: float, title: str) -> Markup:
    name = escape(clean(title))
    svg = (
        f'<svg class="kb-chart" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg>"
    )
    return Markup(  # noqa: S704  (every text above is escaped)
        f'<figure class="kb-figure" data-search-exclude>{svg}<figcaption>{name}</figcaption></figure>'
    )
