"""Run records that lie where no metric differs from its ranks, and files that are no records."""

import base64
import json
import os
import shutil
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.records import Library, Run, audit, recount
from kb.records.ties import Measured
from kb.repro import ranks
from kb.retrieval import evaluate

ROOT = Path(__file__).resolve().parents[2]
INVENTED = ROOT / "tests" / "data" / "kb"
RECORD = "data/results/paper-boats/paper-boats-full-1.json"


def packed(values: list[float]) -> str:
    """Values as a record stores them."""
    return ranks.text(np.array(values))


def document() -> dict[str, Any]:
    """A true record."""
    read: dict[str, Any] = json.loads((INVENTED / RECORD).read_text())
    return read


def said(record: dict[str, Any]) -> str:
    """What is found in a record, in one line."""
    return "; ".join(recount.problems(Run.model_validate(record)))


def topics(record: dict[str, Any]) -> None:
    """Topics in place of captions, so that no rank is looked at."""
    values = {"R@1": 99.0, "MedR": 1.0}
    record |= {"topics": {f"q{n}": values for n in range(200)}, "metrics": {"t2v": values}}
    record["intervals"] = {}


def without(name: str) -> Any:
    """Leave out a recall, so that its sum seems not to be known."""

    def change(record: dict[str, Any]) -> None:
        record["metrics"]["t2v"].pop(name)
        record["intervals"] = {}
        record["metrics"]["SumR"] = 590.0

    return change


def one_query(record: dict[str, Any]) -> None:
    """Keep the best ranks of a direction and forget the others."""
    record["ranks"] = {k: v for k, v in record["ranks"].items() if not k.startswith("v2t.")}
    record["ranks"]["v2t"] = packed([1.0])
    record["metrics"]["v2t"] = {"R@1": 100.0}
    record["intervals"] = {}


def failed(record: dict[str, Any]) -> None:
    """A run that failed, and its metrics."""
    record |= {"status": "failed", "reason": "x"}


def ndcg(record: dict[str, Any]) -> None:
    """A metric that no rank decides."""
    record["metrics"]["t2v"]["nDCG"] = 99.0


def other_ranks(record: dict[str, Any]) -> None:
    """Ranks by a name that nobody reads."""
    record["ranks"]["t2v.secret"] = packed([1.0])


LIES = {
    "topics that are none": (topics, "stores no ranks of pooled shots"),
    "measures of captions as those of topics": (topics, "R@1 is no measure of topics"),
    "a sum without its parts": (without("R@5"), "SumR is 590, its ranks give"),
    "the best query alone": (one_query, "1 ranks for"),
    "metrics of a failed run": (failed, "it failed, and states metrics"),
    "a metric without ranks": (ndcg, "nDCG is stated, which ranks do not decide"),
    "ranks of another name": (other_ranks, "no ranks are called 't2v.secret'"),
}


@pytest.mark.parametrize(("change", "says"), LIES.values(), ids=LIES)
def test_a_way_around_the_ranks_is_found(change: Any, says: str) -> None:
    """Topics, missing metrics, missing queries, failure: none hides a stated metric from its ranks."""
    record = document()
    assert said(record) == ""
    change(record)
    assert says in said(record)


