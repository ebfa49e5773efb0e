"""`kb links --archive`: what archives keep of the links, and what they are asked to keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb.cli import run
from kb.links.archives import Archives, Copy, repository
from kb.links.client import Answer, Ask
from kb.links.settings import Policy, Settings
from kb.links.urls import parse
from tests.servers.web import Web

KEPT = "swh:1:rev:" + "a" * 40
RECORDS = """papers:
- id: one2020first
  title: First
  links:
  - {{kind: paper, url: "{web}/ok/never-saved"}}
  - {{kind: code, url: "https://github.com/someone/name"}}
  - {{kind: code, url: "https://github.com/someone/kept", swhid: "{swhid}"}}
  - {{kind: code, url: "https://github.com/never-saved/good.git"}}
  - {{kind: code, url: "https://github.com/never-saved/bad"}}
- id: two2021second
  title: Second
  links:
  - {{kind: paper, url: "{web}/ok/saved"}}
  - {{kind: paper, url: "{web}/ok/never-saved-robots"}}
  - {{kind: paper, url: "{web}/404/1"}}
"""
Kb = Callable[..., int]


@pytest.fixture
def kb(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> Kb:
    """`kb links` in a knowledge base whose links, GitHub and archives are on the local web."""
    here = web.url("", item="").rstrip("/")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text(RECORDS.format(web=here, swhid=KEPT))
    (tmp_path / "README.md").write_text("# List\n")
    for name in ("KB_GITHUB_API", "KB_WAYBACK", "KB_SWH"):
        monkeypatch.setenv(name, here)

    def call(*arguments: str) -> int:
        own = ["--timeout", "30", "--allow-private", "--max-age", "0s"]
        return run(["links", "-C", str(tmp_path), *own, *arguments])

    return call


def asked(web: Web) -> list[str]:
    """What the archives were asked, in order."""
    names = ("/api/", "/web/", "/save/")
    return [f"{one.method} {one.path}" for one in web.seen if one.path.startswith(names)]


def rows(capsys: pytest.CaptureFixture[str], web: Web) -> dict[str, dict[str, Any]]:
    """The rows of `--json` by address, without the server's own."""
    printed = json.loads(capsys.readouterr().out)["archives"]
    here = web.url("", item="").rstrip("/")
    return {row["url"].removeprefix(here): row for row in printed}


