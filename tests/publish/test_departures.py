"""One table tells where every model and its training differ from the authors'."""

import json
import shutil
from pathlib import Path

import pytest

from kb.publish import publishing, sources
from kb.publish.pages import Site
from kb.publish.pages.departures import departures
from kb.records import Library

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(
    name for name in sources.addresses(Library.open(ROOT)) if sources.model(ROOT, name, None)
)


@pytest.fixture(scope="module")
def table():
    """The page of this repository's own models, as text."""
    return departures(Site(Library.open(ROOT), "list", "about"))


@pytest.mark.parametrize("name", NAMES)
def test_every_label_of_a_header_has_a_row(table, name):
    """Departures of the model's file and quirks of its release, as the header counts them."""
    model = sources.model(ROOT, name, None)
    labels = [*model.trace.departures, *model.quirks]
    rows = [row for row in table.split("<tr ") if f'data-model="{name}"' in row]
    labelled = [row for row in rows if 'data-kind="trained-otherwise-here"' not in row]
    assert len(labelled) == len(labels)


def test_a_setting_of_training_that_a_run_changed_has_a_row(copy):
    """The published value, ours and where the published one stands."""
    (copy / "models").mkdir(exist_ok=True)
    shutil.copy(ROOT / "models" / "w2vvpp.py", copy / "models" / "paper_boats.py")
    folder = copy / "tests" / "data"
    folder.mkdir(parents=True)
    entry = {"lr": {"value": 0.0001, "source": "table 2"}}
    (folder / "published_defaults.yaml").write_text(json.dumps({"paper-boats": {"recipe": entry}}))
    results = copy / "data" / "results" / "paper-boats"
    for path in results.iterdir():
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"recipe": {"lr": 0.003}, "variant": "full"}))
    page = departures(Site(Library.open(copy), "list", "about"))
    assert "lr: 0.003; published 0.0001 (table 2)" in page


def test_a_list_without_models_says_how_to_begin_one(copy):
    """No table of nothing."""
    shutil.rmtree(copy / "data" / "results")
    publishing.publish(Library.open(copy), copy / "out", mkdocs=False)
    assert "kb new KEY" in (copy / "out" / "docs" / "departures.md").read_text(encoding="utf-8")
