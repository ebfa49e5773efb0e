"""Ten pull requests as contributors send them: each gets the comment that was read and kept."""

from pathlib import Path

import pytest
import yaml

from kb.bot.report import parse
from tests.bot.pulls import cases, judged, papers, said


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_pull_request_gets_its_comment(place: Path, path: Path) -> None:
    """The comment is, byte for byte, the one beside the pull request."""
    with papers() as endpoint:
        report = judged(place, path, endpoint)
    assert said(report) == path.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_the_line_that_is_offered_passes_the_check(place: Path, path: Path) -> None:
    """Whoever takes every offered line has no error left that the offer could have mended."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    with papers() as endpoint:
        report = judged(place, path, endpoint)
        whole = [
            f
            for f in report.findings
            if f.suggestion and f.rule in {"required_field", "entry_form"}
        ]
        if not whole:
            pytest.skip("no whole line is offered here")
        case["lines"] = [found.suggestion for found in whole]
        again = path.with_name("again.yaml")
        mended = place.parent / again.name
        mended.write_text(yaml.safe_dump(case, allow_unicode=True), encoding="utf-8")
        assert judged(place, mended, endpoint).count("error") == 0


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_report_is_accepted_by_the_half_that_posts(place: Path, path: Path) -> None:
    """What one half writes the other half reads, without loss."""
    report = judged(place, path)
    assert parse(report.as_json().encode()) == report
