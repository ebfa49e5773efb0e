"""Effects measured here against those that the papers report, as a plane with named points."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from kb.publish.charts import Axis
from kb.publish.effects import signed
from kb.publish.text import clean, slug
from kb.publish.verdict_box import KINDS

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 60, 580, 24, 376  # CSS pixels


@dataclass(frozen=True)
class Pair:
    """One claim whose effect is known on both sides. Relative changes in percent."""

    row: dict[str, Any]
    ours: float
    paper: float

    @property
    def same_sign(self) -> bool:
        """Whether both effects point the same way."""
        return math.copysign(1, self.ours) == math.copysign(1, self.paper)


def pairs(rows: Iterable[dict[str, Any]]) -> list[Pair]:
    """The claims with both effects."""
    both = [(row, row["effect"]["ours"], row["effect"]["paper"]) for row in rows]
    return [Pair(row, a, b) for row, a, b in both if a is not None and b is not None]


def cloud(points: list[Pair], name: Callable[[str], str]) -> Markup:
    """A plane with the papers' effects to the right and ours upwards; empty with one point."""
    if len(points) < 2:  # noqa: PLR2004  (one point is a sentence)
        return Markup("")
    x = _axis([one.paper for one in points], LEFT, RIGHT)
    y = _axis([one.ours for one in points], BOTTOM, TOP)
    parts = [_upright(x(tick), f"{signed(tick)} %") for tick in x.few()]
    parts += [_level(y(tick), signed(tick)) for tick in y.few()]
    parts.append(f'<line class="axis" x1="{x(0)}" x2="{x(0)}" y1="{TOP}" y2="{BOTTOM}"/>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{y(0)}" y2="{y(0)}"/>')
    parts += [_point(one, x, y, name) for one in points]
    parts.append(f'<text class="soft" x="{LEFT}" y="12">effect measured here, percent</text>')
    label = f"{len(points)} effects measured here against those that the papers report"
    head = (
        f'<svg class="kb-cloud" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{label}">'
    )
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704  (every text in it is escaped)


def _axis(values: list[float], start: float, end: float) -> Axis:
    return Axis(min(0.0, *values), max(0.0, *values), start, end)


def _upright(x: float, label: str) -> str:
    rule = f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{BOTTOM}"/>'
    return f'{rule}<text class="soft" x="{x}" y="{BOTTOM + 20}" text-anchor="middle">{label}</text>'


def _level(y: float, label: str) -> str:
    rule = f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}"/>'
    return f'{rule}<text class="soft" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{label}</text>'


def _point(one: Pair, x: Axis, y: Axis, name: Callable[[str], str]) -> str:
    row = one.row
    at = f"#claim-{slug(row['model'] + ' ' + row['claim'])}"
    words = escape(clean(f"{name(row['model'])}: {row['claim'].replace('-', ' ')}"))
    return (
        f'<a href="{at}"><circle class="kb-point kb-mark--{KINDS[row["verdict"]]}" cx="{x(one.paper)}" cy="{y(one.ours)}" r="5"/>'
        f'<text class="halo" x="{x(one.paper) + 9}" y="{y(one.ours) + 4}">{words}</text></a>'
    )
