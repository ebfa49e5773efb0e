"""The models side by side, as the page of models shows them."""

import json
import re
import shutil

import pytest

from kb.publish import publishing
from kb.records import Library, runcode

VALUES = {
    "paper-boats": (20.0, 21.0, 20.5),
    "log-rafts": (30.0, 31.0, 30.4),
    "stilts": (30.2, 30.6, 30.5),
}


@pytest.fixture
def measured(copy):
    """The invented knowledge base with three models, three seeds of each."""
    papers = copy / "data" / "papers.yaml"
    before = papers.read_text(encoding="utf-8")
    papers.write_text(
        before.replace("id: heron2020stilts\n", "id: heron2020stilts\n    model: stilts\n")
    )
    results = copy / "data" / "results"
    record = json.loads((results / "paper-boats" / "paper-boats-full-1.json").read_text())
    for path in (results / "paper-boats").iterdir():
        path.unlink()
    for model, values in VALUES.items():
        (results / model).mkdir(exist_ok=True)
        for seed, value in enumerate(values):
            record |= {"id": f"{model}-{seed}", "model": model, "seed": seed}
            record["metrics"]["t2v"]["R@1"] = value
            (results / model / f"{model}-{seed}.json").write_text(json.dumps(record))
    return copy


@pytest.fixture
def page(measured, tmp_path):
    """The text of the page."""
    return published(measured, tmp_path)


def published(root, tmp_path):
    """The page of models of a knowledge base."""
    publishing.publish(Library.open(root), tmp_path / "out", mkdocs=False)
    return (tmp_path / "out" / "docs" / "models.md").read_text(encoding="utf-8")


def ranks(page):
    """Model -> what stands under Rank, in the order of the table."""
    rows = re.findall(r"<tr[^>]*>\n<td[^>]*>(\d*)</td>\n<th[^>]*>(?:<a[^>]*>)?([\w-]+)", page)
    return {model: rank for rank, model in rows}


def test_models_that_are_not_significantly_different_share_a_rank(page):
    """Two whose seeds cross are first together; the third is third, and says because of whom."""
    found = ranks(page)
    assert (found["log-rafts"], found["stilts"], found["paper-boats"]) == ("1", "1", "3")
    assert 'title="significantly better: log-rafts, stilts"' in page


def test_runs_that_had_not_converged_are_named(measured, tmp_path):
    """Beside the seeds of the model whose training ended too early, and of no other."""
    path = measured / "data" / "results" / "stilts" / "stilts-1.json"
    record = json.loads(path.read_text())
    record["curve"] = [{"epoch": 1, "SumR": 100.0}, {"epoch": 2, "SumR": 150.0}]
    path.write_text(json.dumps(record))
    page = published(measured, tmp_path)
    assert re.findall(r">([\w-]+)</a></th>\n<td[^>]*>3<small>(not[^<]*)</small>", page) == [
        ("stilts", "not converged: 1 of 3")
    ]


def test_seeds_of_two_recipes_have_no_mean(measured, tmp_path):
    """The latest recipe stands among the models; the one before it has a row with the runs."""
    results = measured / "data" / "results" / "stilts"
    record = json.loads((results / "stilts-0.json").read_text())
    for seed, value in enumerate((40.0, 41.0)):
        record |= {"id": f"later-{seed}", "seed": seed, "config_hash": "feedbeef"}
        record |= {"date": "2031-01-01T00:00:00Z"}
        record["metrics"]["t2v"]["R@1"] = value
        (results / f"later-{seed}.json").write_text(json.dumps(record))
    page = published(measured, tmp_path)
    row = r">stilts</a></th>\n<td class=\"kb-seeds\" title=\"(.*?)\">.*\n<td class=\"kb-mark\">.*\n.*?>([\d.]+)<"
    assert re.findall(row, page) == [("0, 1", "40.5")]
    runs = (tmp_path / "out" / "docs" / "results.md").read_text(encoding="utf-8")
    told = re.findall(
        r">stilts</a></th>\n<td>(.*?)</td>\n<td class=\"kb-seeds\" title=\"(.*?)\">", runs
    )
    assert told == [("full", "0, 1"), ("full, other recipe", "0, 1, 2")]


