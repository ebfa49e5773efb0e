"""The page of measured results, and the chart of its largest bench as a picture for a README."""

import re

from markupsafe import Markup

from kb.publish import charts, measured
from kb.publish.pages.site import Site
from kb.publish.pages.subpages import tabs
from kb.records import KBError, Library, Run

# Both palettes of kb.css, for a standalone picture.
_STYLE = """
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


def results(site: Site) -> str:
    """The page of measured results."""
    benches = site.benches
    return site.page(
        "results.md",
        "../",
        {
            "title": "All runs",
            "description": "Every measured run with its seed, intervals, device and cost.",
            "hide": ["navigation"],
        },
        benches=benches,
        runs=site.runs,
        tabs=tabs(site, "results/"),
        charts={bench.key: comparison(bench) for bench in benches},
    )


def comparison(bench: measured.Bench) -> Markup:
    """Text-to-video R@1, or infAP, of the models on one bench, and of its reference points."""
    metric = bench.headline
    unit = f"{metric}, fraction" if bench.by_topics else f"{metric}, percent"
    lines = [
        charts.IntervalRow(
            one.model,
            _dots(one, metric, bench.digits),
            quiet=one.baseline,
        )
        for one in bench.whole
        if one.mean("t2v", metric) is not None
    ]
    how = measured.resampled(x for one in bench.whole for x in one.intervals("t2v", metric))
    title = (
        f"{bench.title}: text to video {metric}, one dot per seed, 95 % bootstrap interval, {how}"
    )
    return charts.intervals(lines, title=title, unit=unit)


def _dots(one: measured.Series | measured.Point, metric: str, digits: int) -> list[charts.Dot]:
    if isinstance(one, measured.Series):
        known = [run for run in one.runs if measured.value(run, "t2v", metric) is not None]
        return [_dot(run, metric, digits) for run in known]
    value = one.mean("t2v", metric) or 0.0
    return [charts.Dot(value, title=f"{one.model}: {value:.{digits}f}")]


def _dot(run: Run, metric: str, digits: int) -> charts.Dot:
    value = measured.value(run, "t2v", metric) or 0.0
    interval = run.intervals.get("t2v", {}).get(metric)
    low, high = (interval.low, interval.high) if interval else (None, None)
    return charts.Dot(value, low, high, f"seed {run.seed}: {value:.{digits}f}")


def picture(library: Library) -> str:
    """The bench with most models as a standalone SVG, with its own colours. Raises KBError if there are no runs."""
    candidates = measured.benches(
        sorted(measured.runs(library), key=lambda run: run.id), library.root
    )
    if not candidates:
        raise KBError("nothing was measured yet", hint="`kb repro MODEL` writes the first run")
    chosen = max(candidates, key=_width)
    chart = str(comparison(chosen))
    svg = re.search(r"<svg .*</svg>", chart, re.DOTALL)
    assert svg is not None
    head, _, rest = svg[0].partition(">")
    alone = f'{head} xmlns="http://www.w3.org/2000/svg" width="720">'
    note = "<!-- Generated from data/results; do not edit. -->"
    return f"{alone}{note}<style>{_STYLE}</style>{rest}\n"


def _width(bench: measured.Bench) -> tuple[int, int]:
    return len({one.model for one in bench.series if not one.baseline}), bench.queries
