"""What a setting of the recipe changes is told from runs of both, world by world."""

import json
from pathlib import Path

from kb.publish.pages import Site
from kb.publish.pages.departures import departures
from kb.publish.paired import paired
from kb.records import Library
from tests.publish.conftest import ROOT, run_again


def tried(copy: Path, **changes: object) -> str:
    """The page, of a list whose two runs were made again with these changes, SumR 5 and 7 higher."""
    run_again(copy, "tried", changes=changes, recipe=changes)
    text = departures(Site(Library.open(copy), "list", "about"))
    return text.replace("\N{MINUS SIGN}", "-")


def test_a_difference_is_paired_by_world(copy):
    """Five and seven more: six on average, with the interval of two worlds."""
    text = tried(copy, learning_rate=0.5)
    assert "{ #tried }" in text
    row = text[text.index("learning rate</td>") :].partition("</tr>")[0]
    assert ">0.5<" in row
    assert "2 worlds" in row
    assert "+6.0<small>-6.7 to +18.7</small>" in row


def test_runs_for_a_claim_try_no_setting(copy):
    """In a probe world only what was made as a trial counts."""
    probe = {"mechanism": "plain", "level": "plain", "seed": 1, "inputs": ["frames"]}
    for path in (copy / "data" / "results" / "paper-boats").iterdir():
        record = json.loads(path.read_text())
        record["data"]["probe"] = probe
        path.write_text(json.dumps(record))
    assert "{ #tried }" not in tried(copy, learning_rate=0.5)


def test_two_settings_at_once_are_no_trial(copy):
    """Nobody could say which one it was."""
    assert "{ #tried }" not in tried(copy, learning_rate=0.5, epochs=3)


def test_scores_by_topics_are_paired_by_their_own_metric():
    """They have no SumR, and none is made up."""
    runs = [run for run in Library.open(ROOT).runs("dual-encoding") if run.headline == "infAP"]
    scores = paired(runs, runs)
    assert scores is not None
    assert (scores.metric, scores.digits) == ("infAP", 3)
    assert scores.before == scores.after > 0
