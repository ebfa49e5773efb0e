"""Evidence is what files show: each level appears with its file and goes with it."""

import json
import shutil
from pathlib import Path

import pytest

from kb.records import Library, Run, evidence
from kb.records.modelfile import record_checked
from kb.records.runs import Cost, Data, Machine, Probe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def base(tmp_path) -> Path:
    """This list's records with one claim, and nothing else."""
    (tmp_path / "data").mkdir()
    for name in ("papers", "datasets", "published"):
        shutil.copy(ROOT / "data" / f"{name}.yaml", tmp_path / "data")
    with Library.editing(tmp_path) as library:
        claim = {"id": "levels", "text": "All levels beat one.", "than": ["level1"]}
        library.paper("dual-encoding").claims = [claim]
        narration = {"id": "narration-first", "text": "Narration helps.", "than": ["scratch"]}
        library.dataset("howto100m").claims = [narration]
        library.save()
    return tmp_path


MODEL = '''"""A model.

Equations
    (1)  a step   Net.step

Departures: none
"""


class Net:
    """It."""

    def step(self):
        """One."""
        return 1  # Eq. (1)
'''


def put(base: Path, name: str, text: str = "") -> None:
    """A file."""
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).write_text(text, encoding="utf-8")


def implement(base: Path, model: str = "dual-encoding") -> None:
    """A model's file and test, and the record that the shared checks were passed."""
    stem = model.replace("-", "_")
    put(base, f"models/{stem}.py", MODEL)
    put(base, f"tests/models/test_{stem}.py", '"""Eq. (1)."""\n')
    record_checked(base, model, MODEL)


def run(
    base: Path,
    *,
    variant: str = "full",
    seed: int = 0,
    real: bool = False,
    gallery: int = 2990,
    model: str = "dual-encoding",
    **changes,
) -> None:
    """A record of a measured run, on the real data with the sizes of MSR-VTT's full test."""
    data = Data(
        name="msrvtt" if real else "diorama-probe",
        size=None if real else "small",
        fingerprint="0" * 64,
        split="test",
        protocol="full",
        queries=20 * gallery,
        gallery=gallery,
        captions_per_video=20,
        probe=None
        if real
        else Probe(mechanism="plain", level="plain", seed=seed, inputs=["frames"]),
    )
    record = Run(
        id=f"{data.name}.{variant}.s{seed}",
        model=model,
        variant=variant,
        seed=seed,
        data=data,
        config={},
        recipe={},
        config_hash="0" * 64,
        metrics={},
        intervals={},
        ranks={},
        machine=Machine(device="cpu", threads=1, python="3", torch="2", platform="x"),
        cost=Cost(
            seconds=1,
            train_seconds=1,
            eval_seconds=0,
            epochs=1,
            steps=1,
            samples_per_second=1,
            parameters=1,
        ),
        command=f"kb repro {model}",
        date="2026-01-01T00:00:00+00:00",
        **changes,
    )
    folder = base / "data" / "results" / model
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record.id}.json").write_text(json.dumps(record.model_dump(mode="json")))


def shown(base: Path) -> dict[str, str]:
    """The levels that dual-encoding reaches, with what shows them."""
    return next(e for e in evidence.gather(Library(base)) if e.model == "dual-encoding").shown_by


def test_a_record_alone_is_listed(base) -> None:
    """A paper whose model is named but not written is listed, no more."""
    assert list(shown(base)) == ["listed"]


