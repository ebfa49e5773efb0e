"""`kb links` as a user calls it: what it prints, remembers, mends and exits with."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb.cli import run
from tests.servers.web import Web

KEYS = [
    "url", "verdict", "status", "final_url", "redirects", "reason", "attempts", "ms", "archive",
    "ids", "lines",
]  # fmt: skip
RECORDS = """papers:
- id: one2020first
  title: First
  links:
  - {{kind: paper, url: "{ok}"}}
  - {{kind: code, url: "{moved}"}}
- id: two2021second
  title: Second
  links:
  - {{kind: paper, url: "{gone}"}}
"""
Kb = Callable[..., int]


@pytest.fixture
def base(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A knowledge base of two papers whose links are on the local web."""
    (tmp_path / "data").mkdir()
    ok, moved, gone = web.url("ok"), web.url("301", "page"), web.url("404")
    (tmp_path / "data" / "papers.yaml").write_text(RECORDS.format(ok=ok, moved=moved, gone=gone))
    (tmp_path / "README.md").write_text(
        f"# List\n\n- First [[paper]]({ok}) [[code]]({moved})\n- Second [[paper]]({gone})\n"
    )
    monkeypatch.setenv("KB_WAYBACK", "")
    monkeypatch.setenv("KB_GITHUB_API", web.url("", item="").rstrip("/"))
    return tmp_path


@pytest.fixture
def kb(base: Path) -> Kb:
    """`kb links` in that knowledge base, allowed to ask this machine."""

    def call(*arguments: str, private: bool = True) -> int:
        allowed = ["--allow-private"] if private else []
        return run(["links", "-C", str(base), "--timeout", "30", *allowed, *arguments])

    return call


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What was printed, which is one JSON document and nothing else."""
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def verdicts(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The verdicts of the document, in its order."""
    return [row["verdict"] for row in document(capsys)["results"]]


