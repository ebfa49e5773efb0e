"""Our models against the official code's recordings, and what the command says of others."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kb.records.errors import KBError
from tests.parity import cases, dual_encoding, training
from tests.parity.__main__ import main
from tests.parity.compare import LIMIT, adapter_name, relative, report

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "parity"
RECORDINGS = sorted(DATA.glob("*.npz"))
BESIDE = ROOT.parent / "shared" / "parity"
FULL = DATA / "dual-encoding.open.npz"
TRAINED = DATA / "dual-encoding.train.open.npz"
ELSEWHERE = [  # train-mode recordings of our models that are too large to copy
    path
    for path in sorted((BESIDE / "train").glob("*.npz"))
    if not (DATA / path.name).exists() and adapter_name(path.name.split(".")[0])
]


def rewritten(path, change, original=FULL):
    """A copy of a recording with some arrays changed."""
    with np.load(original, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **(arrays | change(arrays)))
    return path


def parity(*arguments):
    """`python -m tests.parity ...`, as a person calls it."""
    command = [sys.executable, "-m", "tests.parity", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def here(monkeypatch, capsys):
    """The same in this process: (exit code, standard output, standard error)."""

    def called(*arguments):
        monkeypatch.setattr(sys, "argv", ["tests.parity", *map(str, arguments)])
        code = main()
        return code, *capsys.readouterr()

    return called


def test_there_are_recordings():
    """A folder emptied by mistake is noticed."""
    assert {p.name.split(".")[0] for p in RECORDINGS} >= {"dual-encoding"}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.name)
def test_every_output_loss_and_gradient_agrees(path):
    """Each array of a recording is compared or skipped with a reason, and stays in the limit."""
    agrees(path)


@pytest.mark.shared
@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda p: p.name)
def test_every_train_mode_recording_beside_the_checkout_agrees(path):
    """Those that are too large to lie in tests/data."""
    agrees(path)


def agrees(path):
    """Nothing outside the limit, nothing passed over."""
    parity = report(path)
    assert {n: d for n, d in parity.max_rel.items() if d is None or d >= LIMIT} == {}
    assert parity.ok
    assert parity.max_rel.keys() | parity.skipped.keys() == cases.read(path).expected.keys()
    counted = [n for n in parity.skipped if not n.endswith(training.COUNTER)]
    uncalled = "/batch_norm_"  # layers of MMT's released code that nothing runs through
    others = [name for name in counted if uncalled not in name]
    assert [name for name in others if not name.startswith("out/eval_")] == []


@pytest.mark.shared
@pytest.mark.skipif(not BESIDE.is_dir(), reason="the reference material is not beside the checkout")
def test_our_copies_are_the_recordings():
    """The files in tests/data are those of the reference material, byte for byte."""
    for path in RECORDINGS:
        room = BESIDE / "train" if ".train." in path.name else BESIDE
        assert path.read_bytes() == (room / path.name).read_bytes()


def test_the_command_prints_one_document(tmp_path, here):
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

    code, bad, _ = here(rewritten(tmp_path / "bad.npz", louder), "--json")
    document = json.loads(bad)
    assert code == 1
    assert not document["ok"]
    assert [n for n, d in document["max_rel"].items() if d >= LIMIT] == ["out/loss_total"]


def test_the_table_ends_with_the_verdict(here):
    """Without --json a person reads one line an array and the limit."""
    code, shown, _ = here(FULL)
    assert code == 0
    assert shown.splitlines()[-1] == "ok (limit 0.0001)"
    assert "grad/text_encoding.embed.weight" in shown


@pytest.mark.parametrize("array", ["state/text_encoding.rnn.bias_hh_l0", "in/bow", "in/raw_frames"])
def test_other_weights_and_inputs_give_other_numbers(array, tmp_path):
    """What is computed depends on what the file gives: nothing is remembered."""
    parity = report(rewritten(tmp_path / "other.npz", lambda a: {array: a[array] + 1}))
    assert parity.max_rel["out/loss_total"] > LIMIT
    assert not parity.ok


def test_an_output_the_model_does_not_give_is_not_passed_over(tmp_path):
    """An array nobody computes, or one with a NaN, is not ok."""
    for change in ({"out/mystery": np.ones(2)}, {"out/loss_total": np.array(np.nan)}):
        parity = report(rewritten(tmp_path / "more.npz", lambda _, change=change: change))
        assert parity.max_rel[next(iter(change))] is None
        assert not parity.ok


def meta(path, original=FULL, **change):
    """A copy of a recording with other metadata; `config` adds to the options."""

    def rewrite(arrays):
        document = json.loads(str(arrays["meta"]))
        document["config"] |= change.pop("config", {})
        return {"meta": np.array(json.dumps(document | change))}

    return rewritten(path, rewrite, original)


def test_the_recorded_configuration_is_followed(tmp_path):
    """Margin, frame limit, direction, hardest negatives and reduction come from the file."""
    official, path = cases.read(FULL).expected, tmp_path / "meta.npz"
    for change, array in (
        ({"direction": "t2i"}, "out/loss_t2v"),
        ({"direction": "i2t"}, "out/loss_v2t"),
        ({"cost_style": "mean"}, "out/loss_total_mean"),
        ({"max_violation": False}, "out/loss_total_allneg_sum"),
    ):
        case = cases.read(meta(path, config=change))
        ours = training.run(case, dual_encoding)["out/loss_total"]
        assert relative(ours, official[array]) < LIMIT, change
    for change in ({"margin": 0.3}, {"video_max_len": 3}):
        assert not report(meta(path, config=change)).ok, change
    with pytest.raises(KBError, match="measure 'order'"):
        report(meta(path, config={"measure": "order"}))


def test_a_train_mode_recording_is_run_in_train_mode(tmp_path):
    """Read as one of evaluation, its batch norms give other embeddings and nothing is trained."""
    assert report(TRAINED).ok
    parity = report(meta(tmp_path / "eval.npz", TRAINED, variant="full"))
    assert parity.max_rel["out/text_emb"] > LIMIT
    assert parity.max_rel["out/train_losses"] is None


def frozen_norm(net):
    """Keeps one batch norm in evaluation whatever mode the model is put in."""
    norm = net.video_space[1].eval()
    norm.train = lambda _mode: norm


SPOILT = {  # -> the arrays that show it
    "statistics move faster": (
        "out/running1",
        lambda net: setattr(net.text_space[1], "momentum", 0.2),
    ),
    "frozen words": ("grad/", lambda net: net.text.words.requires_grad_(requires_grad=False)),
    "loss times nine": (
        "out/after5",
        lambda net: setattr(net, "loss", lambda b: 9 * type(net).loss(net, b)),
    ),
    "batch norm as in evaluation": ("out/video_emb", frozen_norm),
}


@pytest.mark.parametrize(("array", "spoil"), SPOILT.values(), ids=SPOILT)
def test_what_only_training_shows_is_seen(array, spoil):
    """A model that is right in evaluation and trains otherwise is not ok."""

    class Spoilt:
        prefixes, outputs = dual_encoding.prefixes, dual_encoding.outputs

        @staticmethod
        def build(case):
            net, batch = dual_encoding.build(case)
            spoil(net)
            return net, batch

    case = cases.read(TRAINED)
    whole, ours = training.run(case, dual_encoding), training.run(case, Spoilt)
    rows = [name for name in whole if name.startswith(array)]
    assert any(name not in ours or relative(ours[name], whole[name]) > LIMIT for name in rows)


def test_no_drop_out_is_left_in_train_mode():
    """Layers, recurrent stacks and attention: two passes give the same."""
    net = nn.ModuleDict(
        {
            "layer": nn.Sequential(nn.Dropout(0.5), nn.Dropout1d(0.5)),
            "gru": nn.GRU(4, 4, num_layers=2, dropout=0.5),
            "attention": nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5, batch_first=True),
        }
    ).train()
    x = torch.ones(3, 5, 4)
    training.without_dropout(net)
    for name in net:
        first, second = (net[name](x) for _ in range(2))
        assert torch.equal(*(y[0] if isinstance(y, tuple) else y for y in (first, second))), name


@pytest.mark.parametrize("change", [{"lr": 0.1}, {"steps": 6}, {"name": "Adam"}, {"momentum": 0.9}])
def test_another_optimiser_is_refused(change, tmp_path):
    """Five plain steps are made; a recording of others would be held against the wrong ones."""
    optimiser = training.PLAIN | change
    with pytest.raises(KBError, match="recorded with the optimiser"):
        report(meta(tmp_path / "other.npz", TRAINED, optimiser=optimiser))


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
    "optimiser no mapping": lambda path: meta(path, TRAINED, optimiser="SGD"),
    "optimiser absent": lambda path: meta(path, TRAINED, optimiser=None),
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


def test_the_command_reports_a_broken_file_without_a_trace(tmp_path, here):
    """One line on standard error, nothing on standard output."""
    code, out, told = here(spoilt("cut", tmp_path / "broken.npz"), "--json")
    assert (code, out, told.count("\n")) == (2, "", 1)


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
    difference = relative(np.array(ours), np.array(official))
    assert difference == (expected if expected is None else pytest.approx(expected))
