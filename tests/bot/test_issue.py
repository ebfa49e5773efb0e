"""An issue that names a paper becomes a pull request with its line; its text reaches no shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kb.bot import issue
from kb.cli import run
from kb.records import KBError, Library
from tests.bot.pulls import git
from tests.bot.test_workflows import ROOT, steps
from tests.servers import registries
from tests.servers.arxiv import Server, State

WORKFLOW = ROOT / ".github" / "workflows" / "kb-paper.yml"
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
PREPRINT = {"id": "2203.00001", "title": "A Video-Text Retrieval Model", "authors": ["Ada Kestrel", "Bo"], "published": "2021-03-01T00:00:00Z"}  # fmt: skip
WORKS = {"10.5555/one": {"title": "Looking Again at Videos", "authors": ["Ada Kestrel"], "year": 2020, "venue": "CVPR"}}  # fmt: skip
HOSTILE = (
    '$(touch pwned)`touch pwned`"; touch pwned; # ${{ secrets.GITHUB_TOKEN }} @everyone <script>'
)


def event(folder: Path, paper: str, code: str = "_No response_", **own: object) -> Path:
    """The event of an issue that was opened with the form."""
    body = f"### Title or arXiv id\n\n{paper}\n\n### Code\n\n{code}\n"
    path = folder / "event.json"
    document = {"action": "opened", "issue": {"number": 12, "title": HOSTILE, "body": body, **own}}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def services(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A local arXiv and a local OpenAlex."""
    arxiv = Server(State({"2203.00001": PREPRINT}))
    openalex = registries.Server(registries.State({}, dict(WORKS)))
    arxiv.start()
    openalex.start()
    monkeypatch.setenv("KB_ARXIV_ENDPOINT", f"{arxiv.address}/api/query")
    monkeypatch.setenv("KB_OPENALEX_ENDPOINT", f"{openalex.address}/openalex")
    yield arxiv
    arxiv.stop()
    openalex.stop()


@pytest.mark.parametrize(
    ("paper", "line"),
    [
        ("2203.00001", "* `[Kestrel et al. arXiv21]` A Video-Text Retrieval Model. "),
        ("https://arxiv.org/abs/2203.00001v1", "* `[Kestrel et al. arXiv21]` A Video-Text"),
        ("a video-text retrieval MODEL", "* `[Kestrel et al. arXiv21]` A Video-Text"),
        ("Looking Again at Videos", "* `[Kestrel CVPR20]` Looking Again at Videos. CVPR, 2020. "),
    ],
)
def test_the_line_is_drafted_and_put_under_its_year(
    place: Path, services: Server, tmp_path: Path, paper: str, line: str
) -> None:
    """By arXiv id, address or title; from arXiv, else OpenAlex; one line is new, none is changed."""
    before = (place / "README.md").read_text(encoding="utf-8").splitlines()
    call = ["-C", str(place), "bot", "draft", "--event", str(event(tmp_path, paper))]
    call += ["--list", str(place / "README.md"), "--out", str(tmp_path / "body.md")]
    assert run(call) == 0
    after = (place / "README.md").read_text(encoding="utf-8").splitlines()
    (new,) = [row for row in after if row not in before]
    assert new.startswith(line)
    assert [row for row in after if row != new] == before
    body = (tmp_path / "body.md").read_text(encoding="utf-8")
    assert body.startswith("Closes #12. ")
    assert new in body


def test_code_is_taken_from_a_code_host_only(place: Path, services: Server, tmp_path: Path) -> None:
    """Another address is left out."""
    library, listed = Library(place), place / "README.md"
    for code, kept in (("https://github.com/ada/kestrel", True), ("https://evil.example/x", False), ("javascript:alert(1)", False)):  # fmt: skip
        git(place, "checkout", "-q", "--", "README.md")
        outcome = issue.draft(library, event(tmp_path, "2203.00001", code), listed)
        assert (f"[[code]]({code})" in outcome.body) is kept


@pytest.mark.parametrize(
    "paper", ["9999.99999", "A Paper that Nobody Wrote", HOSTILE, "Dual Encoding for Zero-Example Video Retrieval"]
)  # fmt: skip
def test_what_cannot_be_drafted_is_said(
    place: Path, services: Server, tmp_path: Path, paper: str
) -> None:
    """Unknown, or in the list already: exit 1, the list as it was, the text escaped."""
    state = services.state
    state.papers["1809.06181"] = {"id": "1809.06181", "title": "Dual Encoding for Zero-Example Video Retrieval", "authors": ["Jianfeng Dong"], "published": "2018-09-01T00:00:00Z"}  # fmt: skip
    before = (place / "README.md").read_bytes()
    call = ["-C", str(place), "bot", "draft", "--event", str(event(tmp_path, paper))]
    call += ["--list", str(place / "README.md"), "--out", str(tmp_path / "body.md")]
    assert run(call) == 1
    assert (place / "README.md").read_bytes() == before
    body = (tmp_path / "body.md").read_text(encoding="utf-8")
    outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", body)
    assert "<script>" not in outside
    assert "@everyone" not in outside


