"""Whatever a server or a list says, a report stays a report."""

import json

import pytest

from kb.links.check import LinkReport
from kb.links.report import FORMATS, failing, render
from kb.links.verdict import Result, Verdict
from tests.links.conftest import Look
from tests.servers.web import Web

HOSTILE = "x|y\n::error::pwned %0A <script> @someone [z](http://b.test) \u202e `code`"


def report(*results: Result) -> LinkReport:
    """A run that found this."""
    return LinkReport(list(results), 1.0)


def test_a_row_of_markdown_stays_a_row() -> None:
    """No pipe, tag, mention or line end of a server ends a cell or becomes markup."""
    found = Result("http://a.test/`|x", Verdict.SUSPECT, HOSTILE)
    row = render(report(found), "markdown", "list.md").split("\n")[-1]
    assert row.count("|") - row.count("\\|") == 5
    assert "<script>" not in row
    assert "@" not in row
    assert "[z]" not in row.replace("\\[z]", "")


def test_an_annotation_stays_one_line() -> None:
    """A line end in a reason cannot begin another workflow command."""
    found = Result("http://a.test/", Verdict.SUSPECT, HOSTILE, places=[(3, 5)])
    lines = render(report(found), "github", "a,b:c.md").split("\n")
    assert [line.startswith("::") for line in lines] == [True, False]
    assert "file=a%2Cb%3Ac.md,line=3,col=5" in lines[0]


def test_annotations_end_at_ten_of_a_level() -> None:
    """GitHub shows ten; the last one says how many there are more."""
    found = [Result(f"http://a.test/{n}", Verdict.DEAD, "gone") for n in range(14)]
    lines = render(report(*found), "github", "list.md").split("\n")
    assert len([line for line in lines if line.startswith("::error")]) == 10
    assert lines[9] == "::error title=links::and 5 more"


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_found_is_told_too(form: str) -> None:
    """An empty run is a whole document in every form."""
    whole = render(report(), form, "list.md")
    assert whole
    if form in {"json", "sarif"}:
        json.loads(whole)


def test_a_page_cannot_steer_the_terminal(web: Web, look: Look) -> None:
    """Control characters of a title are not passed on."""
    found = look(web.url("escapes")).results[0]
    assert found.verdict == "suspect"
    assert found.reason is not None
    assert found.reason.isprintable()


@pytest.mark.parametrize(
    ("verdict", "usual", "strict"),
    [
        ("dead", True, True),
        ("invalid", True, True),
        ("refused", True, True),
        ("suspect", False, True),
        ("timeout", False, True),
        ("rate_limited", False, True),
        ("blocked", False, False),
        ("moved", False, False),
        ("skipped", False, False),
        ("ok", False, False),
    ],
)
def test_what_fails_a_run(verdict: str, usual: bool, strict: bool) -> None:
    """What a maintainer must hint; with --strict also what may be on its way there."""
    found = report(Result("http://a.test/", Verdict(verdict)))
    assert (failing(found), failing(found, strict=True)) == (usual, strict)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_an_archived_repository_is_told(form: str) -> None:
    """A link that is well and has something to say is shown to people; one that has not is not."""
    archived = Result("https://github.com/a/b", Verdict.OK, "archived by its owner: read-only")
    whole = render(report(archived, Result("http://a.test/", Verdict.OK)), form, "list.md")
    assert "archived by its owner: read-only" in whole
    assert "a.test" not in whole