def test_a_recording_with_its_adapter_makes_it_matched(base) -> None:
    """A recording without an adapter is no test, hence no evidence."""
    implement(base)
    put(base, "tests/data/parity/dual-encoding.open.npz")
    assert list(shown(base)) == ["listed", "drafted", "implemented"]
    put(base, "tests/parity/dual_encoding.py")
    assert shown(base)["matched"] == "tests/data/parity/dual-encoding.open.npz"


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("models/dual_encoding.py", "class Net(:\n", "models/dual_encoding.py:1: not Python"),
        ("models/dual_encoding.py", '"""A model."""\n', "the header declares no equation"),
        ("models/dual_encoding.py", MODEL.replace("# Eq. (1)", ""), "cites (1) of the header"),
        ("models/dual_encoding.py", MODEL.replace("Net.step", "Net.walk"), "Net.walk of (1)"),
        ("models/dual_encoding.py", MODEL.replace("# Eq. (1)", "# Eq. (1) (2)"), "cites (2)"),
        (
            "models/dual_encoding.py",
            MODEL.replace("Departures: none", ""),
            "declares no departures",
        ),
        (
            "models/dual_encoding.py",
            MODEL.replace("a step ", "... "),
            "(1) of the header has no text",
        ),
        ("models/dual_encoding.py", MODEL.replace("return 1", "return 2"), "its code changed"),
        ("tests/models/test_dual_encoding.py", None, "it has no test file"),
        ("tests/models/test_dual_encoding.py", "step(1)\n", "no test names equation (1)"),
        ("tests/models/test_dual_encoding.py", 'def test(:\n"""', "not Python"),
        ("data/checked.json", "{}", "it has not passed the shared checks"),
    ],
)
def test_what_lacks_something_is_a_draft(base, file, text, why) -> None:
    """Whatever it lacks is named, and no higher level is reached, though its files are there."""
    implement(base)
    put(base, "tests/data/parity/dual-encoding.open.npz")
    put(base, "tests/parity/dual_encoding.py")
    for seed in (0, 1):
        run(base, seed=seed, real=True)
        run(base, variant="level1", seed=seed)
    if text is None:
        (base / file).unlink()
    else:
        put(base, file, text)
    assert list(shown(base)) == ["listed", "drafted"]
    assert why in shown(base)["drafted"]


def test_a_comment_or_a_docstring_makes_no_draft(base) -> None:
    """Only the code was checked: what is said about it may change."""
    implement(base)
    said = MODEL.replace("    def step", "    # A remark.\n\n    def step").replace("One.", "1.")
    put(base, "models/dual_encoding.py", said)
    assert "implemented" in shown(base)


def test_a_test_names_equations_in_ranges_and_without_the_question_mark(base) -> None:
    """`Eqs. (1) to (3)` names (2); `(2?)` in the header is the same equation."""
    implement(base)
    text = MODEL.replace("    (1)", "    (2?)").replace("Eq. (1)", "Eq. (2?)")
    put(base, "models/dual_encoding.py", text)
    assert "no test names equation (2?)" in shown(base)["drafted"]
    put(base, "tests/models/test_dual_encoding.py", '"""Eqs. (1) to (3)."""\n')
    assert "implemented" in shown(base)


def test_a_claim_is_tested_when_all_its_variants_share_two_worlds(base) -> None:
    """One world, or worlds that do not pair, test nothing; failed runs do not count."""
    implement(base)
    for seed in (0, 1):
        run(base, seed=seed)
    run(base, variant="level1", seed=1)
    run(base, variant="level1", seed=2)
    run(base, variant="level1", seed=0, status="failed", reason="out of memory")
    assert "claims tested" not in shown(base)
    run(base, variant="level1", seed=0)
    assert shown(base)["claims tested"] == "levels"


def test_only_the_real_data_check_a_number(base) -> None:
    """A run on the synthetic benchmark checks no published number, one on MSR-VTT does."""
    implement(base)
    run(base)
    assert "number checked" not in shown(base)
    run(base, real=True)
    assert shown(base)["number checked"] == "data/results/dual-encoding/msrvtt.full.s0.json"


@pytest.mark.parametrize(
    "other", [{"gallery": 30}, {"variant": "level1"}, {"changes": {"epochs": 1}}], ids=str
)
def test_another_protocol_checks_no_number(base, other) -> None:
    """A smaller gallery, a variant, a training cut short: not what was published."""
    implement(base)
    run(base, real=True, **other)
    assert "number checked" not in shown(base)


