"""The page of measured results."""

from markupsafe import Markup

from kb.publish import charts, measured
from kb.publish.pages.site import Site
from kb.publish.pages.subpages import tabs
from kb.records import Run


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
