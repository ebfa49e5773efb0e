"""What counts as new, against which base, and what a hostile head can do to the judge."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kb.bot.judge import compare
from kb.bot.report import MOST, parse
from kb.bot.web import Web
from kb.records import KBError
from tests.bot.pulls import SEED, commit, git

GOOD = (
    "* `[Invented et al. CVPR21]` Paper Boats for Retrieval. CVPR, 2021."
    " [[paper]](https://openaccess.example.org/boats.pdf) [[code]](https://github.com/invented/boats)"
)


def add(place: Path, *lines: str, after: str = "### 2021") -> Path:
    """Add lines to the list of a branch; the list."""
    readme = place / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(text.replace(f"{after}\n", after + "\n" + "\n".join(lines) + "\n", 1), encoding="utf-8")  # fmt: skip
    return readme


def rules(place: Path, head: Path, base: str = "main") -> set[str]:
    """The rules that are newly broken."""
    report = compare(base, head, root=place)
    assert parse(report.as_json().encode()) == report
    return {found.rule for found in report.findings if found.new}


def test_old_problems_do_not_count(place: Path) -> None:
    """The seed's own errors are told as a number and block nothing."""
    report = compare("main", add(place, GOOD), root=place)
    assert report.known > 50
    assert not report.blocks
    assert (report.added, report.changed, report.removed) == (1, 0, 0)


def test_what_main_has_learned_since_is_not_held_against_a_change(place: Path) -> None:
    """The list is compared with the merge base: a line that main took out meanwhile is not new."""
    git(place, "checkout", "-q", "-b", "theirs")
    head = add(place, GOOD)
    tip = commit(place, "theirs")
    git(place, "checkout", "-q", "main")
    text = SEED.read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if "MBVC" not in line]
    (place / "README.md").write_text("\n".join(lines), encoding="utf-8")
    commit(place, "main goes on")
    git(place, "checkout", "-q", "theirs")
    report = compare("main", head, root=place)
    assert report.head_sha == tip
    assert (report.added, report.removed) == (1, 0)
    assert not report.blocks


def test_a_branch_that_merged_main_is_judged_by_its_own_lines(place: Path) -> None:
    """Main's new line comes with a merge; only the branch's own is new."""
    git(place, "checkout", "-q", "-b", "theirs")
    add(place, GOOD)
    commit(place, "theirs")
    git(place, "checkout", "-q", "main")
    add(place, GOOD.replace("Boats", "Kites").replace("boats", "kites"), after="### 2020")
    commit(place, "main")
    git(place, "checkout", "-q", "theirs")
    git(place, "merge", "-q", "--no-edit", "main")
    report = compare("main", place / "README.md", root=place)
    assert report.added == 1
    assert report.changes[0].title == "Paper Boats for Retrieval"


def test_a_new_list_is_all_new(place: Path) -> None:
    """A file that the base has not is judged whole."""
    other = place / "lists" / "other.md"
    other.parent.mkdir()
    other.write_text(f"# Other\n\n## Papers\n\n### 2021\n{GOOD}\n", encoding="utf-8")
    report = compare("main", other, root=place)
    assert (report.path, report.added) == ("lists/other.md", 1)


def test_two_files_can_be_compared_without_git(tmp_path: Path) -> None:
    """Base and head as plain files, no repository and no records."""
    base, head = tmp_path / "before.md", tmp_path / "after.md"
    base.write_bytes(SEED.read_bytes())
    head.write_text(
        SEED.read_text(encoding="utf-8").replace("### 2021\n", f"### 2021\n{GOOD}\n", 1)
    )
    report = compare(str(base), head)
    assert (report.added, report.base_sha, report.blocks) == (1, None, False)


