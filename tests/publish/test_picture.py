"""The picture of the README says what the records say."""

import re
import xml.etree.ElementTree as ET  # our own output
from pathlib import Path

import pytest

from kb.publish import folds, verdicts
from kb.publish.measured import benches
from kb.publish.pages.results import picture
from kb.records import KBError, Library

ROOT = Path(__file__).resolve().parents[2]


def test_the_picture_in_the_readme_is_what_the_runs_give():
    """A new run makes a new picture: `kb publish --picture site/assets/results.svg`."""
    library = Library.open(ROOT)
    if not list(library.runs()):
        pytest.skip("nothing was measured yet")
    path = ROOT / "site" / "assets" / "results.svg"
    assert path.read_text(encoding="utf-8") == picture(library)
    assert "site/assets/results.svg" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_counts_the_models_that_ran():
    """Models with a run that compares models, of all models."""
    library = Library.open(ROOT)
    runs = [one for one in library.runs() if one.kind == "model" and one.status == "done"]
    ran = {one.model for one in runs if one.data.probe is None}
    told = re.search(
        r"(\d+) of (\d+) models have been trained", (ROOT / "README.md").read_text("utf-8")
    )
    files = len([*(ROOT / "models").glob("[a-z]*.py")])
    assert told.groups() == (str(len(ran)), str(files))


def test_the_readme_counts_the_models_on_real_frames_and_the_claims_that_ran():
    """Models measured on all five folds, and claims with a verdict, of all that are stated."""
    library = Library.open(ROOT)
    readme = (ROOT / "README.md").read_text("utf-8")
    (one,) = folds.folded(benches(library.runs(), ROOT))
    whole = [row for row in one.rows if not row.is_reference and [*row.folds] == one.protocols]
    assert f"{len(whole)} models and the bag-of-words baseline were also trained on real" in readme
    claims = verdicts.document(library)
    ran = [row for row in claims if row["verdict"] != "not-run"]
    assert f"Of {len(claims)} claims of the papers" in readme
    assert f"{len(ran)} have been run" in readme


def test_the_picture_stands_alone(invented):
    """It is one SVG with its own colours, and names every model and reference point."""
    svg = picture(Library.open(invented))
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in svg
    assert "paper-boats" in svg


def test_without_a_run_there_is_no_picture(copy):
    """One line instead."""
    for path in (copy / "data" / "results").rglob("*.json"):
        path.unlink()
    with pytest.raises(KBError, match="nothing was measured yet"):
        picture(Library.open(copy))
