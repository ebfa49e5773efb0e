"""Our models against the official code's recordings, and what the command says of others."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kb.records.errors import KBError
from tests.parity import cases
from tests.parity.compare import LIMIT, relative, report

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "parity"
RECORDINGS = sorted(DATA.glob("*.npz"))
BESIDE = ROOT.parent / "shared" / "parity"
FULL = DATA / "dual-encoding.open.npz"


def rewritten(path, change):
    """A copy of a recording with some arrays changed."""
    with np.load(FULL, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **(arrays | change(arrays)))
    return path


def parity(*arguments):
    """`python -m tests.parity ...`, as a person calls it."""
    command = [sys.executable, "-m", "tests.parity", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_there_are_recordings():
    """A folder emptied by mistake is noticed."""
    assert {p.name.split(".")[0] for p in RECORDINGS} >= {"dual-encoding"}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.name)
def test_every_output_loss_and_gradient_agrees(path):
    """Each array of a recording is compared or skipped with a reason, and stays in the limit."""
    found = report(path)
    assert {n: d for n, d in found.max_rel.items() if d is None or d >= LIMIT} == {}
    assert found.ok
    assert found.max_rel.keys() | found.skipped.keys() == cases.read(path).expected.keys()
    assert [name for name in found.skipped if not name.startswith("out/eval_")] == []


@pytest.mark.shared
@pytest.mark.skipif(not BESIDE.is_dir(), reason="the reference material is not beside the checkout")
def test_our_copies_are_the_recordings():
    """The files in tests/data are those of the reference material, byte for byte."""
    for path in RECORDINGS:
        assert path.read_bytes() == (BESIDE / path.name).read_bytes()


def test_the_command_prints_one_document(tmp_path):
    """--json: model, case, max_rel, ok; a recording that disagrees gives exit code 1."""
    good = parity(FULL, "--json")
    document = json.loads(good.stdout)
    assert good.returncode == 0
    assert (document["model"], document["case"], document["ok"]) == (
        "dual-encoding",
        "full.open",
        True,
    )
    assert document["max_rel"]["out/sim_text_x_video"] < LIMIT

    def louder(arrays):
        return {"out/loss_total": arrays["out/loss_total"] * np.float32(1.001)}

    bad = parity(rewritten(tmp_path / "bad.npz", louder), "--json")
    document = json.loads(bad.stdout)
    assert bad.returncode == 1
    assert not document["ok"]
    assert [n for n, d in document["max_rel"].items() if d >= LIMIT] == ["out/loss_total"]


def test_the_table_ends_with_the_verdict():
    """Without --json a person reads one line an array and the limit."""
    shown = parity(FULL)
    assert shown.stdout.splitlines()[-1] == "ok (limit 0.0001)"
    assert "grad/text_encoding.embed.weight" in shown.stdout


@pytest.mark.parametrize("array", ["state/text_encoding.rnn.bias_hh_l0", "in/bow", "in/raw_frames"])
def test_other_weights_and_inputs_give_other_numbers(array, tmp_path):
    """What is computed depends on what the file gives: nothing is remembered."""
    found = report(rewritten(tmp_path / "other.npz", lambda a: {array: a[array] + 1}))
    assert found.max_rel["out/loss_total"] > LIMIT
    assert not found.ok


def test_an_output_the_model_does_not_give_is_not_passed_over(tmp_path):
    """An array nobody computes, or one with a NaN, is not ok."""
    for change in ({"out/mystery": np.ones(2)}, {"out/loss_total": np.array(np.nan)}):
        found = report(rewritten(tmp_path / "more.npz", lambda _, change=change: change))
        assert found.max_rel[next(iter(change))] is None
        assert not found.ok


def test_the_recorded_configuration_is_followed(tmp_path):
    """Margin, frame limit, direction, hardest negatives and reduction come from the file."""

    def meta(**change):
        def rewrite(arrays):
            document = json.loads(str(arrays["meta"]))
            document["config"] |= change
            return {"meta": np.array(json.dumps(document))}

        return rewritten(tmp_path / "meta.npz", rewrite)

    official = cases.read(FULL).expected
    for change, array in (
        ({"direction": "t2i"}, "out/loss_t2v"),
        ({"direction": "i2t"}, "out/loss_v2t"),
        ({"cost_style": "mean"}, "out/loss_total_mean"),
        ({"max_violation": False}, "out/loss_total_allneg_sum"),
    ):
        case = cases.read(meta(**change))
        ours = _adapter().run(case)["out/loss_total"]
        assert relative(ours, official[array]) < LIMIT, change
    for change in ({"margin": 0.3}, {"video_max_len": 3}):
        assert not report(meta(**change)).ok, change
    with pytest.raises(KBError, match="measure 'order'"):
        report(meta(measure="order"))


def _adapter():
    from tests.parity import dual_encoding  # noqa: PLC0415  (the other tests find it by name)

    return dual_encoding


def flipped():
    """A recording in which every seventh byte of a stretch was lost."""
    content = bytearray(FULL.read_bytes())
    content[500:30_000:7] = bytes(len(content[500:30_000:7]))
    return bytes(content)


BROKEN = {
    "absent": lambda _: None,
    "folder": lambda path: path.mkdir(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no archive"),
    "cut": lambda path: path.write_bytes(FULL.read_bytes()[:40_000]),
    "flipped": lambda path: path.write_bytes(flipped()),
    "one array": lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"),
    "pickled": lambda path: np.savez(path, meta=np.array([{"slug": "x"}], dtype=object)),
    "no meta": lambda path: np.savez(path, a=np.ones(1)),
    "meta not JSON": lambda path: np.savez(path, meta=np.array("{")),
    "meta a list": lambda path: np.savez(path, meta=np.array("[1]")),
    "other model": lambda path: np.savez(path, meta=np.array('{"slug": "../x", "config": {}}')),
    "no weights": lambda path: np.savez(
        path, meta=np.array('{"slug": "dual-encoding", "config": {}}')
    ),
    "words too short": lambda path: rewritten(
        path, lambda a: {"in/word_ids": a["in/word_ids"][:, :2]}
    ),
    "word ids too large": lambda path: rewritten(
        path, lambda a: {"in/word_ids": a["in/word_ids"] + 99}
    ),
    "weight of another shape": lambda path: rewritten(
        path, lambda _: {"state/vid_encoding.rnn.bias_ih_l0": np.ones(4)}
    ),
}


def spoilt(kind, path):
    """A file that is no recording, in one of the ways files are broken."""
    BROKEN[kind](path)
    return path


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_gets_one_line(kind, tmp_path):
    """Whatever is wrong with a file: one line that names it, exit code 2."""
    path = spoilt(kind, tmp_path / "broken.npz")
    with pytest.raises(KBError) as caught:
        report(path)
    assert "broken.npz" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.code == 2


def test_the_command_reports_a_broken_file_without_a_trace(tmp_path):
    """One line on standard error, nothing on standard output."""
    shown = parity(spoilt("cut", tmp_path / "broken.npz"), "--json")
    assert (shown.returncode, shown.stdout, shown.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("ours", "official", "expected"),
    [
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([0.0, 4.0], [0.1, 4.0], 0.025),
        ([0.0], [0.0], 0.0),
        ([1.0], [1.0, 2.0], None),
        ([np.nan], [1.0], None),
        ([], [], 0.0),
    ],
)
def test_a_relative_difference_is_held_to_the_array_s_own_scale(ours, official, expected):
    """The largest difference over the largest official value; None where it means nothing."""
    found = relative(np.array(ours), np.array(official))
    assert found == (expected if expected is None else pytest.approx(expected))
