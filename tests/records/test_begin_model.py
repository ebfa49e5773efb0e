"""`kb new`: files from a record, nothing overwritten, nothing claimed."""

import ast
import shutil
from pathlib import Path

import pytest

from kb.cli import run
from kb.records import Library, audit

ROOT = Path(__file__).resolve().parents[2]
INVENTED = ROOT / "tests" / "data" / "kb"


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the invented knowledge base, in canonical form, in use."""
    copy = Path(shutil.copytree(INVENTED, tmp_path / "kb"))
    audit.canonicalise(Library(copy))
    monkeypatch.setenv("KB_ROOT", str(copy))
    return copy


def test_a_model_is_begun_from_its_record(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Model and test are Python that names the paper; the record gets its model's name."""
    assert run(["new", "heron2020stilts", "--model", "stilts"]) == 0
    assert "wrote models/stilts.py" in capsys.readouterr().out
    header = ast.get_docstring(ast.parse((base / "models/stilts.py").read_text("utf-8")))
    assert header is not None
    assert "van Heron, Egret" in header
    assert "data/papers.yaml, heron2020stilts" in header
    ast.parse((base / "tests/models/test_stilts.py").read_text("utf-8"))
    assert Library(base).paper("stilts").id == "heron2020stilts"


def test_the_claim_is_a_stub_that_claims_nothing(base: Path) -> None:
    """Comments above the record, which stays canonical; what is uncommented is a valid claim."""
    assert run(["new", "heron2020stilts", "--model", "stilts"]) == 0
    path = base / "data/papers.yaml"
    text = path.read_text("utf-8")
    assert Library(base).paper("stilts").claims == []
    assert {finding.check for finding in audit.audit(Library(base))} == {"drafted"}
    stub = [line.removeprefix("#   ") for line in text.split("\n") if line.startswith("#   ")]
    claimed = text.replace("  model: stilts\n", "  model: stilts\n  " + "\n  ".join(stub) + "\n")
    path.write_text(claimed, encoding="utf-8")
    assert [claim.id for claim in Library(base).paper("stilts").claims] == ["part-helps"]


def test_nothing_that_is_there_is_changed(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second call writes no byte; a file that somebody began is left as it is."""
    (base / "models/stilts.py").write_text("mine\n", encoding="utf-8")
    assert run(["new", "heron2020stilts", "--model", "stilts"]) == 0
    assert (base / "models/stilts.py").read_text("utf-8") == "mine\n"
    before = {path: path.read_bytes() for path in base.rglob("*.*") if path.is_file()}
    assert run(["new", "stilts"]) == 0
    assert {path: path.read_bytes() for path in base.rglob("*.*") if path.is_file()} == before
    assert "exists already" in capsys.readouterr().out


def test_an_adapter_is_written_where_there_is_parity(base: Path) -> None:
    """It is of no use where recordings are not read."""
    (base / "tests/parity").mkdir()
    (base / "tests/parity/cases.py").touch()
    assert run(["new", "log-rafts"]) == 0
    ast.parse((base / "tests/parity/log_rafts.py").read_text("utf-8"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nobody"], "no paper or model is called 'nobody'"),
        (["heron2020stilts"], "no model's name yet; kb new heron2020stilts --model NAME"),
        (["heron2020stilts", "--model", "2d"], "'2d' cannot name a model"),
        (["heron2020stilts", "--model", "a/../b"], "cannot name a model"),
        (["heron2020stilts", "--model", "log-rafts"], "is a key of otter2019rafts"),
        (["log-rafts", "--model", "rafts"], "the model of otter2019rafts is called log-rafts"),
    ],
)
def test_what_cannot_be_begun_is_one_line(
    base: Path, words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing written."""
    before = sorted(base.rglob("*"))
    assert run(["new", *words]) == 2
    assert line in capsys.readouterr().err
    assert [path for path in sorted(base.rglob("*")) if path.name != ".kb.lock"] == before


def test_authors_that_the_record_leaves_out_are_et_al(base: Path) -> None:
    """Of a label the first author alone is known, by a surname with its particle."""
    with Library.editing(base) as library:
        library.paper("log-rafts").authors, library.paper("log-rafts").et_al = ["van Heron"], True
        library.save()
    assert run(["new", "log-rafts"]) == 0
    assert "\nvan Heron et al. " in (base / "models/log_rafts.py").read_text("utf-8")


def test_a_title_cannot_break_the_file(base: Path) -> None:
    """Quotes and backslashes of a record stay text."""
    with Library.editing(base) as library:
        library.paper("log-rafts").title = 'Rafts """ \\N{X} $class'
        library.save()
    assert run(["new", "log-rafts"]) == 0
    ast.parse((base / "models/log_rafts.py").read_text("utf-8"))
