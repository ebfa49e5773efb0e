"""`kb check models/x.py`: what the contract wants is listed, and a wrong loss is not implemented."""

import json
from pathlib import Path

import pytest

from kb.cli import run
from kb.records import Library
from kb.records.evidence import gather
from kb.repro import model_package

ROOT = Path(__file__).resolve().parents[2]
GOOD = (ROOT / "tests" / "data" / "toy_model.py").read_text(encoding="utf-8")
LOSS = "return by_caption.amax(1).sum() + by_video.amax(0).sum()  # Eq. (2)"
COSINE = "return normalize(text, dim=1) @ normalize(video, dim=1).mT"
MEAN = "masked_mean(self.words(captions.words), captions.mask)"
WRONG = {  # a file that keeps the contract's form -> what its behaviour shows
    "loss pushes pairs apart": (LOSS, "return self(batch).diagonal().sum()  # Eq. (2)", "loss"),
    "loss of nothing": (
        LOSS,
        "return self(batch).detach().sum()  # Eq. (2)",
        "depends on no weight",
    ),
    "loss of one side": (
        LOSS,
        "return self.encode_text(batch.captions).square().sum()  # Eq. (2)",
        "the loss does not train video.weight",
    ),
    "loss of any partner": (LOSS, "return -self(batch).sum()  # Eq. (2)", "loss"),
    "loss in another order": (LOSS, "return by_caption[0].sum()  # Eq. (2)", "order of a batch"),
    "scores by the batch": (
        COSINE,
        COSINE.replace("return", "return text.mean() +"),
        "changes with what else is in the batch",
    ),
    "weights that stay away": (
        "    def loss(",
        '    def load_state_dict(self, state):\n        """Takes nothing."""\n\n    def loss(',
        "a copy of the weights has other scores",
    ),
    "empty rows": (
        MEAN,
        "self.words(captions.words).sum(1) / captions.mask.sum(1)[:, None]",
        "NaN",
    ),
}


@pytest.fixture
def base(tmp_path, monkeypatch) -> Path:
    """A knowledge base with one paper, its model and its test."""
    for folder in ("data", "models", "tests/models"):
        (tmp_path / folder).mkdir(parents=True)
    record = "papers:\n- id: heron2020stilts\n  model: stilts\n  title: Stilts\n  year: 2020\n"
    (tmp_path / "data/papers.yaml").write_text(record, encoding="utf-8")
    (tmp_path / "models/stilts.py").write_text(GOOD, encoding="utf-8")
    test = tmp_path / "tests/models/test_stilts.py"
    test.write_text('"""Eqs. (1), (2) and (a)."""\n', encoding="utf-8")
    monkeypatch.setenv("KB_ROOT", str(tmp_path))
    yield tmp_path
    monkeypatch.delenv("KB_ROOT")
    model_package.follow()


def level(base: Path) -> str:
    """The level of its paper."""
    return gather(Library(base))[0].level


def test_a_whole_file_is_clean_recorded_and_implemented(base, capsys) -> None:
    """The record is one digest a model, and `kb check` has nothing to say any more."""
    assert level(base) == "drafted"
    assert run(["check", "models/stilts.py"]) == 0
    assert capsys.readouterr().out == "clean\n"
    assert list(json.loads((base / "data/checked.json").read_text())) == ["stilts"]
    assert level(base) == "implemented"
    assert run(["check"]) == 0


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_behaviour_is_named_and_not_implemented(base, kind, capsys) -> None:
    """A loss that does not train it, scores that depend on the batch: drafted."""
    old, new, line = WRONG[kind]
    assert old in GOOD
    (base / "models/stilts.py").write_text(GOOD.replace(old, new), encoding="utf-8")
    assert run(["check", "models/stilts.py"]) == 1
    assert line in capsys.readouterr().out
    assert not (base / "data/checked.json").exists()
    assert level(base) == "drafted"


def test_a_changed_file_is_a_draft_until_it_is_checked_again(base, capsys) -> None:
    """What was checked is the code as it was."""
    assert run(["check", "models/stilts.py"]) == 0
    changed = GOOD.replace("common=32", "common=48")
    (base / "models/stilts.py").write_text(changed, encoding="utf-8")
    assert level(base) == "drafted"
    assert run(["check"]) == 1
    assert "its code changed since it passed the shared checks" in capsys.readouterr().out
    assert run(["check", "models/stilts.py"]) == 0
    assert level(base) == "implemented"


def test_what_has_no_docstring_is_named(base, capsys) -> None:
    """Classes, methods and functions that others see."""
    text = GOOD.replace('        """u."""\n', "").replace(
        '    """Two means', '    x = """Two means'
    )
    (base / "models/stilts.py").write_text(text, encoding="utf-8")
    assert run(["check", "models/stilts.py"]) == 1
    out = capsys.readouterr().out
    assert "`Stilts.encode_text` has no docstring" in out
    assert "`Stilts` has no docstring" in out


@pytest.mark.parametrize("name", ["README.md", "data/papers.yaml", "../x.py", "models/other.py"])
def test_what_is_no_model_is_a_usage_error(base, name, capsys) -> None:
    """One line, exit code 2."""
    assert run(["check", name]) == 2
    assert capsys.readouterr().err.count("\n") == 1
