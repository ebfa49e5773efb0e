"""The first list: what a person finds wrong in it, line by line, and nothing else."""

from collections import Counter
from pathlib import Path

import pytest

from kb.checks import Known, LintFinding
from kb.checks.listing import Listing
from kb.checks.run import check
from kb.lists import Venues
from kb.records import Dataset, Paper

ROOT = Path(__file__).resolve().parents[2]
SEED = (ROOT / "tests" / "data" / "lists" / "seed.md").read_text(encoding="utf-8")
RECORDS = [
    Paper(id="dong2019dual", title="Dual Encoding for Zero-Example Video Retrieval", year=2019,
          authors=["Jianfeng Dong"], ids={"arxiv": "1809.06181"}),
    Dataset(id="chen2011collecting", name="MSVD", year=2011, authors=["David L. Chen"],
            title="Collecting Highly Parallel Data for Paraphrase Evaluation"),
]  # fmt: skip
# Read off the list itself. Only the last two need a record to be seen.
ERRORS = {
    (58, "paper_link_not_a_paper"),  # the paper link is the repository
    (58, "same_url_paper_and_code"),
    (60, "duplicate_entry"),  # UniVL stands in line 87 too
    (60, "year_section_mismatch"),  # 2020, under 2021
    (62, "year_section_mismatch"),  # 2020, under 2021
    (70, "year_label_text_mismatch"),  # NEUCOM21; Neurocomputing, 2020
    (76, "placeholder_link"),  # [[homepage]](link)
    (82, "title_disagrees_with_url"),  # Retrieval; the address says Matching
    (96, "venue_typo"),  # MBVC
    (106, "arxiv_id_mismatch"),  # 1804.02516 in the text, 1809.06181 in the link
    (111, "author_scrape_error"),  # OtaniEmail
    (129, "shared_paper_url"),  # TGIF's link is that of AVS
    (130, "shared_paper_url"),
    (106, "paper_link_other_paper"),  # 1809.06181 is Dual Encoding
    (127, "author_given_name"),  # David L. Chen
}
WARNINGS = {
    "label_nonstandard": [56, 58, 62, 111],
    "citation_marker": [56, 58, 62],
    "arxiv_pinned_version": [56, 60, 62, 87],
    "title_spacing": [62],  # video+ language
    "http_link": [70, 84, 85, 91, 92, 93, 94, 102, 103, 104, 110, 129, 132, 133],
}
SPACING = [74, 75, 76, 80, 81, 120, 127, 133, 134]


@pytest.fixture(scope="module")
def findings() -> list[LintFinding]:
    """All findings of the list, beside two records."""
    return check(Listing(SEED, "seed.md", venues=Venues.load(ROOT), known=Known(RECORDS)))


def test_every_error_is_found_and_none_is_invented(findings: list[LintFinding]) -> None:
    """The errors of the list, by line and rule."""
    errors = [(f.line, f.rule) for f in findings if f.severity == "error"]

    assert len(errors) == len(set(errors))
    assert set(errors) == ERRORS


def test_without_records_only_what_the_list_itself_shows_is_reported() -> None:
    """Whose id a link is, and which name is given, nobody can know from the list."""
    alone = check(Listing(SEED, "seed.md", venues=Venues.load(ROOT)))

    needs = {(106, "paper_link_other_paper"), (127, "author_given_name")}
    assert {(f.line, f.rule) for f in alone if f.severity == "error"} == ERRORS - needs


def test_warnings_are_where_a_person_sees_them(findings: list[LintFinding]) -> None:
    """The warnings of the list, by rule and lines."""
    lines: dict[str, list[int]] = {}
    for one in findings:
        if one.severity == "warning":
            lines.setdefault(one.rule, []).append(one.line)

    assert lines == WARNINGS


def test_infos_are_spacing_missing_code_and_hosts_without_tls(findings: list[LintFinding]) -> None:
    """24 of 42 paper lines give no code; six addresses are on hosts not known to serve https."""
    infos = Counter(f.rule for f in findings if f.severity == "info")
    spacing = [f.line for f in findings if f.rule == "entry_spacing"]
    bare = [line for line in SEED.split("\n")[53:121] if line.startswith("* `[")]

    assert spacing == SPACING
    assert infos["entry_lacks_code_link"] == sum("[[code]]" not in line for line in bare)
    assert set(infos) == {"entry_spacing", "entry_lacks_code_link", "http_link"}


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        (
            58,
            "* `[Dzabraev et al. arXiv21]` MDMMT: Multidomain Multimodal Transformer for Video Retrieval. arXiv preprint arXiv:2103.10699, 2021. [[paper]](https://arxiv.org/abs/2103.10699) [[code]](https://github.com/papermsucode/mdmmt)",
        ),
        (
            96,
            "* `[Liu et al. BMVC19]` Use What You Have: Video Retrieval Using Representations From Collaborative Experts. BMVC, 2019. [[paper]](https://arxiv.org/abs/1907.13487) [[code]](https://github.com/albanie/collaborative-experts)",
        ),
        (
            111,
            "* `[Otani et al. ECCVW16]` Learning joint representations of videos and sentences with web image search. ECCV Workshop, 2016. [[paper]](https://arxiv.org/pdf/1608.02367)",
        ),
    ],
)
def test_the_suggestion_is_the_whole_line_ready_to_apply(
    findings: list[LintFinding], line: int, fixed: str
) -> None:
    """Each suggestion for a line contains all of its fixes."""
    suggestions = {f.suggestion for f in findings if f.line == line and f.suggestion}

    assert suggestions == {fixed}
