"""The models side by side: one table per protocol, ranks, agreement with the published order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.publish import effects, folds, measured, protocols, recordings, verdict_box, verdicts
from kb.publish.pages.equal_inputs import contests
from kb.publish.pages.site import FULL_WIDTH, Site
from kb.publish.pages.subpages import tabs
from kb.records import Run
from kb.records.basis import is_guessed

if TYPE_CHECKING:
    from kb.repro.comparison import Place


@dataclass
class ModelRow:
    """A model in the table of one protocol."""

    series: measured.Series | measured.Point
    place: "Place | None" = None

    @property
    def runs(self) -> list[Run]:
        """Its seeds; a reference point has none."""
        return self.series.runs if isinstance(self.series, measured.Series) else []

    def marks(self, metric: str) -> list[effects.Effect]:
        """The text-to-video metric of every seed, or of a reference point."""
        if isinstance(self.series, measured.Series):
            return [effects.Effect(one) for one in self.series.values("t2v", metric)]
        value = self.series.mean("t2v", metric)
        return [] if value is None else [effects.Effect(value)]

    @property
    def seconds(self) -> float | None:
        """Of the fastest run: the others may have shared their machine."""
        return min((run.cost.seconds for run in self.runs), default=None)

    @property
    def parameters(self) -> int | None:
        """Of the model."""
        return max((run.cost.parameters for run in self.runs), default=None)

    @property
    def devices(self) -> list[str]:
        """Where its seeds ran."""
        return sorted({run.machine.device for run in self.runs})


def models(site: Site) -> str:
    """Every protocol on which models were measured, that of most models first."""
    tables = [_table(site, bench) for bench in site.benches if not folds.is_fold(bench)]
    tables.sort(key=lambda table: -table["models"])
    return site.page(
        "models.md",
        "../",
        {
            "title": "Models",
            "description": "The models of the list as measured here, with seeds, ranks and cost; models that are not significantly different share a rank.",
            **FULL_WIDTH,
        },
        tables=[table for table in tables if table["models"]],
        folded=site.folded,
        fold_columns=folds.COLUMNS,
        files=_files(site),
        contests=contests(site),
        tabs=tabs(site, "models/"),
    )


def _table(site: Site, bench: measured.Bench) -> dict[str, Any]:
    trained = [one for one in bench.whole if isinstance(one, measured.Series)]
    metric = bench.headline
    places = verdicts.places({one.model: _by_seed(one, metric) for one in trained})
    rows = [ModelRow(one, places.get(one.model)) for one in bench.whole]
    named = {one.model: one for one in bench.models}
    return {
        "bench": bench,
        "rows": rows,
        "models": len(named),
        "axis": effects.scale(one for row in rows for one in row.marks(metric)),
        "agreements": _agreements(site, named, metric),
    }


def _by_seed(one: measured.Series, metric: str) -> dict[int, float]:
    values = {run.seed: measured.value(run, "t2v", metric) for run in one.runs}
    return {seed: value for seed, value in values.items() if value is not None}


def _agreements(site: Site, named: dict[str, measured.Series], metric: str) -> list[dict[str, Any]]:
    """Published tests that name three of these models at least, the most telling first."""
    here = {name: one.mean("t2v", metric) for name, one in named.items()}
    ours = {
        name: value
        for name, value in here.items()
        if value is not None and not is_guessed(site.basis.get(name))
    }
    agreements = []
    for dataset in site.library.datasets:
        for test in site.tests[dataset.id]:
            if test.head.direction != "t2v":
                continue
            theirs = best_published(test, metric)
            agreement = verdicts.agreement(ours, theirs)
            if agreement:
                pairs = [(name, ours[name], theirs[name]) for name in ours if name in theirs]
                pairs.sort(key=lambda pair: -pair[2])
                agreements.append(
                    {"dataset": dataset, "test": test, "agreement": agreement, "pairs": pairs}
                )
    return sorted(agreements, key=lambda one: -one["agreement"].models)


def best_published(test: protocols.Test, metric: str) -> dict[str, float]:
    """A metric by model: the best row, neither pre-trained nor post-processed, of the most trusted source."""
    best: dict[str, tuple[int, float]] = {}
    for row in test.rows:
        value, model = row.result.metrics.get(metric), row.model
        helped = {row.result.pretraining, row.result.postproc} - {None, "none", "unknown"}
        if model is None or value is None or helped:
            continue
        key = (-protocols.TRUST.index(row.result.reported_by), float(value))
        best[model] = max(best.get(model, key), key)
    return {model: value for model, (_, value) in best.items()}


def _files(site: Site) -> list[dict[str, Any]]:
    """Every model that has a file: its size, what stands for it, what became of its claims."""
    root, files = site.library.root, []
    for name, page in sorted(site.pages.items()):
        path = root / "models" / f"{name.replace('-', '_')}.py"
        if path.is_file():
            held = recordings.of_model(root, name)
            files.append(
                {
                    "name": name,
                    "lines": len(path.read_text(encoding="utf-8").splitlines()),
                    "level": site.levels[page.split("/")[1]],
                    "basis": site.basis[name],
                    "recordings": held.evaluation + held.training,
                    "marks": verdict_box.tally(site.claims_of.get(name, [])),
                    "runs": sum(run.status == "done" for run in site.runs_of.get(name, [])),
                }
            )
    return files
