"""`kb eval --write-run`: the ranking as a TREC run, whole or not at all."""

import json
import re

import numpy as np
import pytest

from kb.cli import run
from kb.retrieval import evaluate
from kb.retrieval.counting import Matrix
from kb.retrieval.post import adjust
from kb.retrieval.trec import ranked, read_run

SCORES = np.random.default_rng(5).normal(size=(4, 30)).astype(np.float32)


def arguments(folder, *more: str) -> list[str]:
    """A call that writes the run of SCORES."""
    np.save(folder / "s.npy", SCORES)
    scores = ["--similarity", str(folder / "s.npy")]
    return ["eval", *scores, "--write-run", str(folder / "run.txt"), *more]


def test_the_run_ranks_as_the_scores_do(tmp_path, capsys) -> None:
    """Best first, every shot once, exact scores; the reader of runs reads it back."""
    assert run([*arguments(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"run": str(tmp_path / "run.txt"), "topics": 4, "lines": 120}
    back = read_run(tmp_path / "run.txt")
    for topic, row in enumerate(SCORES):
        assert [int(shot) for shot in back[str(topic)].shots] == list(np.argsort(-row))
    lines = (tmp_path / "run.txt").read_text().splitlines()
    first = next(line for line in lines if not line.startswith("#")).split()
    assert first[3:] == ["1", repr(float(SCORES[0].max())), "kb"]


def test_ids_make_it_a_run_that_judgements_know(tmp_path, capsys) -> None:
    """With topic and shot ids, and everything judged, its infAP is mAP but for the smoothing."""
    right = np.random.default_rng(6).random((4, 30)) < 0.3
    (tmp_path / "t.txt").write_text("".join(f"15{i:02}\n" for i in range(4)))
    (tmp_path / "v.txt").write_text("".join(f"shot{j}_{j}\n" for j in range(30)))
    judged = (f"15{i:02} 0 shot{j}_{j} 1 {int(right[i, j])}\n" for i in range(4) for j in range(30))
    (tmp_path / "q.txt").write_text("".join(judged))
    ids = ["--topics", str(tmp_path / "t.txt"), "--shots", str(tmp_path / "v.txt")]
    assert run(arguments(tmp_path, *ids)) == 0
    assert "4 topics, 120 lines" in capsys.readouterr().out
    files = ["--trec-run", str(tmp_path / "run.txt"), "--qrels", str(tmp_path / "q.txt")]
    assert run(["eval", *files, "--json"]) == 0
    inferred = json.loads(capsys.readouterr().out)["infAP"]
    whole = evaluate(similarity=SCORES, relevance=right).t2v.metrics["mAP"]
    assert 100 * inferred == pytest.approx(whole, abs=1e-2)


def test_a_topic_returns_its_best_and_ties_stand_as_the_reader_has_them() -> None:
    """No more than the depth; of equal scores the later id in the order of strings comes first."""
    scores = Matrix(np.array([[1.0, 2, 2, 2, 0]]))
    ranked_shots = dict(ranked(scores, ["1"], ["a", "b10", "b9", "b1", "c"], 3))
    assert list(ranked_shots["1"]) == ["b9", "b10", "b1"]


def test_embeddings_and_post_processing_are_ranked_too(tmp_path, capsys) -> None:
    """Inner products of two sets; scores as `--post` adjusts them, which is said."""
    text, video = np.eye(3), np.array([[0.1, 0.9, 0], [0.9, 0, 0.2], [0, 0.3, 0.7]])
    np.save(tmp_path / "t.npy", text)
    np.save(tmp_path / "v.npy", video)
    out = tmp_path / "r.txt"
    arguments = ["--text", str(tmp_path / "t.npy"), "--video", str(tmp_path / "v.npy")]
    assert run(["eval", *arguments, "--post", "dsl", "--write-run", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["post"]["name"] == "dsl"
    wanted = adjust(Matrix(text @ video.T), "dsl").rows(0, 3)
    back = read_run(out)
    for topic in range(3):
        order = sorted(range(3), key=lambda j: (wanted[topic, j], str(j)), reverse=True)
        assert back[str(topic)].shots == [str(j) for j in order]


BAD = {
    "few ids": ("--shots", "a\nb\n", "there are 2 shot ids, the scores have 30 shots"),
    "twice": ("--topics", "a\nb\na\nc\n", "a topic id is there twice"),
    "blank": ("--topics", "a\nb b\nc\nd\n", "'b b' is no topic id"),
    "count": ("--bootstrap", "5", "counts nothing"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_call_gets_one_line_and_writes_nothing(tmp_path, capsys, case: str) -> None:
    """Ids that do not fit, or options that count; no file is left."""
    option, text, message = BAD[case]
    (tmp_path / "ids").write_text(text)
    value = text if option == "--bootstrap" else str(tmp_path / "ids")
    assert run(arguments(tmp_path, option, value)) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(message, err)
    assert not (tmp_path / "run.txt").exists()


def test_nan_and_a_folder_that_cannot_be_written_are_refused(tmp_path, capsys) -> None:
    """NaN has no rank; where the file cannot be put, one line says so."""
    np.save(tmp_path / "n.npy", np.array([[np.nan, 1.0]]))
    scores = ["eval", "--similarity", str(tmp_path / "n.npy")]
    assert run([*scores, "--write-run", str(tmp_path / "r")]) == 2
    assert "NaN" in capsys.readouterr().err
    (tmp_path / "taken").write_text("")
    assert run([*arguments(tmp_path)[:-1], str(tmp_path / "taken" / "r")]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
