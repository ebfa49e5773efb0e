"""Models come from the knowledge base in use; a broken one stops no other."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kb.cli import run
from kb.records import Library
from kb.records.errors import KBError
from kb.records.evidence import gather
from kb.repro import model_package, models

ROOT = Path(__file__).resolve().parents[2]
GOOD = (ROOT / "tests" / "data" / "toy_model.py").read_text(encoding="utf-8")
TESTED = '"""Eqs. (1), (2) and (a)."""\n'
SHORT = ["--size", "tiny", "--epochs", "1", "--seed", "0"]
BROKEN = {  # what a stranger's file may look like -> what is said of it
    "syntax": ("def f(:\n", "models/broken.py:1: not Python"),
    "bytes": ("x = '\0'\n", "models/broken.py"),
    "name": ("import math\nx = undefined\n", "models/broken.py:2: cannot be imported: NameError"),
    "exit": ("raise SystemExit(3)\n", "models/broken.py:1: cannot be imported: SystemExit"),
    "missing": ("import zorglib\n", "No module named 'zorglib'"),
    "empty": ("", "models/broken.py: no `Model`"),
    "a number": ("Model = 3\n", "models/broken.py: no `Model`"),
    "config": (GOOD.replace("    Config = Config\n", ""), "models/broken.py: no `Config`"),
    "frozen": (GOOD.replace("(frozen=True)", ""), "`Config` is not a frozen dataclass"),
    "small": (GOOD.replace("def small", "def large"), "no `Config.small()`"),
    "recipe": (GOOD.replace("small_recipe =", "other ="), "no `small_recipe`"),
    "views": (GOOD.replace('{"words", "frames"}', "{1}"), "no `views`"),
    "variants": (GOOD.replace("    variants:", "    others:"), "no `variants`"),
    "full": (GOOD.replace('"full": {}, ', ""), 'the variant "full" must be {}'),
    "field": (GOOD.replace('{"hardest": False}', '{"softest": 1}'), "changes `softest`"),
    "method": (GOOD.replace("def encode_video", "def encode_film"), "no method `encode_video"),
    "signature": (GOOD.replace("self, batch: Batch", "self, x, y"), "`loss` takes (self, x, y)"),
}
SWAPPED = GOOD.replace("(text, dim", "(x, dim").replace("(video, dim", "(text, dim")
SWAPPED = SWAPPED.replace("(x, dim", "(video, dim")
UNFIT = {  # the file keeps the contract's form, and does not run
    "transposed": (SWAPPED, "is (5, 3), not (3, 5)"),
    "width": (GOOD.replace('data.dims["frames"]', "2048"), "raises RuntimeError"),
    "vector": (GOOD.replace(".sum() + by_video.amax(0).sum()", ""), "the loss is (4,)"),
}


@pytest.fixture
def stranger(tmp_path, monkeypatch) -> Path:
    """A knowledge base of somebody else with one good model, in use."""
    root = tmp_path / "theirs"
    for folder in ("data", "models", "tests/models"):
        (root / folder).mkdir(parents=True)
    papers = "".join(
        f"- id: {author}2020{model}\n  model: {model}\n  title: {model}\n  year: 2020\n"
        for author, model in (("heron", "stilts"), ("egret", "broken"))
    )
    (root / "data/papers.yaml").write_text(f"papers:\n{papers}", encoding="utf-8")
    (root / "data/datasets.yaml").write_text("datasets: []\n", encoding="utf-8")
    (root / "models/stilts.py").write_text(GOOD, encoding="utf-8")
    (root / "tests/models/test_stilts.py").write_text(TESTED, encoding="utf-8")
    monkeypatch.setenv("KB_ROOT", str(root))
    yield root
    monkeypatch.delenv("KB_ROOT")
    model_package.follow()


def test_the_models_are_those_of_the_knowledge_base_in_use(stranger) -> None:
    """Neither the checkout's models nor its releases are seen; files are named as they lie."""
    assert models.names() == ["stilts"]
    model = models.load("stilts")
    assert Path(sys.modules[model.__module__].__file__) == stranger / "models/stilts.py"
    assert models.release("stilts") is None
    with pytest.raises(KBError, match="no model is called 'dual-encoding'; there are: stilts"):
        models.load("dual-encoding")


