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

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 420, 60, 24, 376  # CSS pixels


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
    found = [(row, row["effect"]["ours"], row["effect"]["paper"]) for row in rows]
    return [Pair(row, a, b) for row, a, b in found if a is not None and b is not None]


def cloud(points: list[Pair], name: Callable[[str], str]) -> Markup:
    """A plane with the papers' effects to the right and ours upwards; empty with one point."""
    if len(points) < 2:  # noqa: PLR2004  (one point is a sentence)
        return Markup("")
    x = Axis(
        min(0.0, *(one.paper for one in points)),
        max(0.0, *(one.paper for one in points)),
        LEFT,
        WIDTH - 140,
    )
    y = Axis(
        min(0.0, *(one.ours for one in points)),
        max(0.0, *(one.ours for one in points)),
        BOTTOM,
        TOP,
    )
    parts = [
        f'<line class="grid" x1="{x(t)}" x2="{x(t)}" y1="{TOP}" y2="{BOTTOM}"/><text class="soft" x="{x(t)}" y="{BOTTOM + 20}" text-anchor="middle">{signed(t)} %</text>'
        for t in x.ticks[:: 1 + len(x.ticks) // 6]
    ]
    parts += [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 140}" y1="{y(t)}" y2="{y(t)}"/><text class="soft" x="{LEFT - 8}" y="{y(t) + 4}" text-anchor="end">{signed(t)}</text>'
        for t in y.ticks[:: 1 + len(y.ticks) // 6]
    ]
    parts.append(
        f'<line class="axis" x1="{x(0)}" x2="{x(0)}" y1="{TOP}" y2="{BOTTOM}"/><line class="axis" x1="{LEFT}" x2="{WIDTH - 140}" y1="{y(0)}" y2="{y(0)}"/>'
    )
    parts += [_point(one, x, y, name) for one in points]
    parts.append(f'<text class="soft" x="{LEFT}" y="12">effect measured here, percent</text>')
    label = f"{len(points)} effects measured here against those that the papers report"
    return Markup(
        f'<svg class="kb-cloud" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )  # noqa: S704


def _point(one: Pair, x: Axis, y: Axis, name: Callable[[str], str]) -> str:
    row = one.row
    at = f"#claim-{slug(row['model'] + ' ' + row['claim'])}"
    words = escape(clean(f"{name(row['model'])}: {row['claim'].replace('-', ' ')}"))
    return (
        f'<a href="{at}"><circle class="kb-point kb-mark--{KINDS[row["verdict"]]}" cx="{x(one.paper)}" cy="{y(one.ours)}" r="5"/>'
        f'<text class="halo" x="{x(one.paper) + 9}" y="{y(one.ours) + 4}">{words}</text></a>'
    )
