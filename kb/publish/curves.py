"""Training curves: validation by epoch, one line per seed and their mean."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean

from markupsafe import Markup, escape

from kb.publish.charts import Axis
from kb.publish.text import clean, number
from kb.records import Run

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 358, 216, 44, 270, 24, 176  # CSS pixels, a phone's too
METRICS = ("SumR", "t2v infAP", "t2v R@1")  # the first one that every curve has
Course = list[tuple[int, float]]  # (epoch, value)


def curve(runs: Iterable[Run]) -> Markup:
    """The curves of these runs; empty where none has two epochs."""
    known = list(runs)
    for metric in METRICS:
        courses = [_course(run, metric) for run in known]
        courses = [one for one in courses if len(one) > 1]
        if courses:
            return _drawn(courses, metric)
    return Markup("")


def _course(run: Run, metric: str) -> Course:
    points = [(row.get("epoch"), row.get(metric)) for row in run.curve]
    return [(int(e), float(v)) for e, v in points if e is not None and v is not None]


def _drawn(courses: list[Course], metric: str) -> Markup:
    epochs = [epoch for one in courses for epoch, _ in one]
    values = [value for one in courses for _, value in one]
    x = Axis(min(epochs), max(epochs), LEFT, RIGHT)
    x.low, x.high = float(min(epochs)), float(max(epochs))
    y = Axis(min(values), max(values), BOTTOM, TOP)
    parts = [_level(y(tick), number(tick)) for tick in y.few(5)]
    parts += [_line("kb-course", one, x, y) for one in courses]
    mean = _mean(courses)
    parts.append(_line("kb-course kb-course--mean", mean, x, y))
    last = mean[-1]
    parts.append(
        f'<text class="strong" x="{x(last[0]) + 8:g}" y="{y(last[1]) + 4:g}">'
        f"{'mean ' if len(courses) > 1 else ''}{number(last[1], 1)}</text>"
    )
    for epoch in sorted({min(epochs), max(epochs)}):
        parts.append(_text(x(epoch), BOTTOM + 20, str(epoch), "middle"))
    parts += [
        _text(RIGHT, BOTTOM + 38, "epoch", "end"),
        _text(LEFT, 12, f"validation {metric}", "start"),
    ]
    label = f"Validation {metric} by epoch, {len(courses)} seed{'s' if len(courses) > 1 else ''}, last mean {number(last[1], 1)}"
    return Markup(  # noqa: S704  (every text above is escaped)
        f'<svg class="kb-curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _mean(courses: list[Course]) -> Course:
    """Over the seeds that reached an epoch."""
    by_epoch: dict[int, list[float]] = defaultdict(list)
    for one in courses:
        for epoch, value in one:
            by_epoch[epoch].append(value)
    return [(epoch, fmean(of)) for epoch, of in sorted(by_epoch.items())]


def _line(name: str, course: Course, x: Axis, y: Axis) -> str:
    points = " ".join(f"{x(epoch):g},{y(value):g}" for epoch, value in course)
    return f'<polyline class="{name}" points="{points}"/>'


def _level(at: float, label: str) -> str:
    rule = f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{at:g}" y2="{at:g}"/>'
    return rule + _text(LEFT - 8, at + 4, label, "end")


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text class="soft" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(clean(words))}</text>'