@pytest.mark.parametrize("name", ["nowhere", "--upload-pack=x", "main..HEAD", ""])
def test_a_base_that_is_none_is_one_line(place: Path, name: str) -> None:
    """Neither a file nor a revision: usage, and nothing of it reaches git as an option."""
    with pytest.raises(KBError, match="neither a file nor a revision"):
        compare(name, place / "README.md", root=place)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("* `[Boe et al. CVPR21]` Катя: Paper Boats. CVPR, 2021. [[paper]](https://x.org/a.pdf)", None),
        ("* `[Boe et al. CVPR21]` P\N{CYRILLIC SMALL LETTER A}per Boats. CVPR, 2021. [[paper]](https://x.org/a.pdf)", "lookalike_letter"),
        ("* `[Boe et al. CVPR21]` Paper \u202eBoats. CVPR, 2021. [[paper]](https://x.org/a.pdf)", "hidden_character"),
        ("* `[Boe et al. CVPR21]` Paper\u200b Boats. CVPR, 2021. [[paper]](https://x.org/a.pdf)", "hidden_character"),
        ("* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](http://169.254.169.254/latest/meta-data)", "link_refused"),
        ("* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](http://[::1]:8080/a)", "link_refused"),
        ("* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](http://10.1.2.3/a.pdf)", "link_refused"),
        ("* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](file:///etc/passwd)", "link_refused"),
        ("* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](http://metadata.google.internal/)", "link_refused"),
        ("* `[Boe et al. CVPR21]` Paper <img src=x onerror=alert(1)>. CVPR, 2021. [[paper]](https://x.org/a.pdf)", "raw_html"),
        ("* `[Boe et al. CVPR21]` Paper <https://x.org> `<b>`. CVPR, 2021. [[paper]](https://x.org/a.pdf)", None),
        ("* [Paper Boats](https://x.org/a.pdf)", "required_field"),
        ("* **Paper Boats** Boe et al., CVPR 2021 [[paper]](https://x.org/a.pdf)", "required_field"),
        ("* Boe J, Doe A. Paper Boats at Sea. CVPR, 2021. [[paper]](https://x.org/a.pdf)", "entry_form"),
        ("* a paper about boats", "unread_line"),
        ("* `[Wray et al. CVPR21]` On Semantic Similarity in Video Retrieval. CVPR, 2021. [[paper]](https://x.org/a.pdf)", "duplicate_entry"),
        ("* https://arxiv.org/abs/2103.10095", "known_paper"),
    ],
)  # fmt: skip
def test_a_new_line_breaks_the_rule_it_breaks(place: Path, line: str, rule: str | None) -> None:
    """One line, one rule of the bot's own; a wholly Cyrillic word is a word like any other."""
    found = rules(place, add(place, line))
    own = {
        "lookalike_letter",
        "hidden_character",
        "link_refused",
        "required_field",
        "entry_form",
        "raw_html",
    }
    assert rule in found if rule else not found & own


def test_a_paper_that_was_taken_out_is_recognised(place: Path) -> None:
    """A removed record that comes back is pointed out."""
    path = place / "data" / "papers.yaml"
    lines = [
        line for line in SEED.read_text(encoding="utf-8").split("\n") if "2103.10095" not in line
    ]
    (place / "README.md").write_text("\n".join(lines), encoding="utf-8")
    from kb.sync.engine import sync  # noqa: PLC0415

    sync(place, str(place / "README.md"))
    assert "status: removed" in path.read_text(encoding="utf-8")
    commit(place, "take it out")
    head = add(place, next(line for line in SEED.read_text(encoding="utf-8").split("\n") if "2103.10095" in line))  # fmt: skip
    assert "known_record" in rules(place, head)


def test_a_sorted_section_wants_its_order_kept(tmp_path: Path) -> None:
    """A section in order of titles: a new line out of order is told where it belongs."""
    names = ["Apple", "Birch", "Cedar", "Elm", "Fir"]
    rows = [f"* `[Boe et al. CVPR21]` {n} Trees for Video. CVPR, 2021. [[paper]](https://x.org/{n}.pdf)" for n in names]  # fmt: skip
    base, head = tmp_path / "base.md", tmp_path / "head.md"
    head_line = rows[0].replace("Apple", "Dogwood")
    base.write_text("# L\n\n## Papers\n\n" + "\n".join(rows) + "\n")
    head.write_text("# L\n\n## Papers\n\n" + "\n".join([head_line, *rows]) + "\n")
    found = [f.message for f in compare(str(base), head).findings if f.rule == "entry_order"]
    assert found == ["entries here stand by title; this one belongs after line 8"]
    head.write_text("# L\n\n## Papers\n\n" + "\n".join([*rows[:3], head_line, *rows[3:]]) + "\n")
    assert "entry_order" not in {f.rule for f in compare(str(base), head).findings}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\x00\x01\x02 binary", "binary"),
        (b"\xff\xfe not utf-8 \xff", "UTF-8"),
        (b"a" * (5 << 20), "larger"),
        (None, "not exist"),
    ],
)
def test_a_head_that_cannot_be_read_is_a_finding(place: Path, body: bytes | None, why: str) -> None:
    """Binary, huge, deleted: the contributor is told, and nothing falls over."""
    readme = place / "README.md"
    if body is None:
        readme.unlink()
    else:
        readme.write_bytes(body)
    report = compare("main", readme, root=place)
    assert [found.rule for found in report.findings] == ["unreadable_list"]
    assert why in report.findings[0].message
    assert report.blocks


