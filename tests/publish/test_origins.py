"""Links to edit a page's data and to read its history: where a repository is known, else none."""

import json
import re

import pytest

from kb.publish import publishing
from kb.publish.sources import Origins
from kb.records import Library
from tests.publish.conftest import ROOT

REPOSITORY = "https://forge.example/someone/videos"


def footer(page):
    """Text and address of the links in a page's footer."""
    html = page.read_text(encoding="utf-8").partition('<footer class="kb-foot">')[2]
    return {text: href for href, text in re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', html)}


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """The invented knowledge base with a repository and a hand-written page, published."""
    import shutil  # noqa: PLC0415  (one use)

    folder = tmp_path_factory.mktemp("linked")
    root = shutil.copytree(ROOT / "tests" / "data" / "kb", folder / "kb")
    settings = root / "site" / "mkdocs.yml"
    settings.parent.mkdir(exist_ok=True)
    old = settings.read_text(encoding="utf-8") if settings.exists() else ""
    settings.write_text(f"{old}\nextra:\n  repository: {REPOSITORY}/\n", encoding="utf-8")
    (root / "site" / "pages").mkdir()
    (root / "site" / "pages" / "ours.md").write_text("# Ours\n", encoding="utf-8")
    publishing.publish(Library.open(root), folder / "out", strict=True)
    return folder / "out" / "site", root


def test_a_papers_page_leads_to_the_line_of_its_record_and_to_its_model(linked):
    """Edit opens the file at the record; history is that of the file."""
    site, root = linked
    links = footer(site / "papers" / "kestrel2021boats" / "index.html")
    path, _, line = links["Edit this page"].partition("#L")
    assert path == f"{REPOSITORY}/edit/HEAD/data/papers.yaml"
    lines = (root / "data" / "papers.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[int(line) - 1].strip() == "- id: kestrel2021boats"
    assert links["History"] == f"{REPOSITORY}/commits/HEAD/data/papers.yaml"
    assert links["Edit the model"] == f"{REPOSITORY}/edit/HEAD/models/paper_boats.py"
    assert links["History of the model"] == f"{REPOSITORY}/commits/HEAD/models/paper_boats.py"


def test_a_dataset_and_a_hand_written_page_lead_to_their_files(linked):
    """A page of the engine, which is not in this repository, has no link to edit it."""
    site, _ = linked
    assert "data/datasets.yaml#L" in footer(site / "benchmarks/canal/index.html")["Edit this page"]
    ours = footer(site / "ours" / "index.html")
    assert ours["Edit this page"] == f"{REPOSITORY}/edit/HEAD/site/pages/ours.md"
    assert "Edit this page" not in footer(site / "method" / "index.html")


def test_without_a_repository_there_is_no_dead_link(copy, tmp_path, monkeypatch):
    """Nothing to edit, no history."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    done = publishing.publish(Library.open(copy), tmp_path / "out")
    links = footer(done.site / "papers" / "kestrel2021boats" / "index.html")
    assert not {"Edit this page", "History", "Edit the model", "Repository"} & links.keys()


def test_records_that_are_not_written_a_line_each_have_no_line(tmp_path):
    """JSON is YAML too; the file alone is named."""
    (tmp_path / "papers.yaml").write_text(json.dumps({"papers": [{"id": "a2020b"}]}))
    assert Origins(tmp_path).of("papers.yaml", "a2020b", "none") == {"source": "papers.yaml"}
    assert Origins(tmp_path).of("gone.yaml", "a2020b") == {"source": "gone.yaml"}
