"""A drawing of a model from its file: the equations of its header, placed by who calls them.

An equation that only `encode_video` reaches stands in the lane of the video, one that only
`encode_text` reaches in that of the sentence, one that both reach spans the two; below them come
what `similarity` adds and, with a dashed border, what only training does.
"""

import re
import textwrap
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from markupsafe import Markup, escape

from kb.publish.callgraph import Graph
from kb.publish.sources import Model
from kb.publish.text import clean
from kb.records.equations import PART, Equation
from kb.records.errors import KBError

LANES = {"video": "encode_video", "text": "encode_text", "match": "similarity", "loss": "loss"}
BOTH = "both"
_IMPORTED = re.compile(r"^from models\.parts\.(\w+) import", re.MULTILINE)
_WORDS = {
    "text": re.compile(r"\b(?:captions?|sentences?|words?|text|quer(?:y|ies)|phrases?|t_\w+)\b"),
    "video": re.compile(r"\b(?:videos?|frames?|clips?|shots?|experts?|regions?|v_\w+)\b"),
}


@dataclass
class Step:
    """One equation in its lane."""

    equation: Equation
    lane: str  # video, text, both, match, loss


def steps(root: Path, model: Model) -> list[Step]:
    """The equations of a model with their lanes; empty where the file cannot be traced."""
    if model.fault or not model.trace.equations:
        return []
    graph = Graph()
    try:
        graph.add("\n".join(model.lines), model.path)
        for part in _IMPORTED.findall("\n".join(model.lines)):
            path = root / "models" / "parts" / f"{part}.py"
            if path.is_file():
                graph.add(path.read_text(encoding="utf-8", errors="replace"), f"parts/{part}.py")
    except KBError:
        return []
    main = _main(graph, model)
    reached = {lane: graph.reached(main, method) for lane, method in LANES.items()}
    placed: list[Step] = []
    for one in model.trace.equations:
        before = placed[-1].lane if placed else BOTH
        placed.append(Step(one, _lane(graph, one, reached) or _named(one.says) or before))
    return placed


def _main(graph: Graph, model: Model) -> str:
    """The model's class: the last of the file's own that has a loss or encodes a side."""
    own: list[str] = re.findall(r"^class (\w+)", "\n".join(model.lines), re.MULTILINE)
    fit = [one for one in own if any(f"{one}.{m}" in graph.functions for m in LANES.values())]
    return (fit or own or [""])[-1]


def _lane(graph: Graph, equation: Equation, reached: dict[str, set[str]]) -> str:
    part = PART.fullmatch(equation.place)
    place = part["name"] if part else equation.place
    owner, _, method = place.rpartition(".")
    function = graph.method(owner, method) or place
    video, text = (function in reached[lane] for lane in ("video", "text"))
    if video != text:
        return "video" if video else "text"
    if video:
        return _named(equation.says) or BOTH
    return next((lane for lane in ("match", "loss") if function in reached[lane]), "")


def _named(says: str) -> str:
    """The side that a sentence names, or both; empty if none."""
    named = [lane for lane, words in _WORDS.items() if words.search(says)]
    return BOTH if len(named) > 1 else "".join(named)


@dataclass
class Sheet:
    """A drawing as it grows downwards. Units: CSS pixels."""

    width: int
    parts: list[str] = field(default_factory=list)
    low: dict[str, float] = field(default_factory=dict)  # lane -> where its last box ends

    LINE, PAD, GAP, BETWEEN = 18, 9, 18, 16

    def span(self, lane: str) -> tuple[float, float]:
        """Left edge and width of a box of this lane."""
        half = (self.width - self.BETWEEN) / 2
        if lane in {"video", "text"}:
            return (0 if lane == "video" else half + self.BETWEEN), half
        return 0, self.width

    def box(self, lane: str, number: str, words: str, link: str = "") -> None:
        """A box under the last one of its lane, with an arrow from there."""
        x, width = self.span(lane)
        above = ("video", "text") if lane not in {"video", "text"} else (lane,)
        top = max((self.low[one] + self.GAP for one in above if one in self.low), default=1)
        lines = _wrapped(f"{number} {words}".strip(), width)
        height = len(lines) * self.LINE + 2 * self.PAD
        self.parts += [self._arrow(one, top) for one in above if one in self.low]
        name = f"box box--{lane}"
        rect = f'<rect class="{name}" x="{x + 0.5:g}" y="{top:g}" width="{width - 1:g}" height="{height}" rx="4"/>'
        kind = "box-said" if link else "box-name"
        middle, first = x + width / 2, top + self.PAD + 14
        rows = [
            f'<text class="{kind}" x="{middle:g}" y="{first + n * self.LINE:g}">'
            f"{escape(clean(line))}</text>"
            for n, line in enumerate(lines)
        ]
        drawn = rect + "".join(rows)
        self.parts.append(f'<a href="{escape(link)}">{drawn}</a>' if link else drawn)
        self.low |= dict.fromkeys(above, top + height)

    def _arrow(self, lane: str, to: float) -> str:
        x, width = self.span(lane)
        middle, start = x + width / 2, self.low[lane]
        head = f"M{middle - 4:g} {to - 7:g} L{middle:g} {to:g} L{middle + 4:g} {to - 7:g}"
        return f'<path class="flow" d="M{middle:g} {start:g} L{middle:g} {to:g} {head}"/>'

    def svg(self, name: str, label: str) -> str:
        """The drawing."""
        height = max(self.low.values(), default=0) + 1
        return (
            f'<svg class="{name}" viewBox="0 0 {self.width} {height:g}" width="{self.width}" '
            f'height="{height:g}" role="group" aria-label="{escape(clean(label))}">'
            f"{''.join(self.parts)}</svg>"
        )


def _wrapped(words: str, width: float) -> list[str]:
    """Lines that fit a box at 14 px: a letter takes about half of that."""
    return textwrap.wrap(words, max(int((width - 16) / 7.2), 12)) or [words]


def draw(model: Model, placed: list[Step]) -> Markup:
    """Two drawings of one model, for wide and for narrow screens; empty without equations."""
    if not placed:
        return Markup("")
    label = f"{model.name}: {len(placed)} steps from video and sentence to similarity and loss"
    drawings = [
        _sheet(placed, 720).svg("drawn-wide", label),
        _sheet(placed, 328).svg("drawn-narrow", label),
    ]
    return Markup("".join(drawings))  # noqa: S704  (every text in it is escaped)


def _sheet(placed: list[Step], width: int) -> Sheet:
    sheet = Sheet(width)
    sheet.box("video", "", "video")
    sheet.box("text", "", "sentence")
    order = {"video": 0, "text": 0, BOTH: 0, "match": 1, "loss": 2}
    ordered = sorted(placed, key=lambda one: order[one.lane])
    for (lane, says), same in groupby(ordered, key=lambda one: (one.lane, one.equation.says)):
        equations = [one.equation for one in same]
        numbers = " ".join(one.number for one in equations)
        sheet.box(lane, numbers, says, f"#eq-{anchor(equations[0])}")
    return sheet


def anchor(equation: Equation) -> str:
    """The name of an equation in an address: `(3a?)` is `3a`."""
    return re.sub(r"[^\w.]", "", equation.number)