def test_a_recipe_changed_by_a_command_does_not_stand_for_the_model(measured, tmp_path):
    """However late its run."""
    results = measured / "data" / "results" / "stilts"
    record = json.loads((results / "stilts-0.json").read_text())
    record |= {"id": "short-0", "config_hash": "feedbeef", "changes": {"epochs": 1}}
    record["date"] = "2031-01-01T00:00:00Z"
    (results / "short-0.json").write_text(json.dumps(record))
    assert re.findall(
        r">stilts</a></th>\n<td class=\"kb-seeds\" title=\"(.*?)\">", published(measured, tmp_path)
    ) == ["0, 1, 2"]


def test_a_reference_point_has_no_rank(page):
    """Chance is no model."""
    assert ranks(page)["chance"] == ""


def test_the_order_is_held_against_the_published_one(measured, tmp_path):
    """Three models with a published R@1 under one protocol: tau, and that they are few."""
    rows = measured / "data" / "published.yaml"
    rows.write_text(rows.read_text("utf-8").replace("3M web pairs", "none"))
    page = published(measured, tmp_path)
    assert "3 models: Kendall's tau <b>-0.33</b>; too few for an interval" in page
    assert re.findall(r"</a></th><td>([\d.]+)</td><td>([\d.]+)</td></tr>", page) == [
        ("40.1", "30.4"),
        ("31.4", "20.5"),  # not the 36.0 with a dual softmax
        ("22.5", "30.5"),
    ]


def test_a_published_row_with_extra_training_orders_nothing(page):
    """What other data brought says nothing of the mechanism: two models are left, no order."""
    assert "Kendall" not in page


def test_every_model_with_a_file_is_told_with_its_evidence(page):
    """One file, no recording, three runs, one claim that was not run."""
    row = re.search(r'id="model-files">.*?</table>', page, re.DOTALL).group()
    assert re.findall(r"<td>(\d+)</td>", row)[-2:] == ["0", "3"]
    assert '<span class="v none">1 not tested</span>' in row


def test_without_runs_the_page_says_what_would_fill_it(copy, tmp_path):
    """No table, one command."""
    for path in (copy / "data" / "results").rglob("*.json"):
        path.unlink()
    assert "Nothing has been measured yet" in published(copy, tmp_path)


def test_a_model_that_came_with_a_data_set_stands_on_the_data_sets_page(copy, tmp_path):
    """File, equations and claims are told there, and the table of models leads there."""
    shutil.copy(copy / "models" / "paper_boats.py", copy / "models" / "canal.py")
    datasets = copy / "data" / "datasets.yaml"
    claim = "    claims:\n    - {id: floats, text: It floats., than: [mean]}\n"
    before = datasets.read_text("utf-8")
    datasets.write_text(before.replace("id: canal\n", f"id: canal\n{claim}"))
    page = published(copy, tmp_path)
    assert '<a href="../benchmarks/canal/">Canal</a>' in page
    own = (tmp_path / "out" / "docs" / "benchmarks" / "canal.md").read_text("utf-8")
    assert "`kb repro canal` trains and measures it" in own
    assert "It floats." in own


def test_runs_of_older_code_are_named(measured, tmp_path):
    """A run whose digest is that of the code there now is not marked; any other is."""
    assert "measured with older code" in published(measured, tmp_path / "older")
    for path in (measured / "data" / "results" / "paper-boats").glob("*.json"):
        record = json.loads(path.read_text())
        record["code"] = runcode.digest(measured, "paper-boats", "full", [])
        path.write_text(json.dumps(record))
    page = published(measured, tmp_path / "now")
    row = re.search(r">paper-boats</a></th>\n<td[^>]*>(.*?)</td>", page)
    assert row.group(1) == "3"
