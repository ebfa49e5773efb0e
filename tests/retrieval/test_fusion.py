"""Fusion of two spaces: each scaled by its own extremes, named beside the numbers."""

import json
import re

import numpy as np
import pytest

from kb.cli import run
from kb.records.errors import KBError
from kb.retrieval import evaluate
from kb.retrieval.fusion import fused

RNG = np.random.default_rng(3)
LATENT, CONCEPT = RNG.normal(size=(9, 9)) + np.eye(9), RNG.random((9, 9)) / 10 + np.eye(9) / 30


def longhand(weight: float) -> np.ndarray:
    """Cell by cell."""
    fused_scores = np.empty_like(LATENT)
    for i in range(9):
        for j in range(9):
            parts = [
                (table[i, j] - table.min()) / (table.max() - table.min())
                for table in (LATENT, CONCEPT)
            ]
            fused_scores[i, j] = weight * parts[0] + (1 - weight) * parts[1]
    return fused_scores


@pytest.mark.parametrize("weight", [0.0, 0.6, 1.0])
def test_scores_are_scaled_and_weighed(weight: float) -> None:
    """Each by its least and largest score, whatever its own scale is."""
    np.testing.assert_allclose(fused(LATENT, CONCEPT, weight), longhand(weight))
    np.testing.assert_allclose(fused(5 * LATENT - 2, CONCEPT, weight), longhand(weight))


def test_the_command_fuses_and_says_so(tmp_path, capsys) -> None:
    """`--fuse` gives the numbers of the fused scores; name and weights stand beside them."""
    for name, table in (("a", LATENT), ("b", CONCEPT)):
        np.save(tmp_path / f"{name}.npy", table)
    arguments = ["eval", "--similarity", str(tmp_path / "a.npy"), "--fuse", str(tmp_path / "b.npy")]
    assert run([*arguments, "--weight", "0.7", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["t2v"] == evaluate(similarity=longhand(0.7)).t2v.metrics
    assert document["fusion"]["weights"] == [0.7, 0.3]
    assert document["fusion"]["queries_seen"] == "all of the test set"
    assert run([*arguments, "--convention", "dual-encoding-hybrid"]) == 0
    assert "0.6 of these scores and 0.4 of --fuse" in capsys.readouterr().out


BAD = {
    "shape": (np.ones((2, 3)), 0.6, r"are \(9, 9\) and \(2, 3\)"),
    "infinite": (np.where(np.eye(9), -np.inf, CONCEPT), 0.6, "finite"),
    "flat": (np.ones((9, 9)), 0.6, "every score is the same"),
    "weight": (CONCEPT, 1.5, "not between 0 and 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_fused_is_refused(case: str) -> None:
    """Other shapes, scores without extremes, weights that are none."""
    second, weight, message = BAD[case]
    with pytest.raises(KBError, match=message):
        fused(LATENT, second, weight)


@pytest.mark.parametrize("arguments", [["--weight", "0.5"], ["--text", "t.npy", "--fuse", "b"]])
def test_fusion_goes_with_a_similarity_matrix(capsys, arguments: list[str]) -> None:
    """A weight without a second matrix, or a second one beside embeddings, gets one line."""
    scores = ["--video", "v.npy"] if "--text" in arguments else ["--similarity", "s.npy"]
    assert run(["eval", *scores, *arguments]) == 2
    assert re.search(r"--weight belongs|--fuse goes with", capsys.readouterr().err)


def saved(folder, name: str, table, captions, videos) -> str:
    """Scores with the names of their rows and columns."""
    path = folder / f"{name}.npz"
    np.savez(path, scores=table, captions=np.array(captions), videos=np.array(videos))
    return str(path)


def test_scores_with_names_are_matched_by_them(tmp_path, capsys) -> None:
    """Rows and columns in another order give the same numbers; the document says how it is known."""
    names = [f"caption{i}" for i in range(9)], [f"video{i}" for i in range(9)]
    first, rows, columns = (
        saved(tmp_path, "a", LATENT, *names),
        RNG.permutation(9),
        RNG.permutation(9),
    )
    shuffled = [
        [side[i] for i in order] for side, order in zip(names, (rows, columns), strict=True)
    ]
    second = saved(tmp_path, "b", CONCEPT[rows][:, columns], *shuffled)
    assert run(["eval", "--similarity", first, "--fuse", second, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["t2v"] == evaluate(similarity=longhand(0.6)).t2v.metrics
    assert document["fusion"]["matched_by"] == "names"
    assert run(["eval", "--similarity", first, "--fuse", second]) == 0
    assert "items matched by names" in capsys.readouterr().out


HOSTILE = {
    "others": (
        {"videos": [f"clip{i}" for i in range(9)]},
        "other videos: 18 are in one file alone",
    ),
    "twice": ({"captions": ["caption0"] * 9}, "names one of its captions twice"),
    "few": ({"videos": ["video0"]}, r"has videos of shape \(1,\) for 9"),
    "floats": ({"videos": np.arange(9.0)}, "has videos of shape"),
    "flat": ({"scores": np.ones(9)}, "has the shape"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_names_that_do_not_fit_are_one_clear_line(tmp_path, capsys, case: str) -> None:
    """Other items, repeated names, names of another number or kind."""
    change, message = HOSTILE[case]
    names = {side: [f"{side[:-1]}{i}" for i in range(9)] for side in ("captions", "videos")}
    first = saved(tmp_path, "a", LATENT, names["captions"], names["videos"])
    np.savez(tmp_path / "b.npz", **{"scores": CONCEPT, **names} | change)
    assert run(["eval", "--similarity", first, "--fuse", str(tmp_path / "b.npz")]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_names_in_one_file_alone_leave_the_order_to_be_judged(tmp_path) -> None:
    """Then scores off the diagonal must agree, as without any name."""
    table = RNG.normal(size=(20, 20)) + 3 * np.eye(20)
    names = [f"caption{i}" for i in range(20)], [f"video{i}" for i in range(20)]
    first = saved(tmp_path, "a", table, *names)
    for name, second, code in (("same", table + 1, 0), ("turned", table[::-1].copy(), 2)):
        np.save(tmp_path / f"{name}.npy", second)
        assert run(["eval", "--similarity", first, "--fuse", str(tmp_path / f"{name}.npy")]) == code
