"""Runs on data that are asked with topics are shown by infAP, beside those of captions."""

import json

import pytest

from kb.publish import measured, publishing
from kb.records import Library

MEASURES = {"infAP": 0.1234, "infNDCG": 0.3456, "iP10": 0.25, "iP100": 0.0625}
CHANCE = {"infAP": 0.0123, "infNDCG": 0.1, "iP10": 0.02, "iP100": 0.01}


@pytest.fixture
def asked(copy):
    """The invented knowledge base with a run, and a synthetic counterpart, whose queries are topics."""
    folder = copy / "data" / "results" / "paper-boats"
    document = json.loads((folder / "paper-boats-full-1.json").read_text())
    document |= {
        "id": "paper-boats-topics-1",
        "date": "2031-01-01T00:00:00+00:00",
        "metrics": {"t2v": MEASURES},
        "intervals": {"t2v": {"infAP": {"value": 0.1234, "low": 0.1111, "high": 0.1357}}},
        "ranks": {},
        "topics": {"501": MEASURES},
        "reference": {"chance": {"t2v": CHANCE}},
    }
    document["data"] |= {"name": "pond-search", "fingerprint": "5e7914b0df80", "queries": 1}
    document["data"] |= {"gallery": 900, "captions_per_video": 0}
    (folder / "paper-boats-topics-1.json").write_text(json.dumps(document))
    point = {"t2v": CHANCE}
    row = {
        "name": "diorama-search",
        "size": "small",
        "seed": 0,
        "fingerprint": "0123456789abcdef",
        "keeps": ["topics"],
        "leaves": ["errors"],
        "splits": {split: {"videos": 40, "captions": 0} for split in ("train", "val", "test")},
        "topics": 30,
        "twins": {},
        "points": {
            "chance": point,
            "bow-mean": {"t2v": MEASURES, "twins": {}},
            "oracle": {"t2v": {"infAP": 0.9876}, "twins": {}},
        },
    }
    worlds = {"schema_version": 1, "stagings": [row]}
    (copy / "data" / "worlds.json").write_text(json.dumps(worlds))
    return copy


def test_the_site_shows_them_in_fractions(asked, tmp_path):
    """Results, models and the page of the world, in a strict build."""
    publishing.publish(Library.open(asked), tmp_path / "out", strict=True)
    pages = {
        name: (tmp_path / "out" / "site" / name / "index.html").read_text()
        for name in ("results", "models", "worlds")
    }
    for name in ("results", "models"):
        table = pages[name].partition('-5e7914b0df80">')[2].partition("</table>")[0]
        assert "Video to text" not in table
        for shown in ("infAP", "infNDCG", "iP100", "0.123", "0.346", "0.012"):
            assert shown in table, name
    assert "pond-search, small: text to video infAP" in pages["results"]
    assert "0.111, 0.136" in pages["results"]
    for shown in ("Datasets with topics as queries", "diorama-search", "0.988", "0.012"):
        assert shown in pages["worlds"]


def test_series_stand_in_the_order_of_inf_ap(asked):
    """Chance below the model; the bench has the columns of its measure."""
    benches = measured.benches(Library.open(asked).runs(), asked)
    found = next(bench for bench in benches if bench.by_topics)
    assert [one.model for one in found.series] == ["paper-boats", "chance"]
    assert [name for _, name in found.columns] == list(MEASURES)
    assert all(not bench.by_topics for bench in benches if bench is not found)


def test_what_is_exported_names_one_direction(asked, tmp_path):
    """A task without a number is not exported."""
    out = publishing.publish(Library.open(asked), tmp_path / "out", mkdocs=False)
    text = "".join(
        path.read_text()
        for path in sorted((out.docs / "exports").rglob("*"))
        if path.suffix in {".yaml", ".yml", ".md"}
    )
    assert "t2v_infAP" in text
    assert "v2t_infAP" not in text
    runs = json.loads((out.docs / "api" / "runs.json").read_text())
    assert next(run for run in runs if run["id"] == "paper-boats-topics-1")["topics"] == {
        "501": MEASURES
    }
