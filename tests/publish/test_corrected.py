"""What a correction changed is told from the runs of both versions."""

from pathlib import Path

import pytest

from kb.publish.pages import Site
from kb.publish.pages.departures import departures
from kb.records import KBError, Library
from kb.records.audit import audit
from kb.records.corrections import read
from kb.repro import models
from tests.publish.conftest import run_again

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "corrections:\n- model: paper-boats\n  version: 2\n  changed: Boats float.\n"


def corrected(copy: Path, **recipe: object) -> Path:
    """The list with a second version of both runs, each with a SumR that is 5 and 7 higher."""
    run_again(copy, "after", version=2, recipe=recipe, date="2027-01-01T00:00:00Z")
    (copy / "data" / "corrections.yaml").write_text(ENTRY)
    return copy


def page(root: Path) -> str:
    """The page of departures."""
    return departures(Site(Library.open(root), "list", "about"))


def test_a_difference_is_paired_by_seed(copy):
    """Five and seven more: six on average, with the interval of two seeds."""
    text = page(corrected(copy))
    assert "Boats float." in text
    assert "+6.0<small>-6.7 to +18.7</small>" in text.replace("\N{MINUS SIGN}", "-")
    assert "2 seeds" in text
    assert "Recipe:" not in text


def test_a_setting_that_changed_is_named(copy):
    """With its value before and after."""
    text = page(corrected(copy, epochs=77))
    assert "Recipe: epochs: 2, now 77." in text


def test_a_correction_without_runs_of_both_versions_is_not_in_the_table(copy):
    """Nothing is compared with nothing."""
    (copy / "data" / "corrections.yaml").write_text(ENTRY)
    assert "Boats float." not in page(copy)


def test_every_version_above_the_first_says_what_changed():
    """Of every model of this list."""
    told = {(one.model, one.version) for one in read(ROOT / "data")}
    risen = {
        (name, version)
        for name in models.names()
        for version in range(2, models.load(name).version + 1)
    }
    assert told == risen


def test_a_correction_of_no_model_is_found(copy):
    """By `kb check`."""
    (copy / "data" / "corrections.yaml").write_text(ENTRY.replace("paper-boats", "nobody"))
    assert "correction of nobody, which is no model of a record" in [
        one.message for one in audit(Library.open(copy))
    ]


def test_a_first_version_is_no_correction(copy):
    """One line with its place."""
    path = copy / "data" / "corrections.yaml"
    path.write_text(ENTRY.replace("version: 2", "version: 1"))
    with pytest.raises(KBError, match="greater than or equal to 2"):
        read(copy / "data")
