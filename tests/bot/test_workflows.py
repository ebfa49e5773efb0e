"""The workflows: pinned, poor in rights, and doing what they say when their steps are run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kb.bot.report import read
from tests.bot.posting import SHA, event
from tests.bot.pulls import commit, git
from tests.servers.github import Server

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^(?:\./\S*|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)(?: # zizmor: .+)?$")
WRITES = {
    "kb-validate.yml": set(),
    "kb-report.yml": {"pull-requests"},
    "kb-links.yml": {"contents", "issues", "pages", "id-token"},
    "kb-sync.yml": {"contents", "pages", "id-token"},
    "kb-paper.yml": {"contents", "issues", "pull-requests"},
    "pages.yml": {"pages", "id-token"},
}


def steps(path: Path) -> list[dict[str, Any]]:
    """Every step of a workflow or of the action."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return [step for job in jobs for step in job.get("steps", [])]


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "action.yml"], ids=lambda path: path.name)
def test_actions_are_pinned_and_scripts_hold_no_expression(path: Path) -> None:
    """Foreign actions stand by full commit; what comes from an event reaches a script as a variable."""
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert [line for line in used if not PINNED.match(line)] == []
    assert [step for step in steps(path) if "${{" in step.get("run", "")] == []
    kept = [step["with"]["persist-credentials"] for step in steps(path) if "checkout@" in step.get("uses", "")]  # fmt: skip
    assert kept == [False] * len(kept)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_has_the_rights_it_needs_and_a_limit(path: Path) -> None:
    """Nothing for the workflow, named rights for a job, minutes and one run at a time."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["permissions"] == {}
    assert document["concurrency"]["group"]
    written = {
        name
        for job in document["jobs"].values()
        for name, right in job["permissions"].items()
        if right == "write"
    }
    assert written == WRITES[path.name]
    assert all("uses" in job or job["timeout-minutes"] for job in document["jobs"].values())


def test_the_half_with_the_token_never_checks_out_the_head() -> None:
    """kb-report checks out the default branch only, and the action's `post` nothing at all."""
    report = ROOT / ".github" / "workflows" / "kb-report.yml"
    checkouts = [step["with"] for step in steps(report) if "checkout@" in step.get("uses", "")]
    assert checkouts == [{"persist-credentials": False}]
    of_action = [step for step in steps(ROOT / "action.yml") if "checkout@" in step.get("uses", "")]
    assert {step["if"] for step in of_action} == {"inputs.mode == 'report'"}


def test_zizmor_finds_nothing() -> None:
    """Held to what is known of attacks on workflows, at its strictest."""
    zizmor = Path(sys.executable).with_name("zizmor")
    if not zizmor.exists():
        pytest.skip("zizmor is not installed; `make setup` does")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--persona=auditor", ".github", "action.yml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def pins(path: Path) -> dict[str, str]:
    """Name and version of each requirement of a file; markers for older Pythons are left out."""
    rows = re.findall(r"^([\w.-]+)==([\w.]+)(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.replace("_", "-"): version for name, version, rest in rows if "< " not in rest}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-site.txt"])
def test_the_workflows_install_the_pinned_versions_by_hash(name: str) -> None:
    """Every package stands with its hashes, in the version that `make setup` installs."""
    path = ROOT / ".github" / name
    ours, all_pins = pins(path), pins(ROOT / "requirements-dev.txt")
    known = {package.replace(".", "-"): version for package, version in all_pins.items()}
    assert {package: known.get(package) for package in ours if package != "tzdata"} == {
        package: version for package, version in ours.items() if package != "tzdata"
    }
    blocks = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8"))
    assert [b for b in blocks if "==" in b.split("\n")[0] and "--hash=sha256:" not in b] == []
    assert {"setuptools", "pydantic", "urllib3"} <= set(ours)


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "action.yml"], ids=lambda path: path.name)
def test_nothing_is_installed_but_by_hash(path: Path) -> None:
    """Pip takes hashed requirements, and builds this project with what they installed."""
    calls = re.findall(r"pip\" install (.+)", path.read_text(encoding="utf-8"))
    safe = ("--require-hashes", "--no-deps --no-build-isolation")
    assert [call for call in calls if not any(option in call for option in safe)] == []


def test_the_site_is_published_from_the_commits_of_workflows() -> None:
    """What kb-sync and kb-links push starts no workflow: they call pages with their commit."""
    for name in ("kb-sync.yml", "kb-links.yml"):
        document = yaml.safe_load((ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))
        site = document["jobs"]["site"]
        assert site["uses"] == "./.github/workflows/pages.yml"
        (before,) = set(document["jobs"]) - {"site"}
        assert site["needs"] == before
        assert site["with"]["commit"] == f"${{{{ needs.{before}.outputs.commit }}}}"


