"""Run records that lie are refused: values no metric has, and values their ranks do not give."""

import base64
import json
import shutil
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from kb.cli import run as kb
from kb.records import Library, Run, audit, recount
from kb.records.errors import KBError
from kb.repro import ranks
from kb.retrieval import evaluate

ROOT = Path(__file__).resolve().parents[2]
INVENTED = ROOT / "tests" / "data" / "kb"
RECORD = "data/results/paper-boats/paper-boats-full-1.json"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the invented knowledge base, in canonical form."""
    copy = Path(shutil.copytree(INVENTED, tmp_path / "kb"))
    audit.canonicalise(Library(copy))
    return copy


def forge(base: Path, path: str, value: object) -> list[str]:
    """Change one value of a record; what `kb check` says of it."""
    file = base / RECORD
    document = json.loads(file.read_text())
    *above, last = path.split("/")
    place = document
    for key in above:
        place = place[key]
    place[last] = value
    file.write_text(json.dumps(document))
    findings = audit.audit(Library(base))
    assert all((one.check, one.where) == ("results", RECORD) for one in findings)
    return [one.message for one in findings]


def packed(values: list[float]) -> str:
    """Values as a record stores them."""
    return ranks.text(np.array(values))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 500, -5, "high", None, True, [18.5]])
@pytest.mark.parametrize(
    "path",
    [
        "metrics/t2v/R@1",
        "metrics/SumR",
        "metrics/t2v/MedR",
        "intervals/t2v/R@1/value",
        "intervals/t2v/R@1/high",
        "reference",
        "curve",
    ],
)
def test_a_value_that_no_metric_has_is_refused(base: Path, path: str, value: object) -> None:
    """NaN, infinity, values out of range and text in metrics, intervals, reference and curve."""
    if path == "reference":
        value = {"chance": {"t2v": {"R@1": value}}}
    elif path == "curve":
        value = [{"epoch": 1, "loss": value if isinstance(value, float) else "high"}]
    if path == "intervals/t2v/R@1/high" and value == 500:
        value = 1  # below its value
    if path == "metrics/SumR" and value == 500:
        value = 601
    if path == "metrics/t2v/MedR" and value == 500:
        value = 0.5
    (message,) = forge(base, path, value)
    assert len(message) < 300


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("metrics/t2v/R@1", 19.0, "R@1 is 19, its ranks give 18.5"),
        ("metrics/v2t/MedR", 3.5, "MedR is 3.5, its ranks give 4"),
        ("metrics/t2v/MnR", 4.4, "MnR is 4.4, its ranks give 4.45"),
        ("metrics/SumR", 363.5, "SumR is 363.5, its ranks give 363"),
        ("metrics/v2t/MRR", 0.9, "MRR is 0.9"),
        ("metrics/v2t/mAP", 90.0, "mAP is 90"),
        ("intervals/t2v/R@1/value", 18.6, "the interval of R@1 is 18.6"),
        (
            "intervals/both",
            {"SumR": {"value": 362.0, "low": 1.0, "high": 400.0}},
            "interval of SumR",
        ),
        ("data/queries", 150, "200 ranks for 150 queries"),
        ("ranks", {}, "stores no ranks of t2v"),
        ("ranks/t2v", packed([1.0] * 200), "its ranks give 100"),
        ("ranks/t2v", packed([1.0] * 199), "199 ranks for 200 queries"),
        ("ranks/t2v", packed([0.0] * 200), "answers cannot have"),
        ("ranks/t2v", packed([201.0] * 200), "answers cannot have"),
        ("ranks/t2v", packed([1.5] * 200), "the rank 1.5, which its ties do not give"),
        ("ranks/t2v", packed([float("nan")] * 200), "no number of answers"),
        ("ranks/t2v", packed([float("inf")] * 200), "no number of answers"),
        ("ranks/t2v", "Zm9v", "not base64 of zlib"),
        ("ranks/t2v", "%%%%", "not base64 of zlib"),
        ("ranks/t2v", packed([1.0] * 200)[:-8], "cut off"),
    ],
)
def test_a_value_that_the_ranks_do_not_give_is_found(
    base: Path, path: str, value: object, says: str
) -> None:
    """`kb check` names the metric, what is stated and what the ranks give."""
    assert any(says in message for message in forge(base, path, value))


def test_ranks_that_unpack_without_end_are_not_unpacked(base: Path) -> None:
    """A zlib bomb of 64 MB is one finding, at once; who measures with it gets one line."""
    made = zlib.compressobj(9)
    bomb = b"".join(made.compress(bytes(1 << 24)) for _ in range(4)) + made.flush()
    text = base64.b64encode(bomb).decode()
    began = time.process_time()
    assert "unpack to more than 8 MB" in forge(base, "ranks/t2v", text)[0]
    assert time.process_time() - began < 5
    with pytest.raises(KBError, match="more than 8 MB"):
        ranks.values(text)


def test_intervals_the_wrong_way_round_and_unknown_names_are_refused(base: Path) -> None:
    """`kb check` is one line per record and exit 1."""
    (message,) = forge(base, "intervals/t2v/R@1", {"value": 18.5, "low": 25.0, "high": 12.0})
    assert "25 to 12 does not contain 18.5" in message
    (message,) = forge(base, "metrics/t2v", {"R@1; DROP TABLE": 3})
    assert "no metric is called" in message
    assert kb(["check", "-C", str(base)]) == 1


@pytest.mark.parametrize("captions", [1, 3])
@pytest.mark.parametrize("levels", [4, 1000])
def test_every_metric_is_computed_again_from_ranks_and_ties(captions: int, levels: int) -> None:
    """With many ties and with few, one caption per video and several, as `evaluate` computes them."""
    rng = np.random.default_rng(levels + captions)
    videos = 40
    scores = rng.integers(levels, size=(captions * videos, videos)).astype(float)
    right = [(i, i // captions) for i in range(captions * videos)]
    measured = evaluate(similarity=scores, relevance=right)
    document = json.loads((INVENTED / RECORD).read_text())
    document |= {
        "metrics": {"t2v": measured.t2v.metrics, "v2t": measured.v2t.metrics},
        "intervals": {},
        "ranks": ranks.packed(measured),
    }
    document["metrics"]["SumR"] = measured.sum_r
    document["data"] |= {"queries": captions * videos, "gallery": videos}
    assert list(recount.problems(Run.model_validate(document))) == []
    decided = {"t2v": {*measured.t2v.metrics}, "v2t": {*measured.v2t.metrics}}
    decided["v2t"] -= {"mAP"} if captions > 1 else set()
    for direction, names in decided.items():
        for name in names:
            forged = json.loads(json.dumps(document))
            forged["metrics"][direction][name] *= 0.99
            forged["metrics"][direction][name] += 0.02  # MedR and MnR stay above 1
            assert any(name in what for what in recount.problems(Run.model_validate(forged)))


def test_measures_of_topics_are_the_means_of_their_topics() -> None:
    """Another mean, a topic too few, a rank past the run: each is found."""
    path = next((ROOT / "data" / "results").glob("*/diorama-avs*.json"))
    document = json.loads(path.read_text())
    assert list(recount.problems(Run.model_validate(document))) == []
    first = next(iter(document["topics"]))
    for path, value, says in (
        (("metrics", "t2v", "infAP"), 0.9, "infAP is 0.9"),
        (("topics", first, "iP10"), 0.99, "iP10"),
        (("intervals", "t2v", "iP10", "resampled"), "videos", "resamples videos, not topics"),
        (("ranks", "t2v.pooled"), packed([5000.0]), "pooled shots"),
        (("data", "queries"), 29, "topics for 29 queries"),
    ):
        forged = json.loads(json.dumps(document))
        place = forged
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert any(says in what for what in recount.problems(Run.model_validate(forged)))


def test_a_thousand_runs_are_computed_again_in_seconds() -> None:
    """All metrics of this list's own runs at a rate of a thousand in under twenty seconds."""
    library = Library(ROOT)
    began, number = time.process_time(), 0
    for record in library.runs():
        number += 1
        assert list(recount.problems(record)) == []
    assert 1000 / number * (time.process_time() - began) < 20
