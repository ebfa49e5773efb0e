"""`kb check`: what does not hold is found, each by its own check, and `--fix` mends the form."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from kb.cli import run
from kb.records import Library, audit
from kb.records.basis import BASES
from kb.records.jsonschema import FILES, schema

ROOT = Path(__file__).resolve().parents[2]
INVENTED = ROOT / "tests" / "data" / "kb"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the invented knowledge base, in canonical form."""
    copy = Path(shutil.copytree(INVENTED, tmp_path / "kb"))
    audit.canonicalise(Library(copy))
    return copy


def edit(base: Path, name: str, old: str, new: str) -> None:
    """Change a file in an editor."""
    path = base / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def found(base: Path) -> list[tuple[str, str]]:
    """Check and place of each finding."""
    return [(finding.check, finding.where) for finding in audit.audit(Library(base))]


def test_what_is_right_is_clean(base: Path) -> None:
    """The invented records, and this list's own."""
    assert found(base) == []
    assert found(ROOT) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "finding"),
    [
        ("data/papers.yaml", "year: 2021", "year: twenty", ("valid", "data/papers.yaml:29:3")),
        ("data/papers.yaml", "  venue:", "  venu:", ("valid", "data/papers.yaml")),
        ("data/papers.yaml", "papers:", "paper:", ("valid", "data/papers.yaml")),
        ("data/papers.yaml", "year: 2021", "year:  2021", ("canonical", "data/papers.yaml")),
        (
            "data/published.yaml",
            "otter2019rafts:",
            "nobody:",
            ("references", "data/published.yaml"),
        ),
        ("data/results/chance/chance-chance-1.json", "{", "", ("results", "data/results/chance")),
        ("data/results/chance/chance-chance-1.json", "chance", "dice", ("results", "data/results")),
    ],
)
def test_what_is_wrong_is_found_where_it_is(
    base: Path, name: str, old: str, new: str, finding: tuple[str, str]
) -> None:
    """One edit, one finding, with the place an editor opens."""
    edit(base, name, old, new)
    (check, where), *more = found(base)
    assert (check, where[: len(finding[1])]) == finding
    assert more == []


def test_a_key_names_one_record(base: Path) -> None:
    """An alias that is another paper's model is found."""
    library = Library(base)
    model = next(paper.model for paper in library.papers if paper.model)
    other = next(paper for paper in library.papers if paper.model != model)
    edit(
        base, "data/papers.yaml", f"- id: {other.id}\n", f"- id: {other.id}\n  aliases: [{model}]\n"
    )
    checks = [finding for finding in audit.audit(Library(base)) if finding.check == "unique"]
    assert [model in finding.message for finding in checks] == [True]


def test_a_model_without_a_record_is_found(base: Path) -> None:
    """A file under models/ belongs to a paper, and its name can be imported."""
    shutil.copy(base / "models/paper_boats.py", base / "models/nobody.py")
    (base / "models" / "no-body.py").touch()
    models = [where for check, where in found(base) if check == "models"]
    assert models == ["models/no-body.py", "models/nobody.py"]


@pytest.mark.parametrize(
    ("basis", "finding"),
    [
        ("official code matched", "no recording of paper-boats in tests/data/parity has"),
        ("written from memory", "basis: Input should be 'official code matched'"),
        ("our reading of the title", None),
    ],
)
def test_a_basis_is_known_and_true(base: Path, basis: str, finding: str | None) -> None:
    """One that no recording bears out is found, and one that the schema does not know."""
    edit(base, "data/papers.yaml", "basis: written from the paper", f"basis: {basis}")
    messages = [one.message for one in audit.audit(Library(base))]
    assert len(messages) == bool(finding)
    assert all((finding or "") in message for message in messages)


def test_every_model_of_a_list_with_bases_has_one(base: Path) -> None:
    """Where another record has a basis, an implemented model without one is found."""
    edit(base, "data/papers.yaml", "  basis: written from the paper\n", "")
    assert found(base) == []
    edit(base, "data/papers.yaml", "model: log-rafts\n", f"model: log-rafts\n  basis: {BASES[1]}\n")
    assert found(base) == [("basis", "data/papers.yaml")]


