"""Page, CSV, SQLite and JSON say the same, cell by cell."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kb.publish import exports, pages, text
from kb.publish.effects import signed
from kb.publish.exports import document, facts, table
from kb.publish.pages.benchmarks import benchmarks
from kb.publish.pages.claims import LABELS
from kb.publish.pages.claims import claims as claims_page
from kb.publish.pages.paper import paper as paper_page
from kb.records import Library

ROOT = Path(__file__).resolve().parents[2]
INVENTED = Path(__file__).parents[1] / "data" / "kb"


class Rows(HTMLParser):
    """The rows of all tables of a page: the text of each cell, and the addresses in the row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[tuple[list[str], list[str]]] = []
        self.cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A row, a cell, an address."""
        if tag == "tr":
            self.rows.append(([], []))
        elif tag in {"td", "th"} and self.rows:
            self.rows[-1][0].append("")
            self.cell = True
        elif tag == "a" and self.rows:
            self.rows[-1][1].append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        """A cell ends."""
        self.cell = self.cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        """Text of a cell."""
        if self.cell and self.rows[-1][0]:
            self.rows[-1][0][-1] += data


def read(text_: str | bytes) -> list[dict[str, str]]:
    """A CSV export, as the csv module reads it."""
    assert isinstance(text_, str)
    return list(csv.DictReader(io.StringIO(text_, newline="")))


@pytest.fixture(scope="module", params=[INVENTED, ROOT], ids=["invented", "this list"])
def library(request: pytest.FixtureRequest) -> Library:
    """Records, opened once for all tests."""
    return Library.open(request.param)


@pytest.fixture(scope="module")
def database(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The SQLite export, its rows as dictionaries."""
    path = tmp_path_factory.mktemp("agree") / "kb.sqlite"
    content = exports.export(library, "sqlite")
    assert isinstance(content, bytes)
    path.write_bytes(content)
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def whole(library: Library) -> Any:
    """The JSON export."""
    return json.loads(exports.export(library, "json"))


def cell(value: Any) -> str:
    """A value as CSV has it."""
    if isinstance(value, (list, tuple)):
        return table.cell("; ".join(map(str, value)))
    return str(value) if isinstance(value, (int, float)) else table.cell(value)


def test_papers_agree(library: Library, database: Any, whole: Any) -> None:
    """Every cell of the CSV is in SQLite and in JSON; datasets and code are not empty."""
    rows = read(exports.export(library, "csv"))
    assert [row["id"] for row in rows] == [one["id"] for one in whole["papers"]]
    for row, one in zip(rows, whole["papers"], strict=True):
        kept = database.execute("SELECT * FROM papers WHERE id = ?", (row["id"],)).fetchone()
        ids = one.get("ids", {})
        for name in ("model", "title", "venue", "year", "section"):
            assert row[name] == cell(one.get(name)) == cell(kept[name])
        for name in ("arxiv", "doi"):
            assert row[name] == cell(ids.get(name)) == cell(kept[name])
        uses = "SELECT dataset FROM paper_datasets WHERE paper = ? ORDER BY rowid"
        listed = [found[0] for found in database.execute(uses, (row["id"],))]
        assert row["datasets"] == cell(whole["uses"][row["id"]]) == cell(listed)
        code = "SELECT DISTINCT url FROM links WHERE paper = ? AND kind = 'code' ORDER BY rowid"
        urls = [found[0] for found in database.execute(code, (row["id"],))]
        shown = [url for url in urls if text.web_address(url)]
        assert row["code"] == cell(whole["code"][row["id"]]) == cell(shown)


def test_links_agree(library: Library, database: Any, whole: Any) -> None:
    """Kind, address and Software Heritage identifier of each link; those of code in the CSV too."""
    rows = read(exports.export(library, "csv"))
    lists = {one["paper"]: [] for one in whole["implementations"] if one.get("paper")}
    for one in whole["implementations"]:
        lists.get(one.get("paper"), []).append(("code", one["url"], one.get("swhid")))
    for row, one in zip(rows, whole["papers"], strict=True):
        query = "SELECT kind, url, swhid FROM links WHERE paper = ? ORDER BY rowid"
        stored = [tuple(found) for found in database.execute(query, (one["id"],))]
        listed = [(x["kind"], x["url"], x.get("swhid")) for x in one.get("links", [])]
        assert stored[: len(listed)] == listed
        assert {*stored[len(listed) :]} <= {*lists.get(one["id"], [])}
        swhids = dict.fromkeys(swhid for _, _, swhid in stored if swhid)
        assert row["swhid"] == cell([*swhids])


