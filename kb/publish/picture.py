"""A picture of the results as a standalone SVG, with its own colours: for a README."""

import re

from kb.publish import measured
from kb.publish.measured import Bench, benches
from kb.publish.pages.results import comparison
from kb.records import KBError, Library

# Both palettes of kb.css, for a standalone picture.
STYLE = """
svg { font: 12px ui-sans-serif, system-ui, "Segoe UI", sans-serif; }
text { fill: #59616b; } .kb-label { fill: #1d2126; font-size: 13px; }
.kb-grid { stroke: #e2e4e0; } .kb-zero { stroke: #59616b; }
.kb-series circle { fill: #0c6067; } .kb-series line { stroke: #0c6067; stroke-width: 2; }
.kb-series--quiet circle { fill: none; stroke: #59616b; stroke-width: 1.5; }
.kb-series--quiet line { stroke: #59616b; }
@media (prefers-color-scheme: dark) {
text { fill: #a3abb4; } .kb-label { fill: #e6e8ea; } .kb-grid { stroke: #363c44; }
.kb-series circle { fill: #7fced2; } .kb-series line { stroke: #7fced2; }
.kb-series--quiet circle { fill: none; stroke: #a3abb4; } .kb-series--quiet line { stroke: #a3abb4; }
}
"""


def picture(library: Library) -> str:
    """The bench with most models as one SVG. Raises KBError if there are no runs."""
    candidates = benches(sorted(measured.runs(library), key=lambda run: run.id), library.root)
    if not candidates:
        raise KBError("nothing was measured yet", hint="`kb repro MODEL` writes the first run")
    chosen = max(candidates, key=_width)
    chart = str(comparison(chosen))
    svg = re.search(r"<svg .*</svg>", chart, re.DOTALL)
    assert svg is not None
    head, _, rest = svg[0].partition(">")
    alone = f'{head} xmlns="http://www.w3.org/2000/svg" width="720">'
    note = "<!-- Generated from data/results; do not edit. -->"
    return f"{alone}{note}<style>{STYLE}</style>{rest}\n"


def _width(bench: Bench) -> tuple[int, int]:
    return len({one.model for one in bench.series if not one.baseline}), bench.queries
