"""Each rule finds what it should in invented lists, where it should, and stays silent otherwise."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from kb.checks import Known, LintFinding, rules
from kb.checks.listing import Listing
from kb.checks.run import check
from kb.records import Paper

DATA = Path(__file__).resolve().parents[1] / "data" / "checks"
HEADING = "## Papers\n\n### 2020\n"


def load(name: str):
    """One YAML file of the data folder."""
    return YAML(typ="safe").load((DATA / name).read_text(encoding="utf-8"))


CASES = [
    pytest.param(rule, case, id=f"{rule}: {case['why']}")
    for rule, cases in load("cases.yaml").items()
    for case in cases
]


@pytest.fixture(scope="module")
def forest() -> Known:
    """Invented records."""
    return Known([Paper.model_validate(paper) for paper in load("forest.yaml")])


def listing_of(case, forest: Known) -> Listing:
    """The list of a case, under the heading that cases leave out."""
    text = case["text"] if case["text"].startswith("#") else HEADING + case["text"]
    return Listing(text, "list.md", known=forest if case.get("records") else None)


def piece(listing: Listing, finding: LintFinding) -> str:
    """What a finding points at."""
    start = listing.starts[finding.line - 1] + finding.col - 1
    return listing.text[start : listing.starts[finding.end_line - 1] + finding.end_col - 1]


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_a_rule_finds_the_offending_pieces_and_nothing_else(rule: str, case, forest: Known) -> None:
    """The findings of the rule point at the pieces of the case, character by character."""
    listing = listing_of(case, forest)
    findings = [f for f in check(listing) if f.rule == rule]
    assert [piece(listing, f) for f in findings] == case["finds"]
    if "lines" in case:
        assert [f.line for f in findings] == case["lines"]
    if "cols" in case:
        assert [f.col for f in findings] == case["cols"]
    if "severity" in case:
        assert {f.severity for f in findings} == {case["severity"]}
    elif case["finds"]:
        (severity,) = [r.severity for r in rules() if r.id == rule]
        assert {f.severity for f in findings} == {severity}


@pytest.mark.parametrize(("rule", "case"), [c for c in CASES if "fixed" in c.values[1]])
def test_the_suggestion_is_the_line_as_it_should_stand(rule: str, case, forest: Known) -> None:
    """Every hint of the line is in the suggestion, and with it in place the rule is content."""
    listing = listing_of(case, forest)
    finding = next(f for f in check(listing) if f.rule == rule)
    only = [r for r in rules() if r.id == rule]
    (alone,) = {f.suggestion for f in check(listing, only) if f.line == finding.line}
    assert alone == case["fixed"]
    lines = listing.text.split("\n")
    first, last = finding.replaces
    lines[first - 1 : last] = finding.suggestion.split("\n")
    fixed = Listing("\n".join(lines), "list.md", known=listing.known)
    assert [f for f in check(fixed, only) if f.line == finding.line] == []


def test_every_rule_has_cases_on_both_sides() -> None:
    """Each rule of the catalogue has at least three lists it speaks of and three it must not."""
    cases = load("cases.yaml")
    assert set(cases) == {rule.id for rule in rules()}
    spoken = {rule: sum(bool(c["finds"]) for c in cases[rule]) for rule in cases}
    silent = {rule: sum(not c["finds"] for c in cases[rule]) for rule in cases}
    assert {rule: n for rule, n in spoken.items() if n < 3} == {}
    assert {rule: n for rule, n in silent.items() if n < 3} == {}


TWICE = """## Papers

### 2020

* `[Rook et al. CVPR20]` Counting Nests in Video. CVPR, 2020. [[paper]](https://example.org/a.pdf)

### 2021

* `[Rook et al. TPAMI21]` Counting Nests in Video. TPAMI, 2021. [[paper]](https://example.org/b.pdf)
"""


@pytest.mark.parametrize("extends", [True, False])
def test_a_journal_version_that_extends_a_conference_paper_is_no_duplicate(extends) -> None:
    """The records' lineage tells two works of one title apart; without it a person is asked."""
    shared = {"title": "Counting Nests in Video", "authors": ["Rita Rook"]}
    first = {"id": "rook2020nests", "venue": "CVPR", "year": 2020}
    later = {"id": "rook2021nests", "venue": "TPAMI", "year": 2021}
    later |= {"extends": "rook2020nests"} if extends else {}
    known = Known([Paper.model_validate(shared | one) for one in (first, later)])
    findings = [
        f for f in check(Listing(TWICE, "list.md", known=known)) if f.rule == "duplicate_entry"
    ]
    assert [f.severity for f in findings] == ([] if extends else ["warning"])
    assert all("extends" in f.message for f in findings)
