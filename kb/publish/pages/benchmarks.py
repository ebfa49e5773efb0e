"""The tab Benchmarks: an index, a page for each dataset, and a leaderboard for each of its tests."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from kb.publish import boards, frontier, measured, structured
from kb.publish.boards import Board, Entry
from kb.publish.exports import leaderboard
from kb.publish.pages.model_section import model_section
from kb.publish.pages.paper import links, published
from kb.publish.pages.site import FULL_WIDTH, Site
from kb.records import Dataset, worlds

DIRECTION = {"t2v": "text-to-video", "v2t": "video-to-text", "other": "other tasks"}
TABS = 6  # tests in the row above a leaderboard; the rest is on the dataset's page


def benchmarks(site: Site) -> dict[str, str]:
    """All pages of the tab, and each leaderboard as CSV."""
    files = {"benchmarks/index.md": _index(site)}
    for one in site.library.datasets:
        files[f"benchmarks/{one.id}.md"] = dataset(site, one)
        every = site.boards[one.id]
        for path in dict.fromkeys(board.path for board in every):
            shown = [board for board in every if board.path == path]
            files[f"{path[:-1]}.md"] = _page(site, one, shown)
            files[f"{path}leaderboard.csv"] = leaderboard.csv_text(shown)
    return files


def split_title(board: Board, dataset: Dataset) -> str:
    """The name of a test: `MSR-VTT 1k-A`."""
    split = board.test.head.test_split
    plain = {"not stated": "split not stated", "1k-unspecified": "1k, split not stated"}
    name = plain.get(split, split)
    if name.startswith(dataset.name):
        return name
    if name == str(board.test.head.gallery):  # MSVD has one test split, called by its size
        return dataset.name
    return f"{dataset.name} {name}"


def test_title(board: Board, dataset: Dataset) -> str:
    """`MSR-VTT 1k-A, text-to-video`."""
    return f"{split_title(board, dataset)}, {DIRECTION[board.test.head.direction]}"


@dataclass
class Leader:
    """A row of the table of leaders: the best of one test without and with extra pre-training."""

    dataset: Dataset
    board: Board
    plain: Entry | None
    extra: Entry | None

    @property
    def aside(self) -> Entry | None:
        """A number above the best one that is not ranked although its source is public."""
        best = max(e.value("R@1") or 0.0 for e in (self.plain, self.extra) if e)
        above = (e for e in self.board.unranked if (e.value("R@1") or 0.0) > best)
        return next((e for e in above if e.report.source.url), None)

    @property
    def size(self) -> str:
        """How much is searched."""
        gallery = self.board.test.head.gallery
        unit = "videos" if self.board.test.head.unit else "clips"
        return f"{gallery:,} {unit}" if gallery else ""


def leaders(site: Site, *, enough: int = 0) -> list[Leader]:
    """The text-to-video tests that rank by R@1 and have a ranked row, most reported first.

    Of each dataset the main test, and others of at least `enough` results.
    """
    rows = []
    for one in site.library.datasets:
        fits = [
            board
            for board in site.boards[one.id]
            if board.test.head.direction == "t2v" and board.metric == "R@1" and board.ranked
        ]
        for board in [*fits[:1], *(b for b in fits[1:] if len(b.test.rows) >= enough)]:
            row = Leader(one, board, board.leader("none"), board.leader("pre"))
            if row.plain or row.extra:
                rows.append(row)
    return sorted(rows, key=lambda row: -len(row.board.test.rows))


def sentence(board: Board) -> str:
    """What one number of the test means."""
    head = board.test.head
    if head.gallery is None or head.direction == "other" or "infAP" in board.test.metrics:
        return f"{'; '.join(board.test.facts).capitalize()}."
    unit = "paragraph" if head.unit else "caption"
    query, items = (unit, "videos") if head.direction == "t2v" else ("video", f"{unit}s")
    each = f"Each of {head.queries:,} {query}s" if head.queries else f"Each {query}"
    per = head.captions_per_video
    many = f" Captions per video: {per}." if per not in {None, 1} else ""
    return f"{each} retrieves one of {head.gallery:,} {items}.{many}"


def label(site: Site, entry: Entry) -> str:
    """A model's name in a chart."""
    return site.short(entry.row.paper)


def _index(site: Site) -> str:
    used = Counter(dataset.id for one in site.papers for dataset in site.uses(one))
    rows = [
        {
            "dataset": one,
            "papers": used[one.id],
            "boards": site.boards[one.id],
            "results": sum(len(board.test.rows) for board in site.boards[one.id]),
        }
        for one in site.library.datasets
    ]
    meta = {
        "title": "Benchmarks",
        "description": "Leaderboards by test protocol, each number with its source.",
        "source": "data/published.yaml",
        **FULL_WIDTH,
    }
    return site.page(
        "benchmarks.md",
        "../",
        meta,
        rows=rows,
        leaders=leaders(site),
        split_title=split_title,
        test_title=test_title,
    )


