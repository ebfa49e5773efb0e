"""`kb enrich` as it is called: the whole list, exit codes, its JSON, four at once, cut off and resumed."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kb.enrich.polite import INTERVAL
from tests.servers.arxiv import Server

SEED = Path(__file__).resolve().parents[1] / "data" / "lists" / "seed.md"
KEYS = ["matched", "changed", "suggestions", "mismatches", "withdrawn", "unreachable"]


def kb(
    *words: object, cache: Path | None = None, **extra: str
) -> "subprocess.CompletedProcess[str]":
    """One call of the command line."""
    env = os.environ | extra | ({"KB_CACHE": str(cache)} if cache else {})
    call = [sys.executable, "-m", "kb", *map(str, words)]
    return subprocess.run(call, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seed list as records, nothing enriched yet."""
    root = tmp_path_factory.mktemp("synced")
    shutil.copy(SEED, root / "README.md")
    assert kb("init", root).returncode == 0
    assert kb("sync", root / "README.md", "-C", root).returncode == 0
    return root


@pytest.fixture
def whole(synced: Path, tmp_path: Path) -> Path:
    """A copy of those records that a test may change."""
    return Path(shutil.copytree(synced, tmp_path / "whole"))


def files(root: Path) -> dict[str, bytes]:
    """Every file of a folder, but for the empty lock files."""
    found = (p for p in root.rglob("*") if p.is_file() and p.suffix != ".lock")
    return {str(p.relative_to(root)): p.read_bytes() for p in found}


def test_the_whole_list_is_matched_and_its_wrong_link_found(server: Server, whole: Path) -> None:
    """Of the seed's papers one is linked to another paper's page and one says another title."""
    done = kb("enrich", "-C", whole, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1  # findings
    assert list(report) == KEYS
    assert report["unreachable"] is False
    rows = {(row["kind"], row["arxiv"], row["from"]) for row in report["mismatches"]}
    assert ("other_paper", "1809.06181", "link") in rows
    moee = next(row for row in report["mismatches"] if row["arxiv"] == "1809.06181")
    assert moee["belongs_to"] == "dong2019dual"
    assert "Incomplete and Heterogeneous" in moee["title"]
    assert report["matched"] >= 10
    assert {row["id"] for row in report["suggestions"]}.isdisjoint(
        row["id"] for row in report["changed"]
    )


def test_a_second_run_asks_arxiv_nothing_at_all(server: Server, whole: Path) -> None:
    """Identifiers, searches and withdrawals are all remembered for a day."""
    kb("enrich", "-C", whole)
    asked, before = len(server.state.log), files(whole)
    kb("enrich", "-C", whole)
    assert len(server.state.log) == asked
    assert files(whole) == before


def test_a_clean_run_exits_with_0(server: Server, base: Path) -> None:
    """A paper that agrees with arXiv is no finding."""
    assert kb("enrich", "dong2019dual", "-C", base).returncode == 0


def test_a_dry_run_leaves_every_file_as_it_was(server: Server, base: Path) -> None:
    """Neither records nor cache are written."""
    before = files(base / "data")
    done = kb("enrich", "-C", base, "--dry-run")
    assert "changed    dong2019dual: authors" in done.stdout
    assert files(base / "data") == before


def test_four_commands_at_once_make_one_line(server: Server, synced: Path, tmp_path: Path) -> None:
    """Four lists are enriched together: one connection, and never closer than the interval."""
    roots = [shutil.copytree(synced, tmp_path / f"list{n}") for n in range(4)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "kb", "enrich", "-C", str(root)],
            env=os.environ | {"KB_ARXIV_INTERVAL": "0.05"},
            stdout=subprocess.DEVNULL,
        )
        for root in roots
    ]
    assert [process.wait(120) for process in running] == [1] * 4
    assert len(server.state.log) >= 8
    assert server.state.most_active == 1
    assert server.state.most_connected == 1
    assert min(server.state.gaps()) >= 0.05


