"""Evidence is what files show: each rung appears with its file and goes with it."""

import json
import shutil
from pathlib import Path

import pytest

from kb.records import Library, Run, evidence
from kb.records.runs import Cost, Data, Machine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def base(tmp_path) -> Path:
    """This list's records with one claim, and nothing else."""
    (tmp_path / "data").mkdir()
    for name in ("papers", "datasets", "published"):
        shutil.copy(ROOT / "data" / f"{name}.yaml", tmp_path / "data")
    with Library.editing(tmp_path) as library:
        claim = {"id": "levels", "text": "All levels beat one.", "variants": ["full", "level1"]}
        library.paper("dual-encoding").claims = [claim]
        library.save()
    return tmp_path


def put(base: Path, name: str) -> None:
    """An empty file."""
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).touch()


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
        name="msrvtt" if real else "diorama-msrvtt",
        size=None if real else "tiny",
        fingerprint="0" * 64,
        split="test",
        protocol="full",
        queries=20 * gallery,
        gallery=gallery,
        captions_per_video=20,
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


def found(base: Path) -> dict[str, str]:
    """The evidence for dual-encoding."""
    return next(e for e in evidence.gather(Library(base)) if e.model == "dual-encoding").found


def test_a_record_alone_is_listed(base) -> None:
    """A paper whose model is named but not written is listed, no more."""
    assert list(found(base)) == ["listed"]


def test_a_file_makes_it_modelled_a_recording_with_adapter_matched(base) -> None:
    """A recording without an adapter is no test, hence no evidence."""
    put(base, "models/dual_encoding.py")
    put(base, "tests/data/parity/dual-encoding.open.npz")
    assert list(found(base)) == ["listed", "modelled"]
    put(base, "tests/parity/dual_encoding.py")
    assert found(base)["matched"] == "tests/data/parity/dual-encoding.open.npz"


def test_a_claim_is_checked_when_all_its_variants_share_two_seeds(base) -> None:
    """One seed, or seeds that do not pair, check nothing; failed runs do not count."""
    for seed in (0, 1):
        run(base, seed=seed)
    run(base, variant="level1", seed=1)
    run(base, variant="level1", seed=2)
    run(base, variant="level1", seed=0, status="failed", reason="out of memory")
    assert "claim checked" not in found(base)
    run(base, variant="level1", seed=0)
    assert found(base)["claim checked"] == "levels"


def test_only_the_real_data_check_a_number(base) -> None:
    """A run on the generated world checks no published number, one on MSR-VTT does."""
    run(base)
    assert "number checked" not in found(base)
    run(base, real=True)
    assert found(base)["number checked"] == "data/results/dual-encoding/msrvtt.full.s0.json"


@pytest.mark.parametrize(
    "other", [{"gallery": 30}, {"variant": "level1"}, {"changes": {"epochs": 1}}], ids=str
)
def test_another_protocol_checks_no_number(base, other) -> None:
    """A smaller gallery, a variant, a training cut short: not what was published."""
    run(base, real=True, **other)
    assert "number checked" not in found(base)


def test_totals_count_papers_on_each_rung(base) -> None:
    """Every active paper is listed; the totals fall from rung to rung of what was put there."""
    put(base, "models/dual_encoding.py")
    document = evidence.document(Library(base))
    assert document["total"]["listed"] == len(document["papers"]) > 1
    assert document["total"]["modelled"] == 1
    assert "dong2019dual (dual-encoding): modelled" in evidence.text(document)


def test_a_model_that_came_with_a_data_set_is_told_apart_from_the_papers(base) -> None:
    """HowTo100M is a dataset with a model: it climbs the same rungs, outside the papers' totals."""
    put(base, "models/howto100m.py")
    for seed in (0, 1):
        run(base, model="howto100m", seed=seed)
        run(base, model="howto100m", variant="scratch", seed=seed)
    document = evidence.document(Library(base))
    assert document["total"]["modelled"] == document["total"]["claim checked"] == 0
    assert "howto100m" not in {one["id"] for one in document["papers"]}
    assert document["datasets"] == [
        {
            "id": "howto100m",
            "model": "howto100m",
            "level": "claim checked",
            "evidence": {
                "listed": "data/datasets.yaml",
                "modelled": "models/howto100m.py",
                "claim checked": "narration-first",
            },
        }
    ]
    said = "howto100m (came with the dataset): claim checked, narration-first"
    assert said in evidence.text(document)


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
