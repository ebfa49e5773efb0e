"""Best published value by year: steps without and with extra pre-training, every mark a link."""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup, escape

from kb.publish.boards import Board, Entry
from kb.publish.charts import Axis
from kb.publish.text import clean, number

LETTER, LINE = 7.2, 18  # pixels of a letter and of a line of 14-pixel type
AXIS = 40  # pixels left of the drawing for its scale
FEWEST = 3  # points without which there is no course to see


@dataclass
class Mark:
    """One entry in the drawing."""

    entry: Entry
    x: float
    y: float
    leads: bool  # it set a new best of its condition
    label: str

    @property
    def kind(self) -> str:
        """`none` or `pre`."""
        return "pre" if self.entry.condition.kind == "pre" else "none"


@dataclass(frozen=True)
class Box:
    """The place of a label, to keep others off it."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        """Whether two boxes share a point."""
        apart = self.right < other.left or other.right < self.left
        return not (apart or self.bottom < other.top or other.bottom < self.top)


def frontier(board: Board, names: Callable[[Entry], str], *, page: str = "") -> Markup:
    """Two drawings, for a wide and a narrow page; empty where there are too few points.

    `names` gives an entry's label, `page` the address of the board from where the drawing stands.
    """
    shown = [one for one in board.ranked if one.year and not one.condition.zero_shot]
    shown = [one for one in shown if one.condition.kind != "unknown"]
    if len(shown) < FEWEST or len({one.year for one in shown}) < 2 or board.lower:  # noqa: PLR2004
        return Markup("")
    title = f"Best {board.metric} by year of publication"
    drawings = [
        f'<div class="{name}">{_drawing(board, shown, names, page, size, title)}</div>'
        for name, size in (("wide", (560, 380)), ("narrow", (358, 300)))
    ]
    return Markup("".join(drawings))  # noqa: S704  (every text inside is escaped)


def _drawing(
    board: Board,
    shown: list[Entry],
    names: Callable[[Entry], str],
    page: str,
    size: tuple[int, int],
    title: str,
) -> str:
    width, height = size
    years = sorted({one.year or 0 for one in shown})
    span = range(years[0], years[-1] + 1)
    top = max(one.value(board.metric) or 0.0 for one in shown)
    y = Axis(0.0, top, height - 28, 14)
    left, right = AXIS, width - 10
    step = (right - left) / len(span)
    place = {year: round(left + step * (at + 0.5), 1) for at, year in enumerate(span)}
    marks = _marks(board, shown, names, place, y)
    grid = [_level(y(tick), tick, left, right) for tick in y.ticks]
    every = 1 if step > 2.5 * LINE else 2
    grid += [
        f'<text class="soft" x="{place[year]}" y="{height - 8}" text-anchor="middle">{year}</text>'
        for at, year in enumerate(span)
        if at % every == 0
    ]
    steps = [
        _steps([m for m in marks if m.kind == kind and m.leads], kind, right)
        for kind in ("none", "pre")
    ]
    labels = _labels([m for m in marks if m.leads], width)
    drawn = [_mark(mark, page) for mark in sorted(marks, key=lambda m: m.leads)]
    body = "".join([*grid, *steps, *drawn, *labels])
    return (
        f'<svg class="kb-frontier" viewBox="0 0 {width} {height}" role="group" '
        f'aria-label="{escape(title)}">{body}</svg>'
    )


def _marks(
    board: Board,
    shown: list[Entry],
    names: Callable[[Entry], str],
    place: dict[int, float],
    y: Axis,
) -> list[Mark]:
    best: dict[str, float] = {}
    marks = []
    for entry in sorted(shown, key=lambda one: (one.year or 0, -(one.value(board.metric) or 0))):
        value = entry.value(board.metric) or 0.0
        kind = "pre" if entry.condition.kind == "pre" else "none"
        leads = value > best.get(kind, float("-inf"))
        best[kind] = max(best.get(kind, value), value)
        label = f"{names(entry)} {number(value, board.digits(board.metric))}"
        marks.append(Mark(entry, place[entry.year or 0], y(value), leads, label))
    return marks


def _level(y: float, value: float, left: float, right: float) -> str:
    name = "axis" if value == 0 else "grid"
    rule = f'<line class="{name}" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
    text = f'<text class="soft" x="{left - 8}" y="{y + 5}" text-anchor="end">{number(value)}</text>'
    return rule + text


def _steps(leading: list[Mark], kind: str, right: float) -> str:
    if not leading:
        return ""
    path = f"M{leading[0].x} {leading[0].y}"
    path += "".join(f"H{mark.x}V{mark.y}" for mark in leading[1:])
    return f'<path class="kb-step {kind}" d="{path}H{right}"/>'


def _mark(mark: Mark, page: str) -> str:
    x, y = mark.x, mark.y
    name = f"kb-dot {mark.kind}{'' if mark.leads else ' rest'}"
    shape = (
        f'<path class="{name}" d="M{x} {round(y - 6, 1)}l6 6-6 6-6-6z"/>'
        if mark.kind == "pre"
        else f'<circle class="{name}" cx="{x}" cy="{y}" r="4.5"/>'
    )
    label = escape(clean(mark.label))
    to = escape(f"{page}#{mark.entry.id}")
    return f'<a href="{to}" aria-label="{label}"><title>{label}</title>{shape}</a>'


def _labels(leading: list[Mark], width: int) -> list[str]:
    """A label beside each leading mark, where no mark and no label is; left out if nowhere."""
    taken = [Box(m.x - 6, m.y - 6, m.x + 6, m.y + 6) for m in leading]
    texts = []
    for mark in sorted(leading, key=lambda m: m.y):
        long = len(mark.label) * LETTER
        for dx, dy, anchor in (
            (-10, 5, "end"),
            (-8, -8, "end"),
            (10, 18, "start"),
            (10, 5, "start"),
            (-10, 20, "end"),
            (8, -10, "start"),
        ):
            x, y = mark.x + dx, mark.y + dy
            left = x - long if anchor == "end" else x
            box = Box(left, y - 13, left + long, y + 3)
            own = Box(mark.x - 6, mark.y - 6, mark.x + 6, mark.y + 6)
            free = all(not box.overlaps(other) for other in taken if other != own)
            if left >= AXIS and box.right <= width and free:
                taken.append(box)
                name, _, value = mark.label.rpartition(" ")
                colour = " pre" if mark.kind == "pre" else ""
                texts.append(
                    f'<text class="halo{colour}" x="{round(x, 1)}" y="{round(y, 1)}" '
                    f'text-anchor="{anchor}" aria-hidden="true">{escape(clean(name))} '
                    f'<tspan class="strong">{escape(value)}</tspan></text>'
                )
                break
    return texts
