"""Look inside a model: its training, the ranks of its queries, the minimal pairs it tells apart."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from markupsafe import Markup

from kb.publish import curves, effects, measured
from kb.publish.charts import Axis
from kb.publish.effects import Effect
from kb.publish.pages.queries import Query, queries
from kb.publish.pages.site import NOT_SEARCHED, Site
from kb.records import Run, recount, worlds

BINS = (
    (1.0, "1"),
    (5.0, "2\u20135"),
    (10.0, "6\u201310"),
    (50.0, "11\u201350"),
    (float("inf"), "over 50"),
)
SYSTEMS = {"model": "this model", "bag": "bag of words", "features": "probe of the features"}
CHANCE = 50.0  # percent of minimal pairs


@dataclass(frozen=True)
class Share:
    """A range of ranks with the percent of queries in it."""

    label: str
    percent: float


@dataclass(frozen=True)
class PairKind:
    """One kind of minimal pair: percent told apart by each system, mean over runs."""

    kind: str
    of: dict[str, float]
    runs: int

    def marks(self, axis: Axis) -> Markup:
        """Where the systems stand between chance and all, this model on top."""
        order = [name for name in reversed(SYSTEMS) if name in self.of]
        kinds = {"model": "paper"}
        drawn = [(Effect(self.of[name] - CHANCE), kinds.get(name, "quiet")) for name in order]
        return effects.dots(axis, drawn)


def inside(site: Site) -> dict[str, str]:
    """A page for each model that ran outside the worlds that decide claims."""
    pages = {}
    for name in site.pages:
        if benches := site.benches_of.get(name, []):
            pages[f"inside/{name}.md"] = _page(site, name, benches)
    return pages


def _page(site: Site, name: str, benches: list[measured.Bench]) -> str:
    looks = [_look(site, bench) for bench in sorted(benches, key=_order)]
    kinds = _pairs(site.runs_of[name])
    meta: dict[str, Any] = {
        "title": f"Inside {site.short(name)}",
        "description": _finding(looks, kinds),
        **NOT_SEARCHED,
    }
    return site.page(
        "inside.md",
        "../../",
        meta,
        name=name,
        looks=[look for look in looks if look["runs"]],
        kinds=kinds,
        axis=effects.scale([Effect(100 - CHANCE), Effect(-10.0)]),
        systems=SYSTEMS,
    )


def _order(bench: measured.Bench) -> tuple[bool, bool, int, str]:
    """Generated data first, which have frames to show; topics and folds of real data after them."""
    runs = len(bench.models[0].runs) if bench.models else 0
    return bench.size is None, bench.by_topics, -runs, bench.title


def _look(site: Site, bench: measured.Bench) -> dict[str, Any]:
    """What one bench shows of the full model."""
    runs = bench.models[0].runs if bench.models else []
    return {
        "bench": bench,
        "runs": runs,
        "curve": curves.curve(runs),
        "shares": _shares(runs[0]) if runs else [],
        "seed": runs[0].seed if runs else None,
        "queries": _queries(site, runs[0]) if runs else [],
        "command": max(runs, key=lambda run: run.date).command if runs else "",
    }


def _queries(site: Site, run: Run) -> list[Query]:
    rows = worlds.read(site.library.data)
    row = next((one for one in rows if one.fingerprint == run.data.fingerprint), None)
    return queries(site.library.root / "site" / "assets", row, run) if row else []


def _shares(run: Run) -> list[Share]:
    """How the queries of one run spread over ranges of ranks; none where ranks were not stored."""
    if "t2v" not in run.ranks:
        return []
    ranks = recount.unpack(run.ranks["t2v"])
    counts = [sum(rank <= most for rank in ranks) for most, _ in BINS]
    own = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    return [Share(label, 100 * n / len(ranks)) for (_, label), n in zip(BINS, own, strict=True)]


def _pairs(runs: list[Run]) -> list[PairKind]:
    """Minimal pairs told apart by the full model, by kind."""
    percents: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if run.variant == "full" and run.status == "done":
            for system, kinds in run.pairs.items():
                for kind, percent in kinds.items():
                    percents[kind][system].append(percent)
    return [
        PairKind(kind, {name: fmean(of) for name, of in systems.items()}, len(systems["model"]))
        for kind, systems in sorted(percents.items())
        if "model" in systems
    ]


def _finding(looks: list[dict[str, Any]], kinds: list[PairKind]) -> str:
    """What the page shows, in a sentence or two."""
    told = [f"{one.of['model']:.0f} % of minimal pairs in {one.kind}" for one in kinds]
    second = f" It tells apart {', '.join(told)}; 50 % is chance." if told else ""
    shares = next((look["shares"] for look in looks if look["shares"]), None)
    if shares is None:
        return f"Training and scores of the full model.{second}"
    ten = sum(share.percent for share in shares[:3])
    title = next(look["bench"].title for look in looks if look["shares"])
    return f"On {title}, it ranks the right video first for {shares[0].percent:.0f} % of the captions and among the first ten for {ten:.0f} %.{second}"