def test_totals_count_papers_on_each_level(base) -> None:
    """Every active paper is listed; the totals count what was put there."""
    implement(base)
    put(base, "models/hgr.py", "def")
    document = evidence.document(Library(base))
    total = document["total"]
    assert total["listed"] == len(document["papers"]) > 1
    assert (total["drafted"], total["implemented"]) == (2, 1)
    assert "dong2019dual (dual-encoding): implemented" in evidence.text(document)
    assert "(hgr): drafted, models/hgr.py:1: not Python" in evidence.text(document)


def test_a_model_that_came_with_a_dataset_is_counted_apart(base) -> None:
    """HowTo100M is a dataset with a model: it reaches the same levels, outside the papers' totals."""
    implement(base, "howto100m")
    for seed in (0, 1):
        run(base, model="howto100m", seed=seed)
        run(base, model="howto100m", variant="scratch", seed=seed)
    document = evidence.document(Library(base))
    assert document["total"]["implemented"] == document["total"]["claims tested"] == 0
    assert "howto100m" not in {one["id"] for one in document["papers"]}
    assert document["datasets"] == [
        {
            "id": "howto100m",
            "model": "howto100m",
            "level": "claims tested",
            "basis": "official code matched",
            "evidence": {
                "listed": "data/datasets.yaml",
                "drafted": "models/howto100m.py",
                "implemented": "models/howto100m.py",
                "claims tested": "narration-first",
            },
        }
    ]
    line = (
        "howto100m (came with the dataset): claims tested, narration-first; official code matched"
    )
    assert line in evidence.text(document)


def test_implemented_models_are_counted_by_their_basis(base) -> None:
    """Each record has its basis; a model that is not written yet counts nowhere."""
    implement(base)
    implement(base, "howto100m")
    document = evidence.document(Library(base))
    assert document["basis"] == {
        "official code matched": 2,
        "written from the paper": 0,
        "written from the abstract": 0,
        "our reading of the title": 0,
    }
    by_model = {one["model"]: one["basis"] for one in document["papers"]}
    assert by_model["dual-encoding"] == "official code matched"
    assert by_model["otani-web-image"] == "written from the paper"
    assert "   2  official code matched" in evidence.text(document)


def test_a_toolkit_is_matched_by_its_recording(base) -> None:
    """Listed alone without a command of ours; matched where recording and adapter are there."""
    (one,) = evidence.document(Library(base))["toolkits"]
    assert (one["id"], one["level"]) == ("xuchaoxi-video-cnn-feat", "implemented")
    assert one["evidence"]["implemented"] == "kb features --like video-cnn-feat"
    put(base, "tests/data/parity/video-cnn-feat.open.npz")
    put(base, "tests/parity/video_cnn_feat.py")
    document = evidence.document(Library(base))
    assert document["toolkits"][0]["level"] == "matched"
    assert "xuchaoxi-video-cnn-feat (toolkit): matched, tests/data/parity" in evidence.text(
        document
    )


@pytest.mark.parametrize(
    ("basis", "checked"),
    [
        ("written from the paper", True),
        ("written from the abstract", False),
        ("our reading of the title", False),
    ],
)
def test_a_model_that_is_a_guess_checks_no_number(base, basis: str, checked: bool) -> None:
    """Its runs under a published protocol are no evidence for or against the paper."""
    with Library.editing(base) as library:
        library.paper("dual-encoding").basis = basis
        library.save()
    implement(base)
    run(base, real=True)
    assert ("number checked" in shown(base)) is checked


@pytest.mark.parametrize(
    ("scores", "rising"),
    [
        ([10, 20, 20.3], True),
        ([10, 20, 20.1], False),
        ([30, 20, 21], False),
        ([10], False),
        ([], False),
    ],
)
def test_a_run_that_was_cut_off_is_known(base, scores: list[float], rising: bool) -> None:
    """Its last epoch is over one percent better on validation than all before."""
    run(base, curve=[{"epoch": i, "SumR": score} for i, score in enumerate(scores)])
    assert [one.rising for one in Library(base).runs("dual-encoding")] == [rising]
