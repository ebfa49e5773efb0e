"""Measured runs in Hugging Face's formats: a model card's `model-index`, and eval results.

Only what was measured here is exported; a published number belongs to those who published it.
Formats: hub-docs `modelcard.md` and `eval_results.yaml`.
"""

from collections import defaultdict
from typing import Any

import yaml

from kb.publish import citation, measured
from kb.publish.text import markdown
from kb.records import Library, Paper, Run

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the same bytes, sooner
TASKS = {"t2v": "Text to video retrieval", "v2t": "Video to text retrieval"}


def _by_model(library: Library) -> dict[str, list[Run]]:
    runs_by_model: dict[str, list[Run]] = defaultdict(list)
    for run in measured.runs(library):
        if run.kind == "model" and run.status == "done":
            runs_by_model[run.model].append(run)
    return dict(sorted(runs_by_model.items()))


def _numbers(run: Run, direction: str) -> dict[str, float]:
    table = run.metrics.get(direction, {})
    return {name: value for name, value in table.items() if isinstance(value, (int, float))}


def _tasks(run: Run) -> list[str]:
    """The directions of a run: one where topics are the queries."""
    return [direction for direction in TASKS if direction in run.metrics]


def model_index(library: Library) -> str:
    """One `model-index` with one entry per model and one result per run and direction."""
    index = [
        {"name": name, "results": [_result(run, task) for run in runs for task in _tasks(run)]}
        for name, runs in _by_model(library).items()
    ]
    return _yaml({"model-index": index})


def _result(run: Run, direction: str) -> dict[str, Any]:
    return {
        "task": {"type": "video-text-retrieval", "name": TASKS[direction]},
        "dataset": {
            "type": run.data.name,
            "name": run.data.title.replace(",", "", 1) if run.data.size else run.data.title,
            "config": run.data.protocol,
            "split": run.data.split,
            "revision": run.data.fingerprint,
        },
        "metrics": [
            {
                "type": name,
                "value": value,
                "name": f"{name}, {direction}, {_which(run)}",
            }
            for name, value in _numbers(run, direction).items()
        ],
    }


def _which(run: Run) -> str:
    """`variant full, seed 0`, and by whom where it was not the knowledge base."""
    return f"variant {run.variant}, seed {run.seed}" + (f", by {run.by}" if run.by else "")


def cards(library: Library) -> dict[str, str]:
    """A model card for each model that was measured: README.md with its own results only."""
    papers = {paper.model: paper for paper in library.papers if paper.model}
    return {name: _card(name, runs, papers.get(name)) for name, runs in _by_model(library).items()}


def _card(name: str, runs: list[Run], paper: Paper | None) -> str:
    results = [_result(run, task) for run in runs for task in _tasks(run)]
    front = {
        "license": "mit",
        "library_name": "pytorch",
        "tags": ["video-text-retrieval", "video-retrieval"],
        "model_name": name,
        "model-index": [{"name": name, "results": results}],
    }
    data = sorted({run.data.title for run in runs})
    of = f"the model of *{markdown(paper.title)}*" if paper else f"the model `{name}`"
    about = (
        f"A minimal PyTorch implementation of {of}, written from the paper. {len(runs)} runs"
        f" were measured, on: {'; '.join(map(markdown, data))}."
    )
    whose = (
        "The results are of our own runs, and none is a number that the authors published. Each"
        " names its variant and seed; the records with ranks of every query, machine, commit and"
        f" configuration are in `data/results/{name}/`."
    )
    lines = [
        *(f"# {name}", "", about, "", whose, ""),
        "```sh",
        f"kb repro {name}",
        "```",
        "",
    ]
    if paper:
        lines += ["```bibtex", citation.bibtex(paper), "```", ""]
    return f"---\n{_yaml(front)}---\n\n" + "\n".join(lines)


def eval_results(library: Library) -> str:
    """One YAML document a model: what its repository would hold under .eval_results/."""
    documents = [
        f"# .eval_results/{name}.yaml\n" + _yaml([row for run in runs for row in _rows(run)])
        for name, runs in _by_model(library).items()
    ]
    return "---\n".join(documents) or "[]\n"


def _rows(run: Run) -> list[dict[str, Any]]:
    """An entry a metric: what tells it apart is its task and, in words, its notes.

    No `revision`: that is a commit of a dataset on the Hub, and these are not there.
    """
    data = f"{run.data.size or 'full'} data {run.data.fingerprint[:12]}"
    how = f"{run.data.protocol} protocol, {run.data.split} split, {data}"
    return [
        {
            "dataset": {"id": run.data.name, "task_id": f"{direction}_{name}"},
            "value": value,
            "date": run.date,
            "notes": f"{how}, {_which(run)}",
        }
        for direction in _tasks(run)
        for name, value in _numbers(run, direction).items()
    ]


def _yaml(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