def _page(site: Site, one: Dataset, shown: list[Board]) -> str:
    """One leaderboard, or the small tests of a dataset together."""
    main = shown[0]
    alone = not main.shared
    title = test_title(main, one) if alone else f"{one.name}, other tests"
    reports = sum(len(board.test.rows) for board in shown)
    meta: dict[str, Any] = {
        "title": f"{title}: leaderboard",
        "description": f"{reports} published results on {title}, best first, each with its source.",
        "source": "data/published.yaml",
        **_searched(one, main),
        **FULL_WIDTH,
    }
    return site.page(
        "benchmark.md",
        "../../../",
        meta,
        title=title,
        dataset=one,
        shown=shown,
        alone=alone,
        tabs=_tabs(site, one, main),
        rest=len(site.boards[one.id]) > TABS,
        test_title=test_title,
        direction=DIRECTION,
        sentence=sentence,
        differing=boards.differing,
        chart=frontier.frontier(main, lambda entry: label(site, entry)) if alone else "",
        kinds=_kinds(main),
        primary=sum(entry.row.result.reported_by != "third_party" for entry in main.entries),
        own=_own(site, one),
        counterpart=_counterpart(site, one),
    )


def _searched(one: Dataset, main: Board) -> dict[str, Any]:
    """How the search finds the page: by dataset and split, text-to-video before the rest."""
    head = main.test.head
    if main.shared or head.direction == "other":
        return {"search": {"boost": 0.5}}
    names = [one.name, f"{one.name} {head.test_split}"]
    return {"search": {"boost": 4 if head.direction == "t2v" else 1}, "tags": names}


def _tabs(site: Site, one: Dataset, main: Board) -> list[dict[str, Any]]:
    """The tests of the dataset: name, address, number of results; the shown one is marked."""
    tabs: dict[str, dict[str, Any]] = {}
    for board in site.boards[one.id]:
        name = "Other tests" if board.shared else _tab_name(board)
        tab = tabs.setdefault(
            board.path,
            {"name": name, "to": board.path, "count": 0, "here": board.path == main.path},
        )
        tab["count"] += len(board.test.rows)
    shown = list(tabs.values())
    return [tab for at, tab in enumerate(shown) if at < TABS or tab["here"]]


def _tab_name(board: Board) -> str:
    head = board.test.head
    split = head.test_split[:1].upper() + head.test_split[1:]
    name = (
        split if head.direction == "t2v" else f"{DIRECTION[head.direction].capitalize()}, {split}"
    )
    sizes = (
        f", {head.captions_per_video} captions per video"
        if head.captions_per_video not in {None, 1, 20}
        else ""
    )
    return name + sizes


def _kinds(board: Board) -> list[dict[str, Any]]:
    """The chips of the conditions, those that no row has left out."""
    entries = board.entries
    counts = [
        ("all", "All", len(entries)),
        ("none", "None", sum(one.condition.kind == "none" for one in entries)),
        ("pre", "Extra", sum(one.condition.kind == "pre" for one in entries)),
        ("zero", "Zero-shot", sum(one.condition.zero_shot for one in entries)),
        ("unknown", "Not stated", sum(one.condition.kind == "unknown" for one in entries)),
    ]
    return [{"value": v, "name": name, "count": n} for v, name, n in counts if n]


def _own(site: Site, one: Dataset) -> list[measured.Bench]:
    """Our runs on the dataset itself."""
    runs = [run for run in site.runs if run.data.name == one.id]
    return measured.benches(runs, site.library.root)


def _counterpart(site: Site, one: Dataset) -> str | None:
    """The name of its synthetic counterpart, if models ran on it."""
    name = f"diorama-{one.id}"
    pages = {row.name for row in worlds.read(site.library.data)}
    ran = any(run.data.name == name and run.status == "done" for run in site.runs)
    return name if ran and name in pages else None


def dataset(site: Site, one: Dataset) -> str:
    """The page of one dataset: what it is, its splits and its tests."""
    return site.page(
        "dataset.md",
        "../../",
        {
            "title": one.name,
            "description": one.title,
            **site.origins.of("data/datasets.yaml", one.id, one.id),
            **FULL_WIDTH,
            "jsonld": structured.dataset(one),
        },
        dataset=one,
        links=links(one.links, one.ids.arxiv, one.ids.doi),
        boards=site.boards[one.id],
        test_title=test_title,
        columns=_columns(one),
        published=published(site, one),
        papers=[paper for paper in site.papers if one in site.uses(paper)],
        **model_section(
            site, one.id if f"benchmarks/{one.id}/" in site.pages.values() else "", one
        ),
    )


def _columns(one: Dataset) -> list[tuple[str, str]]:
    """Field and heading of the columns of its splits that are not empty."""
    columns = [
        ("train", "Train"),
        ("val", "Validation"),
        ("test", "Test"),
        ("queries", "Queries"),
    ]
    return [(name, head) for name, head in columns if any(getattr(s, name) for s in one.splits)]
