"""Ten pull requests as contributors send them: each gets the comment that was read and kept."""

from pathlib import Path

import pytest
import yaml

from kb.bot.comment import FORMED
from kb.bot.report import parse
from tests.bot.pulls import PULLS, cases, judged, papers, shown


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_pull_request_gets_its_comment(place: Path, path: Path) -> None:
    """The comment is, byte for byte, the one beside the pull request."""
    with papers() as endpoint:
        report = judged(place, path, endpoint)
    assert shown(report) == path.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["02-only-two-links", "10-in-another-lists-form"])
def test_the_line_that_is_offered_passes_the_check(place: Path, name: str) -> None:
    """Whoever takes the whole line that is offered has nothing left to fix in it."""
    case = yaml.safe_load((PULLS / f"{name}.yaml").read_text(encoding="utf-8"))
    with papers() as endpoint:
        report = judged(place, PULLS / f"{name}.yaml", endpoint)
        whole = [f for f in report.findings if f.suggestion and f.rule in FORMED]
        assert whole
        case["lines"] = [row.suggestion for row in whole]
        fixed = place.parent / "again.yaml"
        fixed.write_text(yaml.safe_dump(case, allow_unicode=True), encoding="utf-8")
        again = judged(place, fixed, endpoint)
    assert (again.count("error"), again.count("warning")) == (0, 0)


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_report_is_accepted_by_the_half_that_posts(place: Path, path: Path) -> None:
    """What one half writes the other half reads, without loss."""
    with papers() as endpoint:
        report = judged(place, path, endpoint)
    assert parse(report.as_json().encode()) == report
