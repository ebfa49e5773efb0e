"""What a model was written from: on its page, in the tables, in exports."""

import csv
import io
import json
import re
import sqlite3
import subprocess
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from kb.publish import exports, publishing, repository
from kb.records import KBError, Library
from kb.records.basis import BASES, MEANING

READ, GUESSES = BASES[:2], BASES[2:]


@pytest.fixture(autouse=True)
def no_actions(monkeypatch):
    """As on a laptop."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)


def published(copy, out, basis, settings=""):
    """The pages of the invented list, its model of this basis: name -> text."""
    papers = copy / "data" / "papers.yaml"
    text = papers.read_text(encoding="utf-8")
    papers.write_text(text.replace("basis: written from the paper", f"basis: {basis}"))
    with (copy / "site" / "mkdocs.yml").open("a") as stream:
        stream.write(settings)
    publishing.publish(Library.open(copy), out, mkdocs=False)
    pages = ("papers/kestrel2021boats.md", "papers/index.md", "models.md")
    return [(out / "docs" / page).read_text(encoding="utf-8") for page in pages]


@pytest.mark.parametrize("basis", READ)
def test_a_model_that_was_read_stands_beside_the_papers_numbers(copy, tmp_path, basis):
    """Its basis is named, with what it means; nobody is asked for equations."""
    page, table, models = published(copy, tmp_path, basis)
    assert f"Basis: <b>{basis}</b>" in page
    assert MEANING[basis][1:] in unescape(page)
    assert "equations-wanted" not in page
    assert 'aria-label="Published results"' in page
    assert f'<td data-label="Basis">{basis}</td>' in table
    assert f"<td>{basis}</td>" in models


@pytest.mark.parametrize("basis", GUESSES)
def test_a_model_that_is_a_guess_has_no_published_number_beside_it(copy, tmp_path, basis):
    """Its page says where the numbers are, and asks for the equations in a filled-in issue."""
    address = "extra: {repository: 'https://git.example.org/kestrel/list/'}\n"
    page, table, _ = published(copy, tmp_path, basis, address)
    assert 'aria-label="Published results"' not in page
    assert "benchmarks/harbour/#published" in page
    assert f'<td data-label="Basis">{basis}' in table
    url = urlsplit(unescape(re.search(r'id="equations-wanted".*?href="([^"]+)"', page)[1]))
    assert (url.netloc, url.path) == ("git.example.org", "/kestrel/list/issues/new")
    fields = parse_qs(url.query)
    assert fields["title"] == ["Equations of kestrel2021boats"]
    assert "Folding Sentences into Paper Boats" in fields["body"][0]
    assert f"models/paper_boats.py, {basis}" in fields["body"][0]


def test_without_a_repository_the_request_has_no_link(copy, tmp_path):
    """A list that nobody has pushed yet: the request is there in words."""
    page, *_ = published(copy, tmp_path, GUESSES[0])
    assert 'id="equations-wanted"' in page
    assert "issues/new" not in page


def test_the_papers_can_be_filtered_by_basis(copy, tmp_path):
    """A filter appears where bases differ; its values are those of the rows."""
    _, table, _ = published(copy, tmp_path, GUESSES[0])
    assert '<option value="written-from-the-abstract">written from the abstract (1)' in table
    assert 'data-basis="written-from-the-abstract"' in table
    assert 'data-basis="none"' in table


def test_exports_have_the_basis(invented, tmp_path):
    """CSV, JSON and SQLite, in a field of its own."""
    library = Library.open(invented)
    rows = csv.DictReader(io.StringIO(exports.export(library, "csv"), newline=""))
    whole = json.loads(exports.export(library, "json"))
    path = tmp_path / "kb.sqlite"
    path.write_bytes(exports.export(library, "sqlite"))
    connection = sqlite3.connect(path)
    found = [
        {row["id"]: row["basis"] or None for row in rows},
        {one["id"]: one.get("basis") for one in whole["papers"]},
        dict(connection.execute("SELECT id, basis FROM papers").fetchall()),
    ]
    connection.close()
    assert found[0]["kestrel2021boats"] == "written from the paper"
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/o/n.git", "https://github.com/o/n"),
        ("https://user:secret@github.com/o/n", "https://github.com/o/n"),
        ("git@github.com:o/n.git", "https://github.com/o/n"),
        ("ssh://git@git.example.org/o/n.js", "https://git.example.org/o/n.js"),
        ("/home/somebody/list.git", None),
        ("https://github.com/only-owner", None),
    ],
)
def test_the_repository_is_that_of_the_remote(tmp_path, remote, expected):
    """A path of this machine and a password stay here."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", remote], check=True)
    assert repository.address(tmp_path, {}) == expected


def test_actions_and_settings_come_before_the_remote(tmp_path, monkeypatch):
    """The setting wins; what is no web address is refused where it stands."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/n")
    assert repository.address(tmp_path, {}) == "https://github.com/o/n"
    assert repository.address(tmp_path, {"repository": "https://x.org/a/b"}) == "https://x.org/a/b"
    with pytest.raises(KBError, match="no web address: 'javascript:alert"):
        repository.address(tmp_path, {"repository": "javascript:alert(1)"})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], ""),
        (["open"], "Matched in evaluation, by 1 recording; no training step of that code"),
        (["train.open"], "Matched over five training steps, by 1 recording."),
        (
            ["open", "one.open", "train.open"],
            "by 2 recordings, and over five training steps, by 1.",
        ),
    ],
)
def test_a_page_says_whether_training_was_held_against_the_released_code(
    copy, tmp_path, files, said
):
    """Counted by the recordings that lie beside the tests; none is said nothing of."""
    folder = copy / "tests" / "data" / "parity"
    folder.mkdir(parents=True)
    for name in files:
        (folder / f"paper-boats.{name}.npz").touch()
    page, *_ = published(copy, tmp_path, "official code matched")
    assert ("Matched" in page) == bool(files)
    assert said in page
