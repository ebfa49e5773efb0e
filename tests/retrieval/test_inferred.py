"""infAP and its kin are those of NIST's script, from its own two file formats."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from kb.cli import run as kb
from kb.records.errors import KBError
from kb.retrieval import evaluate
from kb.retrieval.inferred import evaluate_run
from kb.retrieval.trec import read_qrels, read_run, write_run

HERE = Path(__file__).resolve().parents[1] / "data" / "infap"
SHARED = HERE.parents[3] / "shared" / "parity" / "metrics_infap"
CASES = sorted(p for folder in (HERE, SHARED) if folder.is_dir() for p in folder.iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_every_recorded_measure_is_met(case: Path) -> None:
    """Each topic and all of them: infAP, infNDCG, both inferred precisions and counts, to 9 digits."""
    expected = json.loads((case / "expected_full.json").read_text())["values"]
    measures = evaluate_run(read_run(case / "run.txt"), read_qrels(case / "qrels.txt"))
    assert measures["topics"] == len(expected) - 1
    for topic, values in expected.items():
        ours = measures if topic == "all" else measures["per_topic"][topic]
        for name, value in values.items():
            assert ours[name] == pytest.approx(value, rel=1e-9, abs=1e-11), (topic, name)


def test_full_judgements_give_average_precision(tmp_path) -> None:
    """Where the whole pool is judged infAP is average precision, but for the smoothing."""
    rng = np.random.default_rng(3)
    scores, right = rng.normal(size=(4, 30)), rng.random((4, 30)) < 0.3
    qrels, run = tmp_path / "q", tmp_path / "r"
    qrels.write_text(
        "".join(f"{t} 0 s{j} 1 {int(right[t, j])}\n" for t in range(4) for j in range(30))
    )
    rows = {str(t): {f"s{j}": float(scores[t, j]) for j in range(30)} for t in range(4)}
    run.write_text("\n".join(write_run(rows.items(), "ours")))
    inferred = evaluate_run(read_run(run), read_qrels(qrels))["infAP"]
    assert 100 * inferred == pytest.approx(
        evaluate(similarity=scores, relevance=right).t2v.metrics["mAP"], abs=1e-2
    )


def test_a_missing_topic_counts_only_where_asked() -> None:
    """The script leaves a topic out of the mean that the run left out; `zero` does not."""
    run, qrels = (
        read_run(HERE / "topics" / "run.txt"),
        read_qrels(HERE / "topics" / "qrels.txt"),
    )
    left, zero = evaluate_run(run, qrels), evaluate_run(run, qrels, missing="zero")
    assert left["missing_topics"] == ["1502"]
    assert left["unjudged_topics"] == ["1510"]
    assert zero["infAP"] == pytest.approx(left["infAP"] * 3 / 4)


def test_the_command_prints_each_topic(capsys) -> None:
    """`kb eval --trec-run --qrels` prints topics and mean; --json the same as a document."""
    folder = HERE / "strata"
    arguments = ["eval", "--trec-run", str(folder / "run.txt")]
    arguments += ["--qrels", str(folder / "qrels.txt")]
    assert kb(arguments) == 0
    table = capsys.readouterr().out
    assert kb([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert f"{document['infAP']:.4f}" == "0.2224"
    assert "0.2224" in table
    assert "1503" in table


BAD_QRELS = {
    "words": ("1 0 s1 1 yes\n", "q:1: is no judgement"),
    "short": ("1 0 s1\n", "q:1: is no judgement"),
    "NaN": ("1 0 s1 1 nan\n", "q:1: is no judgement"),
    "twice": ("1 0 s1 1 1\n1 0 s1 1 0\n", "q:2: s1 of topic 1 is judged twice"),
    "empty": ("\n", "q: has no line"),
    "long": ("1" * 2000 + "\n", "q:1: is too long"),
}


@pytest.mark.parametrize("case", BAD_QRELS)
def test_bad_judgements_get_one_line(tmp_path, case: str) -> None:
    """A line that is no judgement is named with its number."""
    text, message = BAD_QRELS[case]
    (tmp_path / "q").write_text(text)
    with pytest.raises(KBError, match=re.escape(message)):
        read_qrels(tmp_path / "q")


@pytest.mark.parametrize("line", ["1 0 s1 1 high TAG", "1 0 s1 1 inf TAG", "1 0 s1 1 2.0", "x"])
def test_a_bad_run_gets_one_line(tmp_path, line: str) -> None:
    """A line that is no line of a run is named with its number."""
    (tmp_path / "r").write_text(f"1 0 s0 1 3.0 TAG\n{line}\n")
    with pytest.raises(KBError, match="r:2: is no line of a run"):
        read_run(tmp_path / "r")


def test_a_run_without_a_judged_topic_is_refused(tmp_path) -> None:
    """Nothing in common is no mean of nothing."""
    (tmp_path / "r").write_text("9 0 s0 1 3.0 TAG\n")
    (tmp_path / "q").write_text("1 0 s0 1 1\n")
    with pytest.raises(KBError, match="no topic in common"):
        evaluate_run(read_run(tmp_path / "r"), read_qrels(tmp_path / "q"))


def test_a_run_alone_is_refused(capsys) -> None:
    """--trec-run asks for --qrels."""
    assert kb(["eval", "--trec-run", "r.txt"]) == 2
    assert "--qrels" in capsys.readouterr().err


def test_the_command_counts_missing_topics_as_zero_where_asked(tmp_path, capsys) -> None:
    """As trec_eval -c: the mean is over all judged topics, and the document says so."""
    (tmp_path / "q").write_text("1 0 a 1 1\n2 0 a 1 1\n", encoding="utf-8")
    (tmp_path / "r").write_text("1 0 a 1 0.5 x\n", encoding="utf-8")
    files = ["eval", "--trec-run", str(tmp_path / "r"), "--qrels", str(tmp_path / "q")]
    means = {}
    for options in ([], ["--missing", "leave"], ["--missing", "zero"]):
        assert kb([*files, *options, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        means[document["missing"]] = document["infAP"]
    assert means["zero"] == pytest.approx(means["leave"] / 2)
    assert kb([*files, "--missing", "zero"]) == 0
    assert "1 judged topics are not in the run and count as 0" in capsys.readouterr().out
