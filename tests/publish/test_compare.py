"""Models beside each other, and the inside of one."""

import json
import re
from types import SimpleNamespace

import pytest

from kb.publish import publishing
from kb.publish.pages.inside import _order
from kb.records import Library
from tests.publish.test_models_page import VALUES, measured  # noqa: F401  (a fixture)


@pytest.fixture
def docs(measured, tmp_path):  # noqa: F811
    """The pages of three models with three seeds of each, two of them with a file."""
    source = (measured / "models" / "paper_boats.py").read_text("utf-8")
    for name in ("log_rafts", "stilts"):
        (measured / "models" / f"{name}.py").write_text(source)
    for model, values in VALUES.items():
        for seed, value in enumerate(values):
            path = measured / "data" / "results" / model / f"{model}-{seed}.json"
            record = json.loads(path.read_text())
            record["metrics"]["SumR"] = 10 * value
            path.write_text(json.dumps(record))
    publishing.publish(Library.open(measured), tmp_path / "out", mkdocs=False)
    return tmp_path / "out" / "docs"


def test_two_models_are_compared_over_the_seeds_they_share(docs):
    """Mean difference with its interval; who retrieves better is said where zero is outside."""
    page = (docs / "compare" / "index.md").read_text("utf-8")
    rows = dict(re.findall(r'<tr data-pair="([^"]+)">(.*?)</tr>', page))
    assert len(rows) == 3
    row = next(
        text for pair, text in rows.items() if set(pair.split()) == {"log-rafts", "paper-boats"}
    )
    assert re.search(r"[+\N{MINUS SIGN}]99\.7 ", row)  # of 300, 310, 304 and 200, 210, 205
    assert "log-rafts retrieves better" in row
    close = next(text for pair, text in rows.items() if "paper-boats" not in pair)
    assert "no significant difference" in close


def test_every_model_with_a_file_is_in_the_table(docs):
    """With its published score, its own and what became of its claims."""
    page = (docs / "compare" / "index.md").read_text("utf-8")
    rows = re.findall(r'<tr data-model="([\w-]+)">(.*?)</tr>', page)
    assert {name for name, _ in rows} == set(VALUES)
    boats = dict(rows)["paper-boats"]
    assert "205.0" in boats
    assert "1 not tested" in boats
    assert '<a href="https://example.org/boats.git"' in boats


def test_the_inside_of_a_model_shows_how_its_ranks_spread(docs):
    """Every query is in one range of ranks."""
    page = (docs / "inside" / "paper-boats.md").read_text("utf-8")
    shares = [float(one) for one in re.findall(r'<td class="n">([\d.]+)</td></tr>', page)]
    assert not shares or sum(shares) == pytest.approx(100, abs=0.3)
    assert "Inside paper-boats" in page


def test_the_inside_begins_with_generated_data_and_most_runs():
    """They have frames to show; folds of real data come after, in their order."""
    page = SimpleNamespace
    seen = [
        page(title="b, fold-1", size=None, by_topics=False, models=[page(runs=[1])]),
        page(title="b, fold-0", size=None, by_topics=False, models=[page(runs=[1])]),
        page(title="avs", size="small", by_topics=True, models=[page(runs=[1, 2, 3])]),
        page(title="a, small", size="small", by_topics=False, models=[page(runs=[1])]),
        page(title="c, small", size="small", by_topics=False, models=[page(runs=[1, 2])]),
    ]
    order = [one.title for one in sorted(seen, key=_order)]
    assert order == ["c, small", "a, small", "avs", "b, fold-0", "b, fold-1"]


def test_without_runs_nothing_is_compared(copy, tmp_path):
    """The table says what there is, and no model has an inside."""
    for path in (copy / "data" / "results").rglob("*.json"):
        path.unlink()
    publishing.publish(Library.open(copy), tmp_path / "out", mkdocs=False)
    docs = tmp_path / "out" / "docs"
    assert not (docs / "inside").exists()
    assert "data-pair" not in (docs / "compare" / "index.md").read_text("utf-8")


@pytest.mark.browser
def test_the_address_names_the_models_that_are_compared(own, serve, visit):
    """From a paper's page in three clicks; the address brings the same comparison back."""
    seen = visit(serve(own / "site"))
    tab = seen.open("papers/gabeur2020mmt/")
    tab.get_by_role("link", name="compare it with others").click()
    tab.wait_for_url("**/compare/?m=mmt")
    assert tab.locator("#chosen").count() == 0
    tab.locator('.chip[data-model="moee"]').click()
    assert tab.url.endswith("compare/?m=mmt,moee")
    assert tab.locator("#chosen thead th").all_inner_texts() == ["MMT", "MEE"]
    assert tab.locator("#pairs tbody tr:visible").count() == 1
    tab.reload()
    assert tab.locator("#chosen thead th").all_inner_texts() == ["MMT", "MEE"]
    for name in ("hgr", "sea", "pvse"):
        tab.locator(f'.chip[data-model="{name}"]').click()
    assert tab.locator("#chosen thead th").count() == 4
    assert seen.problems == []


@pytest.mark.browser
def test_a_comparison_of_nonsense_shows_everything(own, serve, visit):
    """Unknown names are left out; without scripts the page is whole."""
    seen = visit(serve(own / "site"))
    tab = seen.open("compare/?m=%3Cscript%3E,nobody")
    assert tab.locator("#compared tbody tr:visible").count() > 4
    plain = visit(serve(own / "site"), java_script_enabled=False).open("compare/?m=mmt,moee")
    assert plain.locator("#compared tbody tr:visible").count() > 4
    assert plain.locator("#pairs tbody tr:visible").count() > 3
    assert seen.problems == []