def test_a_run_that_is_cut_off_goes_on_where_it_stopped(server: Server, whole: Path) -> None:
    """ArXiv goes down among the searches: exit 4, records as they were, and nothing asked twice."""
    plain = kb("enrich", "-C", shutil.copytree(whole, whole.parent / "plain"))
    needed = len(server.state.log)
    server.state.log.clear()
    records = (whole / "data" / "papers.yaml").read_bytes()
    server.state.faults += ["", "", "429-long"]
    done = kb("enrich", "-C", whole)
    assert done.returncode == 4
    assert "asks to wait 3600 s" in done.stderr
    assert (whole / "data" / "papers.yaml").read_bytes() == records
    again = kb("enrich", "-C", whole)
    assert again.stdout == plain.stdout
    assert len(server.state.log) == needed + 1


def test_without_a_network_it_says_so_within_two_attempts(base: Path, tmp_path: Path) -> None:
    """Where nothing listens, waiting longer does not help."""
    done = kb(
        "enrich",
        "-C",
        base,
        cache=tmp_path / "cache",
        KB_ARXIV_ENDPOINT="http://127.0.0.1:9/api/query",
        KB_ARXIV_INTERVAL="0.01",
    )
    assert done.returncode == 4
    assert "2 attempts (last: no connection)" in done.stderr


@pytest.mark.parametrize("value", ["nan", "-1", "soon", "inf"])
def test_a_pace_that_is_no_pace_is_refused(base: Path, value: str) -> None:
    """`KB_ARXIV_INTERVAL` cannot switch the pacing off by nonsense."""
    done = kb("enrich", "-C", base, KB_ARXIV_INTERVAL=value)
    assert done.returncode == 2
    assert "KB_ARXIV_INTERVAL" in done.stderr


def test_arxiv_itself_is_never_asked_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the tests does not shorten the pause before arXiv's own hosts."""
    from kb.enrich.polite import interval  # noqa: PLC0415

    monkeypatch.setenv("KB_ARXIV_INTERVAL", "0")
    hosts = ["export.arxiv.org", "arxiv.org", "OAIPMH.arxiv.org"]
    assert [interval(f"https://{host}/x") for host in hosts] == [INTERVAL] * 3
    assert interval("http://notarxiv.org/x") == 0


def test_without_oai_the_others_are_filled(server: Server, base: Path) -> None:
    """Suspected withdrawals and an OAI that answers 404: `confirmed` is null, the rest is done."""
    done = kb("enrich", "-C", base, "--json", KB_ARXIV_OAI=f"{server.address}/nowhere")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["unreachable"] is False
    assert {row["confirmed"] for row in report["withdrawn"]} == {None}
    assert "dong2019dual" in {row["id"] for row in report["changed"]}
    records = (base / "data" / "papers.yaml").read_text()
    assert "status: withdrawn" not in records
    asked = [row for row in server.state.log if "/nowhere" in row["path"]]
    assert len(asked) == 1
    again = json.loads(kb("enrich", "-C", base, "--json").stdout)  # OAI is back: it is asked
    assert {row["id"]: row["confirmed"] for row in again["withdrawn"]}["made2099withdrawn"] is True


@pytest.mark.parametrize("kills", [4])
def test_a_run_killed_at_any_moment_leaves_whole_files(
    server: Server, base: Path, kills: int
) -> None:
    """Kill -9 during a run: every file is as it was or as it should be, and the next run goes on."""
    call = [sys.executable, "-m", "kb", "enrich", "-C", str(base)]
    for number in range(kills):
        with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(0.4 + 0.3 * number)
            run.kill()
        cache = base / "data" / "arxiv.json"
        assert not cache.exists() or json.loads(cache.read_text())["version"] == 1
    assert kb("enrich", "-C", base).returncode == 1
    assert kb("enrich", "dong2019dual", "-C", base, "--json").returncode == 0