def test_while_arxiv_is_silent_openalex_is_asked_for_a_title(
    place: Path, services: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A title that it does not know either is no answer: the run fails, and can be repeated."""
    monkeypatch.setenv("KB_ARXIV_ENDPOINT", "http://127.0.0.1:9/api/query")
    listed = place / "README.md"
    assert issue.draft(Library(place), event(tmp_path, "Looking Again at Videos"), listed).drafted
    with pytest.raises(KBError, match="no usable answer"):
        issue.draft(Library(place), event(tmp_path, "A Paper that Nobody Wrote"), listed)


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", '{"issue": {}}', '{"issue": {"number": 3, "body": "no form"}}', '{"issue": {"number": "x"}}', '{"issue": {"number": -1, "body": "### Title or arXiv id\\n\\nx"}}', '{"issue": {"number": 1e999, "body": "x"}}'],
)  # fmt: skip
def test_an_event_that_is_no_issue_of_the_form_is_refused(tmp_path: Path, document: str) -> None:
    """One line, exit 2."""
    path = tmp_path / "event.json"
    path.write_text(document)
    with pytest.raises(KBError):
        issue.read_event(path)


def test_the_form_and_the_reader_name_the_same_fields() -> None:
    """The headings of an issue are the labels of its form."""
    form = yaml.safe_load((FORMS / "paper.yml").read_text(encoding="utf-8"))
    labels = [field["attributes"]["label"] for field in form["body"]]
    assert labels == [issue.PAPER, issue.CODE_FIELD]
    assert form["labels"] == ["kb:paper"]
    assert "'kb:paper'" in WORKFLOW.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["paper.yml", "wrong.yml"])
def test_forms_are_what_github_takes(name: str) -> None:
    """Known kinds of fields, an id and a label for each, one at least required."""
    form = yaml.safe_load((FORMS / name).read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys() <= {"name", "description", "title", "labels", "body"}  # fmt: skip
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    assert {field["type"] for field in form["body"]} <= {"input", "textarea", "dropdown", "markdown"}  # fmt: skip
    assert any(field["validations"]["required"] for field in form["body"])
    allowed = {"label", "description", "placeholder", "value", "render"}
    assert all(field["attributes"].keys() <= allowed for field in form["body"])


def perform(name: str, place: Path, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the workflow as a runner does, with this kb and a `gh` that notes its words."""
    step = next(one for one in steps(WORKFLOW) if one.get("name") == name)
    tools = folder / "temp" / "kb" / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    (tools / "kb").write_text(f"#!{sys.executable}\nfrom kb.cli import main\nmain()\n")
    (tools / "gh").write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >> {shlex.quote(str(folder / "gh"))}\n')  # fmt: skip
    for tool in ("kb", "gh"):
        (tools / tool).chmod(0o755)
    given = {
        "RUNNER_TEMP": str(folder / "temp"), "PYTHONPATH": str(ROOT), "NUMBER": "12", "BASE": "main",
        "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_REPOSITORY": "them/list", "GH_TOKEN": "t",
        "GITHUB_SERVER_URL": "https://github.example", "PATH": f"{tools}:{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{folder}/bare.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://x-access-token:t@github.example/them/list", **env,
    }  # fmt: skip
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=place, env=os.environ | given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_workflow_opens_a_pull_request_with_the_judged_line(
    place: Path, services: Server, tmp_path: Path
) -> None:
    """A branch with one more line, pushed; the report of the bot stands in the pull request."""
    git(tmp_path, "init", "-q", "--bare", "bare")
    path = str(event(tmp_path, "2203.00001"))
    done = perform("Draft the line", place, tmp_path, GITHUB_EVENT_PATH=path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "code=0\n"
    done = perform("Judge it as the bot judges every change of the list", place, tmp_path)
    assert done.returncode == 0, done.stderr
    done = perform("Open the pull request", place, tmp_path)
    assert done.returncode == 0, done.stderr
    words = (tmp_path / "gh").read_text().split("\0")
    assert words[:2] == ["pr", "create"]
    assert words[words.index("--title") + 1] == "Add the paper of issue 12"
    pushed = git(tmp_path / "bare", "diff", "--numstat", "kb-paper-12~1", "kb-paper-12")
    assert pushed.split() == ["1", "0", "README.md"]
    body = (tmp_path / "temp" / "body.md").read_text(encoding="utf-8")
    assert "Closes #12" in body
    assert "- added: `A Video-Text Retrieval Model`\n\nNothing to fix." in body


def test_hostile_text_runs_nothing(place: Path, services: Server, tmp_path: Path) -> None:
    """As title, body and code of the issue: an answer that quotes it, and no file made."""
    path = str(event(tmp_path, HOSTILE, HOSTILE))
    done = perform("Draft the line", place, tmp_path, GITHUB_EVENT_PATH=path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "code=1\n"
    done = perform("Say why there is no line", place, tmp_path)
    assert done.returncode == 0, done.stderr
    words = (tmp_path / "gh").read_text().split("\0")
    assert words[:3] == ["issue", "comment", "12"]
    assert not any("touch" in word for word in words)
    assert list(tmp_path.rglob("pwned")) == []


def test_no_script_of_the_workflow_reads_text_of_the_issue() -> None:
    """Of the event only its number and the default branch come into the environment."""
    text = WORKFLOW.read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{\{ (.+?) \}\}", text))
    assert used == {"github.event.issue.number", "github.token", "github.event.repository.default_branch"}  # fmt: skip