def test_the_site_is_built_with_both_engines_and_one_is_published() -> None:
    """Strictly with each, so that a change that only one can read stops the deployment."""
    path = ROOT / ".github/workflows/pages.yml"
    steps = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["build"]["steps"]
    builds = [step["run"] for step in steps if " publish --strict" in step.get("run", "")]
    assert ["--engine zensical" in one for one in builds] == [False, True]
    (artifact,) = [one["with"]["path"] for one in steps if "upload-pages" in one.get("uses", "")]
    assert artifact.removesuffix("/site").removeprefix("${{ runner.temp }}") == "/build"
    locked = pins(ROOT / ".github" / "requirements-site.txt")
    assert {"mkdocs-material", "zensical"} <= locked.keys()


def test_a_pull_request_on_records_is_validated_too() -> None:
    """data/, data/results/ and models/ start the check as the list does."""
    path = ROOT / ".github/workflows/kb-validate.yml"
    on = yaml.safe_load(path.read_text(encoding="utf-8"))[True]  # YAML 1.1: `on` is a truth value
    assert on["pull_request"]["paths"] == ["README.md", "data/**", "models/**"]


def script(name: str) -> str:
    """The script of one step of the action."""
    return str(next(s for s in steps(ROOT / "action.yml") if s.get("name") == name)["run"])


def perform(name: str, folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a step of the action as a runner does, with this kb in the place of the installed one."""
    temporary = folder / "temp"
    kb = temporary / "kb" / "bin" / "kb"
    kb.parent.mkdir(parents=True, exist_ok=True)
    kb.write_text(f"#!{sys.executable}\nfrom kb.cli import main\nmain()\n")
    kb.chmod(0o755)
    given = {"RUNNER_TEMP": str(temporary), "PYTHONPATH": str(ROOT), "LINKS": "false", **env}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(name)],
        cwd=folder, env=os.environ | given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def checked_out(place: Path, workspace: Path, change: Any) -> str:
    """Base and head as the action checks them out; the base's commit."""
    base = git(place, "rev-parse", "main")
    git(place, "checkout", "-q", "-b", "theirs")
    change(place)
    commit(place, "theirs")
    (workspace / ".kb").mkdir(parents=True)
    shutil.copytree(place, workspace / ".kb" / "head")
    git(place, "checkout", "-q", "main")
    shutil.copytree(place, workspace / ".kb" / "base")
    return base


def test_a_pull_request_that_edits_the_validator_is_judged_by_the_base(
    place: Path, tmp_path: Path
) -> None:
    """Its own kb/, records and venues are not run and not read; its list is judged."""

    def change(folder: Path) -> None:
        readme = folder / "README.md"
        text = readme.read_text(encoding="utf-8")
        bad = "* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](link)"
        readme.write_text(text.replace("### 2021\n", f"### 2021\n{bad}\n", 1), encoding="utf-8")
        (folder / "kb").mkdir()
        (folder / "kb" / "__init__.py").write_text("raise SystemExit(0)\n")
        (folder / "sitecustomize.py").write_text("raise SystemExit(0)\n")
        (folder / "data" / "papers.yaml").write_text("][")

    base = checked_out(place, tmp_path / "work", change)
    done = perform("Judge the pull request", tmp_path / "work", BASE=base, LIST="README.md")
    assert done.returncode == 1, done.stderr
    report = read(tmp_path / "work" / "temp" / "report.json")
    assert [found.rule for found in report.findings if found.severity == "error"] == ["placeholder_link"]  # fmt: skip
    assert (report.path, report.base_sha) == ("README.md", base)
    assert done.stdout.startswith("::error file=README.md,line=55,")


def test_the_two_halves_meet(place: Path, tmp_path: Path, github: Server) -> None:
    """From a branch to the comment: the first half's report, packed as an artifact, is posted by the second."""

    def change(folder: Path) -> None:
        readme = folder / "README.md"
        text = readme.read_text(encoding="utf-8")
        readme.write_text(text.replace("### 2021\n", "### 2021\n* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](link)\n", 1), encoding="utf-8")  # fmt: skip

    base = checked_out(place, tmp_path / "work", change)
    perform("Judge the pull request", tmp_path / "work", BASE=base, LIST="README.md")
    report = tmp_path / "work" / "temp" / "report.json"
    head = read(report).head_sha
    assert head
    assert head != SHA
    shutil.make_archive(str(tmp_path / "artifact"), "zip", report.parent, report.name)
    diff = git(place, "diff", "main", "theirs", "--", "README.md")
    github.state.open(7, "them:add-paper", head, {"README.md": diff[diff.index("@@") :]})
    github.state.artifacts[77] = [{"id": 5, "name": "kb-report", "expired": False}]
    github.state.store[5] = (tmp_path / "artifact.zip").read_bytes()
    done = perform(
        "Post the report", tmp_path / "work",
        GITHUB_EVENT_PATH=str(event(tmp_path, head_sha=head)), GITHUB_API_URL=github.address,
        LIST="README.md",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "placeholder" in github.state.comments[7][0]["body"]
    assert github.state.reviews[7][0]["line"] == 55
    assert github.state.labels[7] == ["kb:needs-fix"]