def test_looking_says_what_is_kept_and_saves_nothing(
    kb: Kb, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code in Software Heritage, pages in the Wayback Machine; what the records name is not asked."""
    assert kb("--archive", "look", "--json") == 0
    found = rows(capsys, web)
    assert {url: (row["archive"], row["state"]) for url, row in found.items()} == {
        "/ok/never-saved": ("Wayback Machine", "missing"),
        "https://github.com/someone/name": ("Software Heritage", "archived"),
        "https://github.com/someone/kept": ("Software Heritage", "archived"),
        "https://github.com/never-saved/good.git": ("Software Heritage", "missing"),
        "https://github.com/never-saved/bad": ("Software Heritage", "missing"),
        "/ok/saved": ("Wayback Machine", "archived"),
        "/ok/never-saved-robots": ("Wayback Machine", "missing"),
    }
    assert found["https://github.com/someone/kept"]["address"].endswith(f"/{KEPT}")
    assert found["https://github.com/someone/name"]["detail"] == "visited 2024-05-06"
    assert found["/ok/never-saved"]["address"] == web.url("save", f"{web.url('ok', 'never-saved')}")
    assert [one for one in asked(web) if "save/" in one.partition(" ")[2][:6]] == []
    assert [one for one in asked(web) if one.startswith("POST") or "kept" in one] == []


def test_saving_asks_only_for_what_is_missing(
    kb: Kb, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """A request for each, of the whole repository; a refusal is shown as such."""
    assert kb("--archive", "save", "--json") == 0
    found = rows(capsys, web)
    states = {url: row["state"] for url, row in found.items() if row["state"] != "archived"}
    assert states == {
        "/ok/never-saved": "requested",
        "https://github.com/never-saved/good.git": "requested",
        "https://github.com/never-saved/bad": "refused",
        "/ok/never-saved-robots": "refused",
    }
    base = "https://github.com/never-saved"
    assert [one for one in asked(web) if one.startswith("POST")] == [
        f"POST /api/1/origin/save/git/url/{base}/good/",
        f"POST /api/1/origin/save/git/url/{base}/bad/",
    ]
    assert "/web/20261130000000/" in found["/ok/never-saved"]["address"]


def test_without_the_option_no_archive_is_asked(
    kb: Kb, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """A note says how many links to code have no identifier, and what to call; JSON is as before."""
    assert kb() == 0
    out, err = capsys.readouterr()
    assert "3 links to code without a Software Heritage identifier" in err
    assert "archives:" not in out
    assert [one for one in asked(web) if "404" not in one] == []
    assert kb("--json") == 0
    assert {*json.loads(capsys.readouterr().out)} == {"checked", "seconds", "results"}


def test_the_report_has_what_is_not_kept(kb: Kb, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, then the counts and what to call next."""
    assert kb("--archive", "look") == 0
    out, err = capsys.readouterr()
    assert "missing      Software Heritage: https://github.com/never-saved/bad  (" in out
    assert out.rstrip().endswith("archives: 3 archived, 4 missing")
    assert "someone/name" not in out
    assert "`--archive save` asks" in err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--archive", "burn"], "--archive is look or save, not 'burn'"),
        (["--archive", "look", "--offline"], "--archive sends requests"),
    ],
)
def test_options_that_do_not_go_together(
    kb: Kb, web: Web, capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    """One line, and nobody is asked."""
    assert kb(*arguments) == 2
    assert what in capsys.readouterr().err
    assert web.seen == []


def test_private_addresses_are_never_named_to_a_public_archive(
    kb: Kb, web: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where links may be private, only archives of one's own are asked."""
    monkeypatch.delenv("KB_SWH")
    assert kb("--archive", "save") == 2
    assert "public archives" in capsys.readouterr().err
    assert web.seen == []


class Recorded:
    """A client that answers each request with the next of some answers."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), list[Ask]()

    def ask(self, ask: Ask) -> Answer:
        """Note the request."""
        self.asked.append(ask)
        return self.answers.pop(0)


def test_an_archive_that_is_busy_is_asked_no_more() -> None:
    """429 ends it for this run, not for the other archive."""
    client = Recorded(Answer(429), Answer(404))
    archives = Archives(client, Policy.load(), Settings(), wait=lambda _: None)  # type: ignore[arg-type]
    first = archives.look("https://github.com/a/b", None)
    second = archives.look("https://github.com/a/c", None)
    page = archives.look("https://a.example/paper.pdf", None)
    why = "it asks to try later"
    assert [one.detail for one in (first, second)] == [why, why]
    assert (first.state, second.state, page.state) == ("unknown", "unknown", "missing")
    assert len(client.asked) == 2


def test_the_public_archives_are_asked_slowly() -> None:
    """A second between two looks, five before a request to save."""
    waits: list[float] = []
    client = Recorded(Answer(404), Answer(404), Answer(200, body=b'{"save_request_status": 7}'))
    archives = Archives(client, Policy.load(), Settings(), wait=waits.append)  # type: ignore[arg-type]
    archives.look("https://github.com/a/b", None)
    missing = archives.look("https://github.com/a/c", None)
    assert archives.save(missing).state == "requested"
    assert [round(one) for one in waits] == [1, 5]
    assert client.asked[-1].method == "POST"


@pytest.mark.parametrize(
    "answer", [Answer(200, body=b"[" * 5000), Answer(200, body=b"\xff"), Answer(500), Answer()]
)
def test_any_answer_is_a_row(answer: Answer) -> None:
    """Whatever the bytes."""
    client = Recorded(answer, answer)
    archives = Archives(client, Policy.load(), Settings(), wait=lambda _: None)  # type: ignore[arg-type]
    row = archives.look("https://github.com/a/b", None)
    assert row.state == ("archived" if answer.ok else "unknown")
    missing = Copy("https://github.com/a/b", "Software Heritage", "missing")
    assert archives.save(missing).state in {"missing", "requested"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://github.com/a/b/tree/main#x", "https://github.com/a/b"),
        ("http://www.github.com/a/b.git", "https://github.com/a/b"),
        ("https://gitlab.com/a/b?x=1", "https://gitlab.com/a/b"),
        ("https://github.com/a", None),
        ("https://a.github.io/b/c", None),
    ],
)
def test_software_heritage_knows_repositories_by_their_root(url: str, origin: str | None) -> None:
    """Branches, files and `.git` belong to it; other pages are none."""
    assert repository(parse(url)) == origin