def test_a_model_of_the_same_name_is_another_in_another_knowledge_base(stranger, monkeypatch):
    """Two lists may both have a dual-encoding; each is loaded from its own folder."""
    (stranger / "models/dual_encoding.py").write_text(GOOD, encoding="utf-8")
    theirs = models.load("dual-encoding")
    monkeypatch.setenv("KB_ROOT", str(ROOT))
    ours = models.load("dual-encoding")
    assert (theirs.__name__, ours.__name__) == ("Stilts", "DualEncoding")
    assert issubclass(theirs, ours.__mro__[1])  # one contract, the engine's


def test_a_stranger_s_parts_do_not_replace_the_engine_s(stranger) -> None:
    """models/parts of a list is not read: the parts come with kb."""
    (stranger / "models/parts").mkdir()
    (stranger / "models/parts/__init__.py").write_text("raise ValueError\n", encoding="utf-8")
    assert models.load("stilts").__name__ == "Stilts"


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_gives_one_line_and_stops_no_other(stranger, kind, capsys) -> None:
    """File and lack are named; the others are listed, loaded, shown and checked."""
    text, line = BROKEN[kind]
    (stranger / "models/broken.py").write_text(text, encoding="utf-8")
    assert models.names() == ["broken", "stilts"]
    with pytest.raises(KBError) as error:
        models.load("broken")
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    assert models.load("stilts").__name__ == "Stilts"
    levels = {one.model: one.level for one in gather(Library(stranger))}
    assert levels == {"stilts": "drafted", "broken": "drafted"}
    assert run(["check", "models/broken.py"]) == 1
    assert line.split(": ")[-1] in capsys.readouterr().out


@pytest.mark.parametrize("kind", UNFIT)
def test_a_model_that_does_not_run_is_refused_before_data_are_read(stranger, kind, capsys):
    """`kb repro all` names it, trains the others, and records nothing of it."""
    text, line = UNFIT[kind]
    (stranger / "models/broken.py").write_text(text, encoding="utf-8")
    assert run(["check", "models/broken.py"]) == 1
    # Where tests check the shapes in signatures, that check names the fault first.
    checked = capsys.readouterr().out
    assert line in checked or "TypeCheckError" in checked
    run(["repro", "broken", *SHORT])
    errors = capsys.readouterr().err
    assert line in errors or "TypeCheckError" in errors
    assert "models/broken.py" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_all_others_train(stranger, capsys) -> None:
    """One file of two is broken: the other is trained and recorded."""
    (stranger / "models/broken.py").write_text("def f(:\n", encoding="utf-8")
    run(["repro", "all", *SHORT, "--json"])
    documents = json.loads(capsys.readouterr().out)
    assert [one["status"] for one in documents] == ["refused", "done"]
    assert "models/broken.py:1" in documents[0]["reason"]
    assert not (stranger / "data/results/broken").exists()


@pytest.mark.slow
def test_a_wheel_brings_the_parts_and_no_package_called_models(stranger, tmp_path) -> None:
    """Installed elsewhere, `kb` lists and checks a stranger's models."""
    source, site = tmp_path / "source", tmp_path / "site"
    for folder in ("kb", "models"):
        without = shutil.ignore_patterns("__pycache__")  # which others write to meanwhile
        shutil.copytree(ROOT / folder, source / folder, ignore=without)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "LICENSE-DATA"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*build, "-w", tmp_path, source], check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        assert {name for name in tops if not name.endswith(".dist-info")} == {"kb"}
        archive.extractall(site)
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "KB_ROOT"}}
    environment["PYTHONPATH"] = str(site)

    def python(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=stranger,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    where = python("-c", "import kb, kb.repro.models as m; print(kb.__file__, m.names())")
    assert where.stdout.split() == [str(site / "kb/__init__.py"), "['stilts']"], where.stderr
    checked = python("-m", "kb", "check", "models/stilts.py")
    assert (checked.returncode, checked.stdout.strip()) == (0, "clean"), checked.stderr