def test_the_pages_show_datasets_and_code(library: Library, whole: Any) -> None:
    """A paper's page links each of its datasets and no other, its code, and where that is kept."""
    site = pages.Site(library, name="A list", description="")
    ids = {one["id"] for one in whole["datasets"]}
    for one in library.papers:
        page = paper_page(site, one).replace("&amp;", "&")
        listed = re.search(r"<dt>Datasets</dt><dd>(.*?)</dd>", page)
        shown = re.findall(r"/benchmarks/([^/\"]+)/", listed[1]) if listed else []
        assert shown == [name for name in whole["uses"][one.id] if name in ids], one.id
        for url in whole["code"][one.id]:
            assert f'href="{url}"' in page
        for swhid in facts.swhids_of(library, one):
            assert f"softwareheritage.org/{swhid}" in page


def test_the_pages_show_verdicts_with_intervals(library: Library, whole: Any) -> None:
    """The row of each claim on the page of claims: its sentence, verdict, difference and bounds."""
    made = claims_page(pages.Site(library, name="A list", description=""))
    rows = re.findall(r'<tr id="claim-([^"]+)" data-verdict="([^"]+)".*?</tr>', made, re.DOTALL)
    bodies = re.split(r'<tr id="claim-', made)[1:]
    by_id = {anchor: (verdict, body) for (anchor, verdict), body in zip(rows, bodies, strict=True)}
    assert len(by_id) == len(whole["claims"])
    for one in whole["claims"]:
        verdict, body = by_id[text.slug(f"{one['model']} {one['claim']}")]
        assert verdict == text.slug(LABELS[one["verdict"]])
        shown = text_of(body.partition("</tr>")[0])
        assert " ".join(one["text"].split())[:40] in " ".join(shown.split())
        if one["difference"] is not None:
            bounds = [signed(one[name], 1) for name in ("difference", "low", "high")]
            assert f"{bounds[0]} [{bounds[1]}, {bounds[2]}]" in shown, one["claim"]


def test_code_of_this_list_is_complete() -> None:
    """A paper whose code the list names among the implementations has it too."""
    own = Library.open(ROOT)
    coded = {one.id for one in own.papers if facts.code_of(own, one)}
    assert {"chen2020hgr", "yu2018jsfusion"} <= coded
    assert len(coded) == 18
    assert sum(bool(facts.datasets_of(own, one)) for one in own.papers) > 25


def test_published_numbers_agree(library: Library, database: Any, whole: Any) -> None:
    """Protocol, source and every metric of every row."""
    rows = read(exports.export(library, "csv-published"))
    kept = database.execute("SELECT * FROM published ORDER BY id").fetchall()
    by_owner: dict[str, list[Any]] = {}
    for row in kept:
        by_owner.setdefault(row["paper"] or row["of_dataset"], []).append(row)
    flat = [(key, one) for key, ones in whole["published"].items() for one in ones]
    assert len(rows) == len(kept) == len(flat)
    for row, (key, one) in zip(rows, flat, strict=True):
        stored = by_owner[key].pop(0)
        source = one["source"]
        assert row["paper"] == key
        for name in (*table.PUBLISHED[1:15], "note"):
            assert row[name] == cell(one.get(name)) == cell(stored[name]), name
        assert row["not_stated"] == cell(one["not_stated"]) == cell(stored["not_stated"])
        assert row["source_name"] == cell(source["name"]) == cell(stored["source"])
        for name in ("url", "version", "table", "row", "column", "page", "quote"):
            assert row[f"source_{name}"] == cell(source.get(name)) == cell(stored[f"source_{name}"])
        query = "SELECT name, value FROM published_metrics WHERE result = ?"
        values = {found[0]: found[1] for found in database.execute(query, (stored["id"],))}
        assert values == one["metrics"] == numbers(row)


