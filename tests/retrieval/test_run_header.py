"""The ir_metadata header of `kb eval --write-run`, and runs as other readers have them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from kb.cli import run
from kb.records import KBError
from kb.retrieval import evaluate, run_header
from kb.retrieval.trec import read_run

SCORES = np.random.default_rng(7).normal(size=(6, 20))
MINE = """\
tag: mine
actor: {name: A. Person, team: boats}
research goal: {venue: {name: TRECVID, year: 2026}}
data: {test collection: {name: harbour}}
"""


def written(folder: Path, *more: str) -> Path:
    """A run of SCORES, written by the command."""
    np.save(folder / "s.npy", SCORES)
    out = folder / "run.txt"
    assert run(["eval", "--similarity", str(folder / "s.npy"), "--write-run", str(out), *more]) == 0
    return out


def test_the_header_says_how_the_run_was_made(tmp_path: Path) -> None:
    """All six components; the command without folders, each input with its digest."""
    path = written(tmp_path, "--post", "dsl")
    header = run_header.read(path)
    assert header is not None
    assert [*header] == ["tag", *run_header.COMPONENTS]
    command = "kb eval --similarity s.npy --post dsl --write-run run.txt"
    assert header["implementation"]["executable"] == {"cmd": command}
    assert header["method"] == {
        "score ties": "reverse alphabetical order",
        "retrieval": [
            {"name": "scores", "method": "given scores"},
            {"name": "post-processing", "method": "dsl"},
        ],
    }
    digest = hashlib.sha256((tmp_path / "s.npy").read_bytes()).hexdigest()
    assert header["data"]["other"] == [{"name": "similarity", "file": "s.npy", "sha256": digest}]
    assert str(tmp_path) not in path.read_text()


def test_what_only_a_person_knows_comes_from_their_file(tmp_path: Path) -> None:
    """Their components are laid over ours, and their tag is the run's."""
    (tmp_path / "m.yaml").write_text(MINE)
    path = written(tmp_path, "--metadata", str(tmp_path / "m.yaml"))
    header = run_header.read(path)
    assert header is not None
    assert (header["tag"], header["actor"]["team"]) == ("mine", "boats")
    assert {*header["data"]} == {"other", "test collection"}
    assert path.read_text().splitlines()[-1].endswith(" mine")


def test_a_plain_run_has_no_header(tmp_path: Path) -> None:
    """The same lines without comments; both are read alike."""
    with_header = read_run(written(tmp_path))
    plain = written(tmp_path, "--plain")
    assert run_header.read(plain) is None
    assert "#" not in plain.read_text()
    assert read_run(plain) == with_header


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a\n", "is no ir_metadata"),
        ("plan: {}\n", "is no ir_metadata; a mapping with any of: tag, platform"),
        ("actor: me\n", "actor is no mapping"),
        ("tag: two words\n", "its tag is no single word"),
        ("actor: {a: &x [1], b: *x}\n", "has YAML aliases"),
        ("actor: [\n", "is no YAML"),
        ("\x00", "is no YAML"),
    ],
)
def test_a_bad_file_of_metadata_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, what: str
) -> None:
    """And no run is written."""
    np.save(tmp_path / "s.npy", SCORES)
    (tmp_path / "m.yaml").write_text(text)
    call = ["eval", "--similarity", str(tmp_path / "s.npy"), "--write-run", str(tmp_path / "r")]
    assert run([*call, "--metadata", str(tmp_path / "m.yaml")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert what in err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["# tag: x"], "its header does not end"),
        (["# tag: x", "1 0 a 1 2.0 x"], ":3: is no comment"),
        (["# tag: x", run_header.END], "its header lacks platform, research goal"),
        (["# [", run_header.END], "is no YAML"),
    ],
)
def test_a_broken_header_gets_one_line(tmp_path: Path, lines: list[str], what: str) -> None:
    """With the place where it breaks."""
    path = tmp_path / "run.txt"
    path.write_text("\n".join([run_header.START, *lines]))
    with pytest.raises(KBError, match=what):
        run_header.read(path)


def test_a_header_s_options_belong_to_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --write-run they are refused."""
    np.save(tmp_path / "s.npy", np.eye(3))
    assert run(["eval", "--similarity", str(tmp_path / "s.npy"), "--plain"]) == 2
    assert "--metadata and --plain belong to --write-run" in capsys.readouterr().err


@pytest.fixture
def repro_eval() -> Any:
    """The reader of ir_metadata's authors."""
    reason = "repro_eval is not installed, or setuptools has no pkg_resources any more"
    return pytest.importorskip("repro_eval.metadata", reason=reason)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_repro_eval_reads_the_header_and_the_run(repro_eval: Any, tmp_path: Path) -> None:
    """MetadataHandler has the same document, and the scores of every line."""
    (tmp_path / "m.yaml").write_text(MINE)
    path = written(tmp_path, "--metadata", str(tmp_path / "m.yaml"))
    handler = repro_eval.MetadataHandler
    assert json.dumps(handler.read_metadata(str(path))) == json.dumps(run_header.read(path))
    scores = handler.strip_metadata(str(path))
    for topic, row in enumerate(SCORES):
        assert scores[str(topic)] == pytest.approx(dict(zip(map(str, range(20)), row, strict=True)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_repro_eval_measures_the_run_as_we_do(repro_eval: Any, tmp_path: Path) -> None:
    """Average precision, reciprocal rank and success of each topic, read from the written file."""
    judges = pytest.importorskip("pytrec_eval")  # what repro_eval measures with
    right = np.random.default_rng(8).random(SCORES.shape) < 0.3
    right[:, 0] = True
    qrels = {
        str(topic): {str(shot): int(grade) for shot, grade in enumerate(row)}
        for topic, row in enumerate(right)
    }
    run_of = repro_eval.MetadataHandler.strip_metadata(str(written(tmp_path)))
    theirs = judges.RelevanceEvaluator(qrels, {"map", "recip_rank", "success"}).evaluate(run_of)
    ours = evaluate(similarity=SCORES, relevance=right).t2v.per_query
    for name, measure, scale in (("mAP", "map", 100), ("MRR", "recip_rank", 1)):
        wanted = [scale * theirs[str(topic)][measure] for topic in range(6)]
        np.testing.assert_allclose(ours[name], wanted, rtol=1e-6, err_msg=name)
    for cutoff in (1, 5, 10):
        wanted = [100 * theirs[str(topic)][f"success_{cutoff}"] for topic in range(6)]
        np.testing.assert_allclose(ours[f"R@{cutoff}"], wanted, rtol=1e-6)


def test_the_header_is_yaml_that_any_reader_has(tmp_path: Path) -> None:
    """The comment marks taken off, PyYAML reads the same document."""
    path = written(tmp_path)
    text = path.read_text().partition(run_header.START)[2].partition(run_header.END)[0]
    plain = "\n".join(line.removeprefix("# ") for line in text.splitlines())
    assert yaml.safe_load(plain) == run_header.read(path)
