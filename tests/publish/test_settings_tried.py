"""What a setting of the recipe changes is told from runs of both, world by world."""

import json
import shutil
from pathlib import Path

from kb.publish.pages import Site
from kb.publish.pages.departures import departures
from kb.records import Library

ROOT = Path(__file__).resolve().parents[2]


def tried(copy: Path, **changes: object) -> str:
    """The page, of a list whose two runs were made again with these changes, SumR 5 and 7 higher."""
    (copy / "models").mkdir(exist_ok=True)
    shutil.copy(ROOT / "models" / "w2vvpp.py", copy / "models" / "paper_boats.py")
    folder = copy / "data" / "results" / "paper-boats"
    for seed in (1, 2):
        record = json.loads((folder / f"paper-boats-full-{seed}.json").read_text())
        record["metrics"]["SumR"] += 3 + 2 * seed
        changed = {
            "id": f"{record['id']}.tried",
            "changes": changes,
            "recipe": record["recipe"] | changes,
        }
        (folder / f"{changed['id']}.json").write_text(json.dumps(record | changed))
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
