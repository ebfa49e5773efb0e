"""Since when a claim is stated, and which runs count for it."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from kb.records import Library, statements

FLOW = "claims: [{id: deep, text: 'Deep beats  flat.', than: [flat], margin: 3.0}]"
BLOCK = "claims:\n  # said in section 4\n  - id: deep\n    text: >-\n      Deep beats\n      flat.\n    than:\n    - flat\n    margin: 3"  # fmt: skip
RECORD = "papers:\n- id: rook2020deep\n  model: deep\n  title: Deep\n  {claims}\n  status: active\n"


def git(folder: Path, *words: str, day: str = "2024-01-01") -> str:
    """Run git there, as someone, on a day."""
    moment = f"{day}T10:00:00+02:00"
    who = {f"GIT_{role}_{what}": "rook" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
    who |= {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment, "GIT_CONFIG_GLOBAL": os.devnull}  # fmt: skip
    done = subprocess.run(["git", *words], cwd=folder, env=os.environ | who, capture_output=True, text=True, check=True)  # fmt: skip
    return done.stdout.strip()


def write(folder: Path, claims: str) -> None:
    """The records with these claims."""
    text = RECORD.replace("{claims}", claims.replace("\n", "\n  "))
    (folder / "data" / "papers.yaml").write_text(text, encoding="utf-8")


def commit(folder: Path, claims: str, day: str) -> str:
    """The same, committed on a day; the commit."""
    write(folder, claims)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", day, day=day)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a first commit and no claim."""
    (tmp_path / "data").mkdir()
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "notes: [none yet]", "2024-01-01")
    return tmp_path


def stated(folder: Path) -> statements.Stated:
    """Where the one claim was stated, of a library that is opened afresh."""
    library = Library(folder)
    return library.statements.of(library.stated()[0][1])


def made(day: str, **digests: str) -> SimpleNamespace:
    """A run of a day."""
    return SimpleNamespace(date=day, stated=digests)


def counts(folder: Path, *runs: SimpleNamespace) -> list[bool]:
    """Which runs count for the one claim."""
    library = Library(folder)
    claim = library.stated()[0][1]
    return [library.statements.counts(claim, run) for run in runs]


def test_the_first_commit_of_a_statement_is_named(folder: Path) -> None:
    """Other spellings of the same YAML, and other commits after it, change nothing."""
    first = commit(folder, FLOW, "2024-02-01")
    commit(folder, BLOCK, "2024-03-01")
    commit(folder, f"{BLOCK}\n    where: Table 2\n    main: true", "2024-04-01")
    assert stated(folder) == statements.Stated(
        stated(folder).digest, first, "2024-02-01T10:00:00+02:00"
    )


@pytest.mark.parametrize(
    "change",
    [
        ("Deep beats", "Deep never beats"),
        ("margin: 3", "margin: 2"),
        ("- flat", "- shallow"),
        ("margin: 3", "margin: 3\n    metric: SumR"),
        ("margin: 3", "margin: 3\n    relation: less"),
        (
            "margin: 3",
            "margin: 3\n    mechanism: {world: order-twins, 'on': twins, predicts: open}",
        ),
    ],
)
def test_a_changed_statement_is_a_new_one(folder: Path, change: tuple[str, str]) -> None:
    """Text, margin, variants, metric, relation and prediction: older runs no longer count."""
    commit(folder, BLOCK, "2024-02-01")
    before = stated(folder)
    assert counts(folder, made("2024-02-02")) == [True]
    later = commit(folder, BLOCK.replace(*change), "2024-03-01")
    assert stated(folder).commit == later
    assert stated(folder).digest != before.digest
    assert counts(folder, made("2024-02-02"), made("2024-03-02T00:00:00Z")) == [False, True]


def test_a_digest_in_the_run_goes_before_dates(folder: Path) -> None:
    """A run made under this very statement counts, whatever a rebase made of the commit's date."""
    commit(folder, BLOCK, "2024-05-01")
    own = stated(folder).digest
    runs = [made("2024-04-01", deep=own), made("2024-06-01", deep="0" * 16), made("2024-06-01", other=own)]  # fmt: skip
    assert counts(folder, *runs) == [True, False, False]


def test_hours_are_compared_over_time_zones_and_days_as_days(folder: Path) -> None:
    """Ten o'clock at +02:00 is eight in UTC."""
    commit(folder, BLOCK, "2024-05-01")
    runs = [made("2024-05-01T07:59:59Z"), made("2024-05-01T08:00:00+00:00"), made("2024-05-01")]
    assert counts(folder, *runs) == [False, True, True]


def test_a_statement_that_is_not_committed_says_so(folder: Path) -> None:
    """Runs without a digest cannot be later than it."""
    commit(folder, BLOCK, "2024-05-01")
    write(folder, BLOCK.replace("margin: 3", "margin: 4"))
    assert stated(folder).note == statements.UNCOMMITTED
    assert counts(folder, made("2025-01-01")) == [False]


def test_without_git_it_is_said_and_runs_count(tmp_path: Path) -> None:
    """Nothing is known of their age, and nothing is held against them."""
    (tmp_path / "data").mkdir()
    write(tmp_path, BLOCK)
    assert stated(tmp_path) == statements.Stated(
        stated(tmp_path).digest, note=statements.NO_HISTORY
    )
    assert counts(tmp_path, made("2001-01-01")) == [True]
    assert counts(tmp_path, made("2025-01-01", deep="0" * 16)) == [False]


def test_where_the_history_begins_nothing_older_is_known(folder: Path, tmp_path: Path) -> None:
    """A shallow clone has its last commit only; older runs are not held against the claim."""
    commit(folder, BLOCK, "2024-02-01")
    commit(folder, f"{BLOCK}\n    where: Table 2", "2024-06-01")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{folder}", str(clone))
    assert stated(clone).note == statements.BEGINS
    assert counts(clone, made("2024-03-01")) == [True]


def test_parallel_branches_do_not_restate_a_claim(folder: Path) -> None:
    """A branch that still has the old text, committed later and merged, changes no date."""
    old = BLOCK.replace("margin: 3", "margin: 1")
    commit(folder, old, "2024-02-01")
    git(folder, "branch", "side")
    first = commit(folder, BLOCK, "2024-03-01")
    git(folder, "checkout", "-q", "side")
    (folder / "other").write_text("x")
    commit(folder, old, "2024-04-01")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-edit", "side", day="2024-05-01")
    assert stated(folder).commit == first


def test_one_call_of_git_serves_all_claims(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many claims are looked up."""
    many = "\n".join(["claims:", *(f"  - {{id: c{n}, text: Claim {n}, than: [flat]}}" for n in range(30))])  # fmt: skip
    commit(folder, many, "2024-02-01")
    asked, said = [], statements.git.said
    monkeypatch.setattr(statements.git, "said", lambda *one: asked.append(one) or said(*one))
    library = Library(folder)
    found = {library.statements.of(claim).commit for _, claim in library.stated()}
    assert len(found) == len(asked) == 1


def test_records_written_as_json_are_read_too(folder: Path) -> None:
    """JSON is YAML without the lines that a quick look finds."""
    text = '{"papers": [{"id": "rook2020deep", "model": "deep", "title": "Deep", "claims": [{"id": "deep", "text": "Deep.", "than": ["flat"]}]}]}'
    (folder / "data" / "papers.yaml").write_text(text, encoding="utf-8")
    git(folder, "commit", "-q", "-a", "-m", "as JSON", day="2024-07-01")
    assert stated(folder).date == "2024-07-01T10:00:00+02:00"