def test_matched_needs_a_recording_an_adapter_and_todays_code(base: Path) -> None:
    """Each that goes makes `official code matched` untrue."""
    edit(base, "data/papers.yaml", "basis: written from the paper", "basis: official code matched")
    recording = base / "tests/data/parity/paper-boats.open.npz"
    adapter = base / "tests/parity/paper_boats.py"
    for file in (recording, adapter):
        file.parent.mkdir(parents=True)
        file.touch()
    assert found(base) == []
    for file in (recording, adapter, base / "models/paper_boats.py"):
        stored = file.read_bytes()
        file.unlink()
        assert found(base) == [("basis", "data/papers.yaml")]
        file.write_bytes(stored)
    edit(base, "models/paper_boats.py", "float(left", "2 * float(left")
    assert {check for check, _ in found(base)} == {"basis", "drafted"}


def test_a_basis_without_a_model_is_found(base: Path) -> None:
    """A record that names no model was written from nothing."""
    edit(
        base,
        "data/papers.yaml",
        "- id: heron2020stilts\n",
        f"- id: heron2020stilts\n  basis: {BASES[1]}\n",
    )
    assert found(base) == [("basis", "data/papers.yaml")]


def test_a_draft_is_found(base: Path) -> None:
    """A model without a test file, and one whose test names an equation less."""
    edit(base, "tests/models/test_paper_boats.py", "Eq. (2)", "It")
    assert found(base) == [("drafted", "tests/models/test_paper_boats.py")]
    (base / "tests/models/test_paper_boats.py").unlink()
    assert found(base) == [("drafted", "models/paper_boats.py")]


@pytest.mark.parametrize(
    ("relation", "metric", "reported", "figures", "contrary"),
    [
        ("greater", "t2v R@1", "t2v R@1", (3, 2), False),
        ("greater", "t2v R@1", "t2v R@1", (2, 3), True),
        ("greater", "t2v R@1", "t2v R@1", (2, 2), True),
        ("greater", "t2v R@1", "t2v MedR", (2, 3), False),
        ("greater", "t2v R@1", "t2v MedR", (3, 2), True),
        ("less", "t2v MnR", "t2v MedR", (2, 3), False),
        ("less", "t2v MnR", "t2v R@1", (2, 3), True),
        ("equal", "t2v R@1", "t2v R@1", (2, 3), False),
    ],
)
def test_a_claim_whose_own_figures_contradict_it_is_found(
    base: Path, relation: str, metric: str, reported: str, figures: tuple[int, int], contrary: bool
) -> None:
    """Higher is better but for ranks, and the metric may be another than the claim's."""
    claim = {
        "id": "gate",
        "text": "A gate beats a mean.",
        "than": ["mean"],
        "metric": metric,
        "relation": relation,
        "reported": {
            "metric": reported,
            "test": "Harbour",
            "figures": dict(zip(("full", "mean"), figures, strict=True)),
            "source": "Table 3",
        },
    }
    with Library.editing(base) as library:
        library.paper("paper-boats").claims = [claim]
        library.save()
    assert found(base) == [("claims", "data/papers.yaml")] * contrary


def test_form_is_mended_and_comments_stay(base: Path) -> None:
    """`kb check --fix` leaves nothing to find."""
    edit(base, "data/papers.yaml", "  year: 2021", "  # a remark\n  year:    2021")
    command = ["check", "-C", str(base)]
    assert run(command) == 1
    assert run([*command, "--fix"]) == 0
    assert "  # a remark\n  year: 2021" in (base / "data" / "papers.yaml").read_text("utf-8")
    assert run(command) == 0


def test_the_findings_as_json(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list, each with what, where and the hint."""
    (base / "models" / "no-body.py").touch()
    assert run(["check", "-C", str(base), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding.keys() == {"check", "where", "message", "hint"}


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("root", [ROOT, INVENTED], ids=["this list", "invented"])
def test_records_fit_the_schema_that_editors_get(name: str, root: Path) -> None:
    """A validator that is not ours takes every file, and refuses a misspelt field."""
    document = yaml.safe_load((root / "data" / f"{name}.yaml").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema(name))
    validator.check_schema(schema(name))
    assert list(validator.iter_errors(document)) == []
    first = next(iter(document.values()))[0]
    first["tytle"] = "x"
    assert not validator.is_valid(document)


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`kb schema datasets` prints JSON; an unknown name is a usage error."""
    assert run(["schema", "datasets"]) == 0
    assert json.loads(capsys.readouterr().out) == schema("datasets")
    assert run(["schema", "readme"]) == 2
