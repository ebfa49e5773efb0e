"""`kb eval` on files, good and hostile."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kb.cli import run


def saved(folder: Path, name: str, array) -> str:
    """The array in a file."""
    np.save(folder / name, array)
    return str(folder / name)


def test_embeddings_and_relevance_give_the_contract_document(tmp_path, capsys) -> None:
    """`--text --video --relevance --json` prints one document with both directions."""
    text = saved(tmp_path, "t.npy", np.eye(4, dtype=np.float32))
    video = saved(tmp_path, "v.npy", np.eye(4, dtype=np.float32)[:2] + np.eye(4)[2:])
    pairs = tmp_path / "r.tsv"
    pairs.write_text("# caption\tvideo\n0\t0\n1\t1\t2.5\n\n2\t0\n3\t1\n", encoding="utf-8")

    code = run(["eval", "--text", text, "--video", video, "--relevance", str(pairs), "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    names = ["R@1", "R@5", "R@10", "MedR", "MnR", "MRR", "mAP"]
    assert list(document["t2v"]) == [*names, "nDCG"]  # since one pair has a gain of its own
    assert (document["queries"], document["gallery"], document["ties"]) == (4, 2, 0)
    assert document["t2v"]["R@1"] == document["v2t"]["R@1"] == 100
    assert document["SumR"] == 600


@pytest.mark.parametrize("form", ["pairs", "columns", "owner", "npy"])
def test_relevance_in_archives(tmp_path, capsys, form: str) -> None:
    """Pairs, columns, owners and one array say the same."""
    owner = np.array([1, 0, 1])
    pairs = np.stack([np.arange(3), owner], axis=1)
    path = tmp_path / ("r.npy" if form == "npy" else "r.npz")
    if form == "npy":
        np.save(path, pairs)
    elif form == "columns":
        np.savez(path, caption=pairs[:, 0], video=owner)
    else:
        np.savez(path, **{form: {"pairs": pairs, "owner": owner}[form]})
    scores = saved(tmp_path, "s.npy", np.array([[0.0, 1], [1, 0], [0, 1]]))

    code = run(["eval", "--similarity", scores, "--relevance", str(path), "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out)["t2v"]["R@1"] == 100


def test_a_table_for_people(tmp_path, capsys) -> None:
    """Without --json a table and the tie rule are printed."""
    scores = saved(tmp_path, "s.npy", np.zeros((2, 2)))

    assert run(["eval", "--similarity", scores, "--ties", "pessimistic"]) == 0

    out = capsys.readouterr().out
    assert "R@1" in out
    assert "4 queries with a tie (pessimistic)" in out


def _objects(folder: Path) -> Path:
    np.save(folder / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    return folder / "o.npy"


def _written(name: str, data: bytes):
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _array(name: str, array):
    def write(folder: Path) -> Path:
        np.save(folder / name, array)
        return folder / name

    return write


def _archive(folder: Path) -> Path:
    np.savez(folder / "a.npz", a=np.ones(2))
    return folder / "a.npz"


TABLES = {
    "missing": (lambda folder: folder / "none.npy", "is not there"),
    "folder": (lambda folder: folder, "cannot be read"),
    "empty file": (_written("e.npy", b""), "is no (whole )?.npy or .npz file"),
    "text": (_written("t.npy", b"0.1 0.2\n"), "is no (whole )?.npy or .npz file"),
    "noise": (_written("n.npy", b"\x93NUMPY\x01\x00\xff\xff{"), "is no (whole )?.npy or .npz file"),
    "pickle": (_objects, "holds pickled objects"),
    "archive": (_archive, "archive of several arrays"),
    "vector": (_array("v.npy", np.ones(3)), r"the shape \(3,\)"),
    "no rows": (_array("z.npy", np.ones((0, 3))), r"the shape \(0, 3\)"),
    "words": (_array("w.npy", np.array([["a"]])), "not real numbers"),
    "NaN": (_array("nan.npy", np.array([[np.nan]])), "NaN"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table_gets_one_line(tmp_path, capsys, case: str) -> None:
    """A file that is no table of numbers is refused with its name, code 2, no trace."""
    make, message = TABLES[case]

    code = run(["eval", "--similarity", str(make(tmp_path))])

    err = capsys.readouterr().err
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(message, err)


RELEVANCE = {
    "missing": (lambda folder: folder / "none.tsv", "is not there"),
    "binary": (_written("b.tsv", b"\xff\xfe\x00"), "cannot be read as text"),
    "empty": (_written("e.tsv", b"\n"), "names no pair"),
    "words": (_written("w.tsv", b"0\t0\none\ttwo\n"), r"w\.tsv:2: 'one"),
    "alone": (_written("a.tsv", b"0\n"), "is no pair"),
    "four": (_written("f.tsv", b"0 0 1 1\n"), "is no pair"),
    "huge": (_written("h.tsv", b"0 99999999999999999999\n"), "is no pair"),
    "range": (_written("r.tsv", b"0\t0\n1\t7\n"), "names video 7"),
    "entries": (_archive, "has the entries a"),
    "zip": (
        _written("z.npz", b"PK\x03\x04nothing"),
        "is no .npy or .npz file",
    ),
    "shape": (_array("s.npy", np.ones((2, 5))), r"the shape \(2, 5\)"),
}


@pytest.mark.parametrize("case", RELEVANCE)
def test_bad_relevance_gets_one_line(tmp_path, capsys, case: str) -> None:
    """Relevance that cannot be read or does not fit is refused, with the line where there is one."""
    make, message = RELEVANCE[case]
    scores = saved(tmp_path, "good.npy", np.eye(2))

    code = run(["eval", "--similarity", scores, "--relevance", str(make(tmp_path))])

    err = capsys.readouterr().err
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(message, err)


@pytest.mark.parametrize(
    "arguments", [[], ["--text", "t.npy"], ["--similarity", "s", "--text", "t"]]
)
def test_half_a_question_is_refused(capsys, arguments: list[str]) -> None:
    """Either scores or both embeddings must be named."""
    assert run(["eval", *arguments]) == 2
    assert "--similarity, or --text and --video" in capsys.readouterr().err


def test_without_numpy_one_line_names_the_extra(tmp_path) -> None:
    """Where numpy is not installed the command says what to install and exits with 4."""
    blocker = tmp_path / "numpy.py"
    blocker.write_text("raise ModuleNotFoundError('no numpy', name='numpy')\n", encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "kb", "eval", "--similarity", "s.npy"],
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).resolve().parents[2]}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 4
    assert "pip install 'kb-video-text-retrieval[repro]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_convention_names_its_source(tmp_path, capsys) -> None:
    """`--convention` prints that evaluator's metrics, its unit and where it was read."""
    scores = saved(tmp_path, "s.npy", np.eye(3))
    assert run(["eval", "--similarity", scores, "--convention", "howto100m", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["t2v"] == {"R@1": 1, "R@5": 1, "R@10": 1, "MedR": 1}
    assert document["unit"] == "fraction"
    assert run(["eval", "--similarity", scores, "--convention", "mmt"]) == 0
    assert "gabeur/mmt" in capsys.readouterr().out


def test_intervals_hold_the_metric(tmp_path, capsys) -> None:
    """`--bootstrap` adds a 95 % interval to each metric, in the document and in the table."""
    rng = np.random.default_rng(4)
    scores = saved(tmp_path, "s.npy", rng.normal(size=(60, 60)) + 2 * np.eye(60))
    assert run(["eval", "--similarity", scores, "--bootstrap", "200", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for side in ("t2v", "v2t"):
        for name, value in document[side].items():
            low, high = document["ci95"][side][name]
            assert low <= value <= high
    low, high = document["ci95"]["both"]["SumR"]
    assert low <= document["SumR"] <= high
    assert run(["eval", "--similarity", scores, "--bootstrap", "200"]) == 0
    assert "  [  " in capsys.readouterr().out


def test_intervals_resample_videos_with_all_their_captions(tmp_path, capsys) -> None:
    """Captions of one video are one cluster; the document and the table say how many there are."""
    rng = np.random.default_rng(4)
    right = np.repeat(np.arange(30), 4)
    scores = saved(tmp_path, "s.npy", rng.normal(size=(120, 30)) + np.eye(30)[right])
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{caption}\t{video}\n" for caption, video in enumerate(right)))
    options = ["--similarity", scores, "--relevance", str(pairs), "--bootstrap", "50"]
    assert run(["eval", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clusters"] == 30
    assert run(["eval", *options]) == 0
    assert "30 clusters (videos with all their captions) resampled" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["--convention", "mmt", "--post", "dsl"], ["--bank", "b.npy"], ["--convention", "none"]],
)
def test_options_that_exclude_one_another_are_refused(tmp_path, capsys, arguments) -> None:
    """A convention has no post-processing; a bank belongs to one; a name must be known."""
    scores = saved(tmp_path, "s.npy", np.eye(2))
    assert run(["eval", "--similarity", scores, *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_cosines_are_offered_and_what_is_scored_is_named(tmp_path, capsys) -> None:
    """Long vectors win inner products, not cosines; a row without length has no cosine."""
    text = saved(tmp_path, "t.npy", np.array([[1.0, 0.2], [0.1, 1.0]]))
    video = saved(tmp_path, "v.npy", np.array([[1.0, 0.0], [9.0, 9.0]]))
    recalls = {}
    for options in ([], ["--by", "inner-product"], ["--by", "cosine"]):
        assert run(["eval", "--text", text, "--video", video, *options, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        recalls[document["scores"]] = document["t2v"]["R@1"]
    assert recalls == {"inner-product": 50, "cosine": 100}
    assert run(["eval", "--text", text, "--video", video]) == 0
    assert "scores: inner-product of the embeddings" in capsys.readouterr().out
    nothing = saved(tmp_path, "n.npy", np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert run(["eval", "--text", text, "--video", nothing, "--by", "cosine"]) == 2
    assert "--video has no direction in row 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--similarity", "s.npy", "--by", "cosine"], "--by goes with --text"),
        (["--text", "t.npy", "--video", "v.npy", "--by", "angle"], "inner-product or cosine"),
        (["--similarity", "s.npy", "--missing", "zero"], "--missing goes with --trec-run"),
        (["--trec-run", "r", "--qrels", "q", "--missing", "one"], "--missing is leave or zero"),
        (["--trec-run", "r", "--qrels", "q", "--by", "cosine"], "--by cannot be used"),
    ],
)
def test_options_of_other_inputs_are_refused(capsys, arguments, message: str) -> None:
    """None is passed over in silence."""
    assert run(["eval", *arguments]) == 2
    assert message in capsys.readouterr().err