def numbers(row: dict[str, str]) -> dict[str, float]:
    """The metrics of a CSV row."""
    named = {name: row[name] for name in table.METRICS if row[name]}
    others = [pair.partition("=") for pair in row["other_metrics"].split("; ") if pair]
    return {name: float(value) for name, value in named.items()} | {
        name: float(value) for name, _, value in others
    }


def test_leaderboards_agree(library: Library, database: Any, whole: Any) -> None:
    """Rank, reason, conditions, metrics and source of every row of every test."""
    rows = read(exports.export(library, "csv-leaderboards"))
    kept = database.execute("SELECT * FROM leaderboards ORDER BY rowid").fetchall()
    flat = [test | row for test in whole["leaderboards"] for row in test["rows"]]
    assert len(rows) == len(kept) == len(flat)
    for row, stored, one in zip(rows, kept, flat, strict=True):
        for name in (*table.LEADERBOARD[:17], "source", "source_url"):
            assert row[name] == cell(one[name]) == cell(stored[name]), name
        assert json.loads(stored["metrics"]) == one["metrics"] == numbers(row)


def test_the_pages_show_the_leaderboards(library: Library, whole: Any) -> None:
    """A row with a position stands in its test's table: position, figures, source; others below one."""
    site = pages.Site(library, name="A list", description="")
    made = benchmarks(site)
    at = {(name, one.test.id): one for name, every in site.boards.items() for one in every}
    checked = 0
    for test in whole["leaderboards"]:
        board = at[test["dataset"], test["test"]]
        page = made[f"{board.path.rstrip('/')}.md"]
        rows = Rows(page).rows
        for row in test["rows"]:
            figures = [
                f"{row['metrics'][name]:.{board.digits(name)}f}"
                for name in board.metrics
                if name in row["metrics"]
            ]
            if row["position"] is None:
                assert board.metric not in row["metrics"] or figures[0] in page, row
                continue
            assert any(
                cells[0].strip() == str(row["position"])
                and {*figures} <= {cell.strip() for cell in cells}
                and any(f"/{row['paper']}/" in url for url in urls)
                and (row["source_url"] is None or row["source_url"] in urls)
                for cells, urls in rows
            ), row
            checked += 1
    assert checked > 3


def test_claims_agree(library: Library, database: Any, whole: Any) -> None:
    """Verdict, deciding difference and its interval."""
    rows = read(exports.export(library, "csv-claims"))
    kept = database.execute("SELECT * FROM verdicts ORDER BY rowid").fetchall()
    assert len(rows) == len(kept) == len(whole["claims"]) == len(library.stated())
    for row, stored, one in zip(rows, kept, whole["claims"], strict=True):
        for name in table.CLAIMS:
            as_stored = bool(stored[name]) if isinstance(one[name], bool) else stored[name]
            assert row[name] == cell(one[name]) == cell(as_stored), name


def test_the_files_of_a_paper_agree() -> None:
    """The API's file under the paper's id and under its arXiv id, and the paper's page."""
    library = Library.open(INVENTED)
    whole = json.loads(exports.export(library, "json"))
    api = document.api(library)
    site = pages.Site(library, name="A list", description="")
    listed = [one for one in library.papers if one.ids.arxiv]
    assert listed
    for one in listed:
        assert api[f"api/arxiv/{one.ids.arxiv}.json"] == api[f"api/papers/{one.id}.json"]
    for one in library.papers[:4]:
        told = json.loads(api[f"api/papers/{one.id}.json"])
        assert told.get("published", []) == whole["published"].get(one.id, [])
        assert told.get("code", []) == whole["code"][one.id]
        page = paper_page(site, one)
        for url in told.get("code", []):
            assert f'href="{url}"' in page.replace("&amp;", "&")
        assert re.sub(r"\s+", " ", told["title"])[:20] in re.sub(r"\s+", " ", text_of(page))


def text_of(page: str) -> str:
    """The text of a page's Markdown without entities."""
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_data = found.append  # type: ignore[method-assign]
    parser.feed(page)
    return "".join(found)