def test_a_map_of_several_right_answers_has_a_most() -> None:
    """Of twenty captions the mAP is at most what it were if all followed the first."""
    rng = np.random.default_rng(0)
    videos, captions = 60, 5
    scores = rng.normal(size=(captions * videos, videos))
    right = [(i, i // captions) for i in range(captions * videos)]
    measured = evaluate(similarity=scores, relevance=right)
    record = document()
    record |= {
        "metrics": {"t2v": measured.t2v.metrics, "v2t": measured.v2t.metrics},
        "intervals": {},
        "ranks": ranks.packed(measured),
    }
    record["data"] |= {"queries": captions * videos, "gallery": videos, "captions_per_video": 5.0}
    assert said(record) == ""
    record["metrics"]["v2t"]["mAP"] = 95.0
    assert "v2t: mAP is 95, its ranks allow" in said(record)


@pytest.mark.parametrize("right", [1, 2, 7])
@pytest.mark.parametrize("wrong", [0, 1, 5, 99, 100, 250])
def test_reciprocal_ranks_of_ties_are_those_of_every_order(wrong: int, right: int) -> None:
    """The closed form of one right answer, the sum of several: the mean over drawn orders."""
    from collections import Counter  # noqa: PLC0415

    block = np.array([True] * right + [False] * wrong)
    rng = np.random.default_rng(wrong + right)
    firsts = [int(np.argmax(rng.permutation(block))) for _ in range(4000)]
    drawn = np.mean([1 / (4 + first) for first in firsts])
    measured = Measured(Counter({(3, wrong, right): 1}), 1).value("MRR", single=True)
    assert measured == pytest.approx(drawn, rel=0.1)


HUGE = 1_000_000


@pytest.mark.parametrize(("wrong", "right"), [(HUGE, 1), (HUGE - 1000, 2)])
def test_ties_of_millions_are_over_in_a_moment(wrong: int, right: int) -> None:
    """A record of a few kilobytes whose ties would take hours to sum."""
    record = document()
    number = 200
    ties = [float(wrong - n) for n in range(number)]
    record["data"] |= {"gallery": 10**9, "queries": number}
    record["ranks"] = {
        "t2v": packed([1 + tie / (right + 1) for tie in ties]),
        "t2v.wrong": packed(ties),
        "t2v.right": packed([float(right)] * number),
    }
    record["metrics"] = {"t2v": {"MRR": 0.5}}
    record["intervals"] = {}
    began = time.process_time()
    assert said(record)
    assert time.process_time() - began < 2


def test_ranks_of_many_megabytes_are_over_in_a_moment() -> None:
    """Every list as long as may be, in a few kilobytes."""
    record = document()
    raw = np.ones(recount.LARGEST // 4, "<f4").tobytes()
    text = base64.b64encode(zlib.compress(raw, 9)).decode()
    record["ranks"] = {f"{d}{p}": text for d in ("t2v", "v2t") for p in ("", ".wrong", ".right")}
    record["data"] |= {"gallery": len(raw) // 4, "queries": len(raw) // 4}
    began = time.process_time()
    assert said(record)
    assert time.process_time() - began < 10


SETTINGS = {
    "NaN": float("nan"),
    "infinity": {"rate": [float("inf")]},
    "a control character": "\x1b[31m",
    "a key that is one": {"\u202e": 1},
    "depth": json.loads("[" * 50 + "]" * 50),
}


@pytest.mark.parametrize("field", ["config", "recipe", "changes"])
@pytest.mark.parametrize("value", SETTINGS.values(), ids=SETTINGS)
def test_settings_are_plain_data(field: str, value: object) -> None:
    """What pages print and exports hand on has neither NaN nor what a terminal obeys."""
    record = document()
    record[field] = {"rate": value}
    with pytest.raises(ValueError, match="validation error"):
        Run.model_validate(record)


@pytest.mark.parametrize("when", ["yesterday", "2026-01-01T00:00:00+05:00", "9" * 30, ""])
def test_a_date_is_one(when: str) -> None:
    """The latest of several runs is chosen by it."""
    with pytest.raises(ValueError, match="validation error"):
        Run.model_validate(document() | {"date": when})


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the invented knowledge base, in canonical form."""
    copy = Path(shutil.copytree(INVENTED, tmp_path / "kb"))
    audit.canonicalise(Library(copy))
    return copy


def test_one_run_under_two_seeds_is_found(base: Path) -> None:
    """A record copied to look like a second measurement."""
    record = json.loads((base / RECORD).read_text())
    copy = base / RECORD.replace("full-1.json", "full-9.json")
    copy.write_text(json.dumps(record | {"id": copy.stem, "seed": 9}))
    (found,) = audit.audit(Library(base))
    assert "has every rank of" in found.message


CONTENTS = {
    "depth": b"[" * 200_000,
    "pairs of depth": b'{"a":' * 200_000,
    "NaN": b"NaN",
    "a number": b"1",
    "a long number": b"9" * 5000,
    "nothing": b"",
    "no text": b"\xff\xfe\0",
    "a list": b"[]",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("name", ["checked.json", RECORD.removeprefix("data/")])
def test_json_of_another_form_is_one_finding(base: Path, name: str, content: bytes) -> None:
    """The record of checks and a run: one line, whatever the file holds."""
    (base / "models").mkdir(exist_ok=True)
    (base / "models/x.py").write_text('"""X."""\n')
    (base / "data" / name).write_bytes(content)
    assert kb_check(base) in {1, 2}


def kb_check(base: Path) -> int:
    """The exit code; an exception that is not a user's would be 2 with `unexpected`."""
    from kb.cli import run  # noqa: PLC0415

    return run(["check", "-C", str(base)])


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "circle"])
@pytest.mark.parametrize("name", ["papers.yaml", "checked.json", "same_code.json", "run", "model"])
def test_only_regular_files_are_read(
    base: Path, kind: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe would wait for ever, a link to a device never end."""
    named = {"run": base / RECORD, "model": base / "models/x.py"}
    path = named.get(name, base / "data" / name)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    began = time.process_time()
    assert kb_check(base) in {0, 1, 2}
    assert time.process_time() - began < 5
    assert "unexpected" not in capsys.readouterr().err


DEEP = {
    "brackets": "(" * 5000,
    "signs": "x = " + "-" * 50_000 + "1",
    "attributes": "x = a" + ".a" * 50_000,
    "sums": "x = 1" + "+1" * 50_000,
    "calls": "x = a" + "()" * 50_000,
    "branches": "if a:\n pass\n" + "elif a:\n pass\n" * 20_000,
    "blocks": "".join(" " * n + "if a:\n" for n in range(150)),
    "a zero byte": "x = 1\0",
    "a long number": "x = " + "9" * 100_000,
}


@pytest.mark.parametrize("source", DEEP.values(), ids=DEEP)
def test_a_model_file_that_stops_the_parser_is_one_finding(
    base: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's parser gives out; the other files are checked all the same."""
    (base / "models").mkdir(exist_ok=True)
    (base / "models/x.py").write_text(source)
    assert kb_check(base) == 1
    assert "models/x.py" in capsys.readouterr().out
