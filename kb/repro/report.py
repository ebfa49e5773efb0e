"""The document of `kb repro --json`: runs, reference points and published numbers."""

from collections.abc import Callable, Iterator, Mapping
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records import Paper, Published, Run, numbers
from kb.records.basis import is_guessed
from kb.repro import announcement, ranks
from kb.repro.baseline import NAME as BASELINE
from kb.repro.loaded_data import LoadedData
from kb.repro.plan import Plan

Document = dict[str, Any]
Runs = Mapping[str, tuple[Run | None, bool]]  # plan id -> record (None: stopped), existed before
OTHER_DATA = "other data: the published numbers were measured on the real dataset"
NO_NUMBERS = "no published number is recorded for this dataset"
STOPPED = "stopped at the budget; run the same command again to go on"
ALONE = "measured; no published number to compare it with, and --baseline was not asked for"
DIRECTIONS = ("t2v", "v2t")
METRICS = ("R@1", "R@5", "R@10", "MedR", "MnR", "MRR", "mAP", "infAP", "infNDCG", "iP10", "iP100")
DIGITS = {"infAP": 3}


def document(
    data: LoadedData, paper: Paper | None, plans: list[Plan], runs: Runs, published: list[Published]
) -> Document:
    """The document of `kb repro --json`; `runs` by plan id."""
    corpus, main = data.corpus, next(one for one in plans if one.kind == "model")
    ours, base = _of(plans, runs, "model"), _of(plans, runs, "baseline")
    status = _status(plans, runs)
    compared_with = corpus.name if corpus.size is None else corpus.name.partition("-")[2]
    rows = [row for row in published if row.dataset == compared_with]
    published_rows = [_published_row(row, ours) for row in rows]
    comparable = any(row["comparable"] for row in published_rows)
    return {
        "model": main.model,
        "paper": paper.id if paper else None,
        "title": paper.title if paper else None,
        "variant": main.variant,
        "data": corpus.name,
        "size": corpus.size,
        "protocol": corpus.protocol,
        "fingerprint": main.fingerprint,
        "videos": {name: announcement.of_videos(corpus, name) for name in corpus.splits},
        "coverage": ours[0].data.coverage if ours else "",
        "status": status,
        "runs": [_row(one, *runs[one.id]) for one in plans],
        "summary": summary(ours) if ours else None,
        "reference": {
            "chance": data.reference["chance"],
            "baseline": {"model": BASELINE, **summary(base)} if base else None,
            "oracle": data.reference.get("oracle"),
        },
        "published": published_rows,
        "comparable": comparable,
        "reason": None if comparable else _reason(data, paper, published_rows),
        "verdict": _verdict(status, ours, base, published_rows),
    }


def _status(plans: list[Plan], runs: Runs) -> str:
    records = [runs[one.id][0] for one in plans]
    if any(run is not None and run.status == "failed" for run in records):
        return "failed"
    return "stopped" if None in records else "done"


def _published_row(row: Published, ours: list[Run]) -> Document:
    """A published row: why it is not comparable with the runs, or each number compared."""
    reasons = numbers.differences(row, ours[0]) if ours else ["not run"]
    checked = [] if reasons else numbers.check(row, ours)
    return {
        **row.model_dump(exclude_none=True),
        "comparable": bool(checked),
        "differences": reasons,
        "numbers": [number.as_json() for number in checked],
    }


def _reason(data: LoadedData, paper: Paper | None, rows: list[Document]) -> str:
    if paper is not None and is_guessed(paper.basis):
        return f"the model is no copy of the paper's: {paper.basis}"
    if data.corpus.size:
        return OTHER_DATA
    if not rows:
        return NO_NUMBERS
    return "; ".join(dict.fromkeys(reason for row in rows for reason in row["differences"]))


def _verdict(status: str, ours: list[Run], base: list[Run], rows: list[Document]) -> str:
    if status == "stopped":
        return STOPPED
    if status == "failed" or not ours:
        return "a run failed; its record says why, and the same command runs it again"
    compared = [verdict(ours, base)] if base else []
    return "; ".join([*_numbers(rows), *compared]) or ALONE


