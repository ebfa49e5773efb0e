"""The digest of the code that makes a run: what changes it, and what does not."""

import shutil
from pathlib import Path

import pytest

from kb.records import runcode
from kb.repro import views

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def base(tmp_path) -> Path:
    """A knowledge base with one model and its release."""
    (tmp_path / "models" / "official").mkdir(parents=True)
    for name in ("dual_encoding.py", "official/dual_encoding.py"):
        shutil.copy(ROOT / "models" / name, tmp_path / "models" / name)
    return tmp_path


def digest(base, variant="full", read=("bow",)):
    """Of dual-encoding."""
    return runcode.digest(base, "dual-encoding", variant, read)


def test_comments_and_docstrings_change_nothing(base) -> None:
    """A run is not older for words; it is for a changed operator."""
    before, file = digest(base), base / "models" / "dual_encoding.py"
    text = file.read_text(encoding="utf-8")
    file.write_text("# a comment\n" + text.replace("S, cosines.", "Cosines."), encoding="utf-8")
    assert digest(base) == before
    file.write_text(text.replace("text @ video.mT", "-text @ video.mT"), encoding="utf-8")
    assert digest(base) != before


def test_a_release_counts_where_it_is_run(base) -> None:
    """The variant as released stands on one file more than the others."""
    before = digest(base), digest(base, "as-released")
    file = base / "models" / "official" / "dual_encoding.py"
    file.write_text(f"{file.read_text(encoding='utf-8')}\nQUIRKS = 2\n", encoding="utf-8")
    assert digest(base) == before[0]
    assert digest(base, "as-released") != before[1]


def test_the_parts_that_a_paper_stands_on_count() -> None:
    """Through all imports: multilevel brings pooling and temporal; declarations compute nothing."""
    files = runcode._with_parts({ROOT / "models" / "dual_encoding.py"})
    names = {path.name for path in files}
    assert {"dual_encoding.py", "multilevel.py", "temporal.py", "pooling.py"} <= names
    assert not {f"{name}.py" for name in runcode.DECLARATIONS} & names


@pytest.mark.parametrize("name", sorted(views.VIEWS))
def test_every_view_is_in_the_digest_of_a_model_that_reads_it(base, name: str) -> None:
    """Its module is known by the view's name, or listed under it."""
    module = runcode.MODULE_OF.get(name, name)
    assert Path(views.__file__).with_name(f"{module}.py").is_file()
    assert type(views.view(name)).__module__ == f"kb.repro.views.{module}"


def test_code_that_was_shown_to_give_the_same_numbers_is_not_older(base) -> None:
    """Noted digests chain: what equals an equal one is equal; another digest stays older."""

    class Made:
        model, variant, views = "dual-encoding", "full", ("bow",)
        code = "a" * 64

    (base / "data").mkdir()
    assert runcode.is_older(base, Made())
    runcode.note_same(base, "b" * 64, "a" * 64)
    assert runcode.is_older(base, Made())
    runcode.note_same(base, digest(base), "b" * 64)
    assert not runcode.is_older(base, Made())


def test_a_model_whose_file_is_gone_is_older(base) -> None:
    """Its runs stay, and are marked."""

    class Gone:
        code, model, variant, views = "0" * 64, "nobody", "full", ()

    assert runcode.is_older(base, Gone())