def test_the_document_is_that_of_the_contract(
    kb: Kb, base: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every row has every key, with the records and the lines that carry the link."""
    assert kb("--json") == 0
    found = document(capsys)
    assert list(found) == ["checked", "seconds", "results"]
    assert (found["checked"], type(found["seconds"])) == (3, float)
    assert all(list(row) == KEYS for row in found["results"])
    moved = found["results"][1]
    assert (moved["verdict"], moved["status"], moved["lines"]) == ("moved", 200, [3])
    assert moved["final_url"] == web.url("ok", "page")
    assert moved["redirects"] == [f"301 {web.url('ok', 'page')}"]
    assert (moved["ids"], moved["attempts"]) == (["one2020first"], 3)


def test_ids_and_kinds_choose(kb: Kb, capsys: pytest.CaptureFixture[str]) -> None:
    """A record's key, a kind of link, or both."""
    kb("two2021second", "--json")
    assert verdicts(capsys) == ["suspect"]
    kb("--only", "code", "--json")
    assert verdicts(capsys) == ["moved"]
    kb("two2021second", "--only", "code", "--json")
    printed = capsys.readouterr()
    assert json.loads(printed.out)["results"] == []
    assert "there are no 'code' links; kinds here: paper" in printed.err


def test_what_was_found_lately_is_believed(kb: Kb, base: Path, web: Web) -> None:
    """A second run asks only for what was not good; --max-age 0 asks for all."""
    kb()
    asked = web.requests
    kb()
    assert web.requests - asked == 2  # the one that was not found, by HEAD and GET
    kb("--max-age", "0")
    assert web.requests > asked + 4
    assert len(json.loads((base / "data" / "links.json").read_text())["links"]) == 3


def test_offline_nobody_is_asked(kb: Kb, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    """What is remembered is told, however old; what never was looked at is skipped."""
    kb("one2020first", "--json")
    capsys.readouterr()
    asked = web.requests
    kb("--offline", "--max-age", "0", "--json")
    rows = document(capsys)["results"]
    assert [row["verdict"] for row in rows] == ["ok", "moved", "skipped"]
    assert rows[2]["reason"] == "offline, and never looked at before"
    assert web.requests == asked


def test_moves_are_written_into_the_list(
    kb: Kb, base: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """--fix changes the address that moved, where it stands, and says so."""
    before = (base / "README.md").read_text()
    assert kb("--fix") == 0
    old, new = web.url("301", "page"), web.url("ok", "page")
    assert (base / "README.md").read_text() == before.replace(old, new)
    assert f"README.md:3:{before.split(chr(10))[2].index(old) + 1}: {old} -> {new}" in (
        capsys.readouterr().err
    )


def test_a_list_alone_can_be_checked(
    tmp_path: Path, web: Web, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a knowledge base a file is checked all the same; nothing is remembered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KB_WAYBACK", "")
    Path("list.md").write_text(f"[a]({web.url('ok')}) [b](link) [c](ftp://a.test/)\n")
    assert run(["links", "--file", "list.md", "--allow-private", "--json"]) == 1
    printed = capsys.readouterr()
    rows = json.loads(printed.out)["results"]
    assert [row["verdict"] for row in rows] == ["ok", "invalid", "refused"]
    assert "no knowledge base here" in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["list.md"]


def test_this_machine_is_not_asked_without_permission(
    kb: Kb, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loopback addresses are refused, which is a finding, and the server hears nothing."""
    assert kb("--json", private=False) == 1
    assert set(verdicts(capsys)) == {"refused"}
    assert web.requests == 0


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("text", "suspect      README.md:4:20  {gone}\n             404: not found; dead if"),
        ("markdown", "| suspect | README.md:4:20 | `{gone}` | 404: not found; dead if"),
        ("github", "::warning file=README.md,line=4,col=20,endColumn={end},title=link suspect::"),
    ],
)
def test_a_finding_is_told_with_line_and_column(
    kb: Kb, web: Web, capsys: pytest.CaptureFixture[str], form: str, part: str
) -> None:
    """In each form for people the place of the address itself is given."""
    kb("--format", form)
    gone = web.url("404")
    assert part.format(gone=gone, end=20 + len(gone)) in capsys.readouterr().out


def test_sarif_has_a_region_for_each_place(
    kb: Kb, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules are declared, results name one of them, regions cover the address."""
    kb("--format", "sarif")
    whole = document(capsys)
    tool = whole["runs"][0]
    declared = {rule["id"] for rule in tool["tool"]["driver"]["rules"]}
    suspect = tool["results"][0]
    assert (whole["version"], suspect["level"]) == ("2.1.0", "warning")
    assert {found["ruleId"] for found in tool["results"]} == {"link_suspect", "link_moved"}
    assert {found["ruleId"] for found in tool["results"]} <= declared
    region = suspect["locations"][0]["physicalLocation"]["region"]
    end = 20 + len(web.url("404"))
    assert region == {"startLine": 4, "startColumn": 20, "endColumn": end}


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_github_is_told_the_path_in_the_repository(
    kb: Kb, base: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """However the file was named, annotations find it."""
    (base / "more").mkdir()
    (base / "more" / "list.md").write_text("[a](link)\n")
    kb("--file", str(base / "more" / "list.md"), "--format", form)
    printed = capsys.readouterr().out
    assert "more/list.md" in printed
    assert str(base) not in printed


def test_excludes_have_a_reason_and_an_end(
    kb: Kb, base: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is excluded is skipped with the reason; an exclude that lapsed is told, and checked."""
    (base / "data" / "links-policy.yaml").write_text(
        f"skip:\n- {{url: '{web.url('404')[:-1]}*', reason: the site is being moved}}\n"
        f"- {{url: '{web.url('ok')}', reason: was down, until: 2001-01-31}}\n"
    )
    kb("--json")
    printed = capsys.readouterr()
    rows = json.loads(printed.out)["results"]
    assert [row["verdict"] for row in rows] == ["ok", "moved", "skipped"]
    assert rows[2]["reason"] == "the site is being moved"
    assert "is checked again: its exclude expired on 2001-01-31 (was down)" in printed.err


def test_a_budget_ends_the_run_and_keeps_what_was_found(
    kb: Kb, base: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """Links that were not reached in time are skipped with the reason, the others remembered."""
    text = f"[a]({web.url('ok')}) [b]({web.url('silent')})\n"
    (base / "two.md").write_text(text)
    kb("--file", str(base / "two.md"), "--budget", "4s", "--json")
    rows = document(capsys)["results"]
    assert [row["verdict"] for row in rows] == ["ok", "skipped"]
    assert rows[1]["reason"] == "the time budget was used up"
    assert list(json.loads((base / "data" / "links.json").read_text())["links"]) == [web.url("ok")]


def test_without_a_network_nothing_is_lost(
    kb: Kb,
    base: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit 4; every link is skipped, and not a byte of the history changes."""
    kb()
    capsys.readouterr()
    before = (base / "data" / "links.json").read_bytes()
    (base / "far.md").write_text("[a](https://a-place.org/x) [b](https://another-place.org/y)\n")

    def nobody(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert kb("--file", str(base / "far.md"), "--json") == 4
    printed = capsys.readouterr()
    rows = json.loads(printed.out)["results"]
    assert [(row["verdict"], row["reason"]) for row in rows] == [("skipped", "no network")] * 2
    assert "no network: no verdict was recorded" in printed.err
    assert (base / "data" / "links.json").read_bytes() == before


def test_results_are_printed_even_where_they_cannot_be_kept(
    kb: Kb, base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history that cannot be written is one clear line after the results, and not exit 0."""
    from kb.records import KBError, atomic  # noqa: PLC0415

    def full(path: Path, _data: bytes) -> bool:
        raise KBError("cannot write (No space left)", where=path)

    monkeypatch.setattr(atomic, "write", full)
    assert kb("--json") == 2
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["results"]) == 3
    assert "links.json: cannot write (No space left)" in printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "xml"], "no format 'xml'; one of text, json"),
        (["--max-age", "soon"], "--max-age: invalid time span 'soon'"),
        (["--budget", "9" * 400], "--budget: invalid time span"),
        (["--concurrency", "0"], "concurrency"),
        (["nobody1999"], "nobody1999"),
        (["--file", "absent.md"], "absent.md: no such file"),
    ],
)
def test_wrong_usage_is_one_line(
    kb: Kb, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """Exit 2, and what to write instead."""
    assert kb(*arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_a_broken_history_is_told_before_anybody_is_asked(
    kb: Kb, base: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file with marks of a merge, or values of another form, is one clear line with the hint."""
    for text in (
        "<<<<<<< ours\n",
        '{"links": {"x": {"verdict": "ok"}}}',
        '{"links": {"http://a.test/": {"verdict": "ok", "checked": "2026-01-01T00:00:00Z", "redirects": 5}}}',
    ):
        (base / "data" / "links.json").write_text(text)
        assert kb() == 2
        assert "links.json: not a link history" in capsys.readouterr().err
    assert web.requests == 0