def test_a_list_that_became_a_link_is_not_followed(place: Path) -> None:
    """A symbolic link to a file of the machine shows nothing of that file."""
    secret = place.parent / "secret.md"
    secret.write_text("* [secret](https://secret.example.org)\n")
    readme = place / "README.md"
    readme.unlink()
    readme.symlink_to(secret)
    report = compare("main", readme, root=place)
    assert [found.rule for found in report.findings] == ["unreadable_list"]
    assert "secret" not in report.as_json()


def test_a_folder_that_became_a_link_is_not_followed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a folder on the way to the list."""
    (place.parent / "elsewhere").mkdir()
    (place.parent / "elsewhere" / "list.md").write_text("* [secret](https://secret.example.org)\n")
    (place / "lists").symlink_to(place.parent / "elsewhere")
    monkeypatch.chdir(place)
    report = compare(str(SEED), Path("lists/list.md"))
    assert [found.rule for found in report.findings] == ["unreadable_list"]


def test_ten_thousand_new_lines_make_a_report_within_its_limits(place: Path) -> None:
    """The worst hundred findings, a count of the rest, and a file that the other half accepts."""
    lines = [f"* `[Boe et al. CVPR21]` Paper Number {n}. CVPR, 2020. [[paper]](link)" for n in range(10_000)]  # fmt: skip
    report = compare("main", add(place, *lines), root=place)
    assert report.added == 10_000
    assert len(report.findings) == MOST
    assert report.more > 9_000
    assert parse(report.as_json().encode()) == report


def test_the_judge_reads_no_rule_and_no_record_of_the_head(place: Path) -> None:
    """Validator, venues and records that a pull request brings along are not looked at."""
    base = place.parent / "base"
    import shutil  # noqa: PLC0415

    shutil.copytree(place, base)
    head = add(place, "* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](link)")
    (place / "data" / "venues.yaml").write_text("][ not yaml")
    (place / "data" / "papers.yaml").write_text("][ not yaml")
    (place / "kb").mkdir()
    (place / "kb" / "__init__.py").write_text("raise SystemExit('judged by the head')\n")
    assert "placeholder_link" in rules(base, head, base=str(base / "README.md"))


def test_arxiv_that_does_not_answer_delays_nobody(place: Path) -> None:
    """Out of reach is said in the report, and blocks nothing."""
    web = Web(arxiv=True, endpoint="http://127.0.0.1:9/api/query")
    head = add(place, GOOD.replace("https://openaccess.example.org/boats.pdf", "https://arxiv.org/abs/2101.00001"))  # fmt: skip
    report = compare("main", head, root=place, ask=web)
    assert report.arxiv == "no answer"
    assert not report.blocks


def run(place: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """`kb bot report` as the workflow calls it."""
    call = [sys.executable, "-m", "kb", "bot", "report", *words]
    return subprocess.run(call, cwd=place, env=os.environ | env, capture_output=True, text=True, check=False)  # fmt: skip


def test_the_command_writes_report_annotations_and_summary(place: Path) -> None:
    """One call gives the file for the other workflow, the annotations and the job's summary."""
    summary = place.parent / "summary.md"
    bad = "* `[Boe et al. CVPR21]` Paper %0A::error::Boats @everyone. CVPR, 2021. [[paper]](link)"
    add(place, bad)
    done = run(
        place, "--base", "main", "--head", "README.md", "--out", "report.json",
        "--format", "github", GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads((place / "report.json").read_text())["schema"] == 1
    assert all(line.startswith("::") for line in done.stdout.splitlines())
    assert "%0A::error::Boats" not in done.stdout.replace("%250A", "")
    assert "@everyone" not in summary.read_text(encoding="utf-8").split("```")[0]


def test_a_clean_change_exits_with_0(place: Path) -> None:
    """Nothing to fix: exit code 0."""
    add(place, GOOD)
    assert run(place, "--base", "main", "--head", "README.md").returncode == 0


def test_json_on_stdout_is_the_report(place: Path) -> None:
    """With --json stdout holds the report and nothing else."""
    add(place, GOOD)
    done = run(place, "--base", "main", "--head", "README.md", "--json")
    assert parse(done.stdout.encode()).added == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "--base", "nowhere", "--head", "README.md"], "neither a file nor a revision"),
        (["report", "--base", "main", "--head", "README.md", "--format", "pdf"], "no format 'pdf'"),
        (["post", "--event", "absent.json"], "GITHUB_TOKEN is not set"),
        (["report", "--head", "README.md"], "--base"),
    ],
)
def test_a_wrong_call_is_one_line(place: Path, words: list[str], said: str) -> None:
    """Exit code 2 and what to do."""
    call = [sys.executable, "-m", "kb", "bot", *words]
    env = {key: value for key, value in os.environ.items() if key != "GITHUB_TOKEN"}
    done = subprocess.run(call, cwd=place, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
