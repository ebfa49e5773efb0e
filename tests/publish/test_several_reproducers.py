"""Pages show who ran what, contradictions, answers, and the commit that stated a claim."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from kb.publish import exports, publishing
from kb.records import Library
from tests.publish.test_log import run

PAGES = ("reproductions/index.md", "papers/kestrel2021boats.md")
ANSWER = "        answers: [{says: disputes, by: Ada Kestrel, url: 'https://example.org/a', date: '2024-06-01', text: 'Too <short>.'}]\n"


def git(folder: Path, *words: str, day: str) -> str:
    """Run git there on a day."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    env = {"GIT_AUTHOR_DATE": f"{day}T00:00:00Z", "GIT_COMMITTER_DATE": f"{day}T00:00:00Z", "PATH": "/usr/local/bin:/usr/bin:/bin"}  # fmt: skip
    done = subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True, capture_output=True, text=True)  # fmt: skip
    return done.stdout.strip()


def committed(folder: Path, day: str = "2024-01-01") -> str:
    """The folder as a repository whose second commit, of a day, has the records; that commit."""
    git(folder, "init", "-q", day=day)
    git(folder, "commit", "-q", "--allow-empty", "-m", "begin", day=day)
    git(folder, "add", "-A", day=day)
    git(folder, "commit", "-q", "-m", "claims", day=day)
    return git(folder, "rev-parse", "HEAD", day=day)


def measured(folder: Path, by: str | None, full: float, mean: float) -> None:
    """Six worlds of both variants, by someone."""
    for variant, base in (("full", full), ("mean", mean)):
        for seed in range(6):
            run(folder, variant, seed, "2024-04-01", base + seed % 2)
            path = folder / "data/results/paper-boats" / f"paper-boats-{variant}-{seed}.json"
            if by:
                document = json.loads(path.read_text(encoding="utf-8"))
                document |= {"by": by, "id": f"{path.stem}.{by.lower()}"}
                path.with_name(f"{document['id']}.json").write_text(json.dumps(document))


@pytest.fixture
def pages(copy: Path, tmp_path: Path):
    """The text of a page of the changed copy by its path."""

    def publish():
        publishing.publish(Library.open(copy), tmp_path / "out", mkdocs=False)
        return lambda path: (tmp_path / "out" / "docs" / path).read_text(encoding="utf-8")

    return publish


def test_verdicts_stand_side_by_side_with_their_contradiction(copy: Path, pages) -> None:
    """On the paper's page and among the reproductions, with machine, date and interval."""
    measured(copy, "Bo", 300.0, 380.0)
    measured(copy, None, 380.0, 300.0)
    page = pages()
    for path in PAGES:
        text = page(path)
        assert '<li><span class="v holds">holds</span> by this knowledge base: +80.0' in text
        assert '<li><span class="v fails">opposite</span> by Bo: −80.0' in text
        assert "6 worlds, " in text
        assert "the verdicts of this knowledge base and Bo cannot both be right" in text


def test_claims_are_filtered_by_who_ran_them(copy: Path, pages) -> None:
    """Each reproducer is a choice of the form, and each row names its own."""
    measured(copy, "Bo Li", 300.0, 380.0)
    measured(copy, None, 380.0, 300.0)
    text = pages()("reproductions/index.md")
    assert '<select name="by">' in text
    assert '<option value="bo-li">Bo Li (1)</option>' in text
    assert 'data-by="this-knowledge-base bo-li"' in text


def test_one_reproducer_needs_no_list(copy: Path, pages) -> None:
    """The knowledge base's own runs alone are shown as ever."""
    measured(copy, None, 380.0, 300.0)
    page = pages()
    assert not any("reproducers" in page(path) for path in PAGES)


def test_an_answer_stands_below_its_claim_as_text(copy: Path, pages) -> None:
    """Who, what and where; markup in it is shown, not read."""
    papers = copy / "data" / "papers.yaml"
    line = "        than: [mean]\n"
    papers.write_text(papers.read_text("utf-8").replace(line, line + ANSWER), "utf-8")
    page = pages()
    for path in PAGES:
        assert "Ada Kestrel, an author, disputes this verdict: Too &lt;short&gt;." in page(path)
        assert '<a href="https://example.org/a" rel="noopener">2024-06-01</a>' in page(path)


def test_a_claim_shows_its_commit_and_that_no_run_is_older(copy: Path, pages) -> None:
    """A link where the repository is known; without git the page says that nothing is known."""
    measured(copy, None, 380.0, 300.0)
    assert "Not known when it was recorded: there is no git history here." in pages()(PAGES[0])
    with (copy / "site" / "mkdocs.yml").open("a", encoding="utf-8") as file:
        file.write("\nextra: {repository: 'https://git.example.org/k/list'}\n")
    commit = committed(copy)
    text = pages()(PAGES[1])
    link = f'<a href="https://git.example.org/k/list/commit/{commit}" rel="noopener"><code>{commit[:10]}</code></a>'
    assert f"Recorded in commit {link}, 2024-01-01; every run is newer." in text


def test_a_changed_claim_is_to_be_run_again(copy: Path, pages) -> None:
    """Its runs no longer count, and the page says what they gave."""
    measured(copy, None, 380.0, 300.0)
    committed(copy)
    papers = copy / "data" / "papers.yaml"
    papers.write_text(re.sub(r"( +)than: \[mean\]\n", r"\g<0>\1margin: 50.0\n", papers.read_text("utf-8")), "utf-8")  # fmt: skip
    git(copy, "commit", "-q", "-a", "-m", "another margin", day="2024-05-01")
    page = pages()
    for path in PAGES:
        assert '<span class="v none">to be run again</span>' in page(path)
        assert "The claim changed after its runs, which gave: holds." in page(path)
    assert "changed after its runs, and is to be run again" in page(PAGES[1]) or "not tested yet" in page(PAGES[1])  # fmt: skip


def test_exports_name_the_reproducers(copy: Path) -> None:
    """In the CSV of claims, and `by` in the JSON of runs."""
    measured(copy, "Bo", 300.0, 380.0)
    measured(copy, None, 380.0, 300.0)
    csv = exports.export(Library.open(copy), "csv-claims")
    assert "this knowledge base: holds; Bo: opposite" in csv
    assert "this knowledge base and Bo" in csv
    runs = json.loads(exports.export(Library.open(copy), "json"))["runs"]
    assert sum(one.get("by") == "Bo" for one in runs) == 12