def _numbers(rows: list[Document]) -> Iterator[str]:
    """One line per comparable row."""
    for row in rows:
        numbers_of_row = row["numbers"]
        if numbers_of_row:
            right = [number["metric"] for number in numbers_of_row if number["reproduced"]]
            wrong = [number["metric"] for number in numbers_of_row if not number["reproduced"]]
            source = f"{row['direction']} by {row['reported_by'].replace('_', ' ')}"
            term = numbers_of_row[0]["term"]
            parts = [f"{term} {', '.join(right)}"] if right else []
            parts += [f"not {term} {', '.join(wrong)}"] if wrong else []
            yield f"{source}: {', '.join(parts)}"


def _of(plans: list[Plan], runs: Runs, kind: str) -> list[Run]:
    """The completed runs of a kind."""
    records = [runs[one.id][0] for one in plans if one.kind == kind]
    return [run for run in records if run is not None and run.status == "done"]


def _row(one: Plan, run: Run | None, existed: bool) -> Document:
    row: Document = {"id": one.id, "model": one.model, "variant": one.variant, "seed": one.seed}
    if run is None:
        return {**row, "status": "stopped"}
    if run.status == "failed":
        return {**row, "status": "failed", "reason": run.reason}
    reported = run.model_dump(
        include={"metrics", "intervals", "cost", "machine", "data", "commit", "by"}
    )
    return {**row, "status": "existing" if existed else "new", **reported}


def summary(runs: list[Run]) -> Document:
    """Means over seeds, standard deviations where there are several, R@1's interval."""
    first, main = runs[0], runs[0].headline
    summary_of_runs: Document = {"seeds": [run.seed for run in runs], **_over(runs, fmean)}
    summary_of_runs["sd"] = _over(runs, stdev) if len(runs) > 1 else None
    summary_of_runs["ci95"] = {
        direction: {
            main: [
                fmean(getattr(r.intervals[direction][main], end) for r in runs)
                for end in ("low", "high")
            ]
        }
        for direction in DIRECTIONS
        if direction in first.metrics
    }
    summary_of_runs["resampled"] = first.intervals["t2v"][main].resampled
    if first.topics:
        summary_of_runs["topics"] = {
            topic: {name: fmean(run.topics[topic][name] for run in runs) for name in measures}
            for topic, measures in first.topics.items()
        }
    return summary_of_runs


def _over(runs: list[Run], statistic: Callable[[list[float]], float]) -> Document:
    """A statistic over the seeds of each metric; no SumR for topics: one direction."""
    statistics: Document = {}
    for direction in (name for name in DIRECTIONS if name in runs[0].metrics):
        there = [m for m in METRICS if m in runs[0].metrics[direction]]
        statistics[direction] = {
            m: statistic([r.metrics[direction][m] for r in runs]) for m in there
        }
    if "SumR" in runs[0].metrics:
        statistics["SumR"] = statistic([run.metrics["SumR"] for run in runs])
    return statistics


def verdict(ours: list[Run], base: list[Run]) -> str:
    """One line: against the baseline, query by query, at the same seeds."""
    gain, low, high = difference(ours, base)
    main = ours[0].headline
    digits = DIGITS.get(main, 1)
    gap = (
        f"t2v {main} {gain:+.{digits}f} over {BASELINE},"
        f" 95 % interval {low:+.{digits}f} to {high:+.{digits}f},"
        f" {len(ours)} seed{'s' * (len(ours) > 1)}"
    )
    if low > 0:
        return f"above the baseline; {gap}"
    return f"{'below the baseline' if high < 0 else 'undecided'}; {gap}"


def difference(ours: list[Run], base: list[Run], samples: int = 2000) -> tuple[float, float, float]:
    """Difference in t2v R@1 and its 95 % bootstrap interval, paired by query and seed.

    In infAP where topics are the queries.
    """
    seeds = {run.seed for run in ours} & {run.seed for run in base}
    gain = _by_query(ours, seeds) - _by_query(base, seeds)
    rng = np.random.default_rng(0)
    means = [gain[rng.integers(len(gain), size=len(gain))].mean() for _ in range(samples)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(gain.mean()), float(low), float(high)


def _by_query(runs: list[Run], seeds: set[int]) -> NDArray[np.float64]:
    """(queries,) R@1 in percent, or infAP, of each query; mean over the seeds."""
    values_by_seed = [
        ranks.by_topic(run, "infAP") if run.topics else 100 * ranks.hits(run, "t2v", 1)
        for run in runs
        if run.seed in seeds
    ]
    return np.asarray(np.mean(values_by_seed, axis=0))
