"""The page that says why two numbers do not compare."""

from pathlib import Path

from kb.publish import pages, protocols
from kb.publish.pages.comparable import comparable
from kb.records import Library, Paper, Published

ROOT = Path(__file__).resolve().parents[2]


def test_each_dataset_has_its_tests_and_a_pair() -> None:
    """Every named test of MSR-VTT is in the table; a pair of numbers says what keeps it apart."""
    site = pages.Site(Library.open(ROOT), name="A list", description="")
    page = comparable(site)
    for name in ("full", "1k-A", "1k-B", "MVEB", "MMEB-V2", "660 first captions"):
        assert f">{name}<" in page
    assert "<li>test split: " in page
    assert page.count("They do not compare:") >= 3


def test_a_foreign_protocol_never_shares_a_table_with_1k_a() -> None:
    """Rows of MVEB and of 1k-A are in two tests, and none is ranked beside the other."""
    row = {
        "dataset": "msrvtt", "direction": "t2v", "captions_per_video": 1, "train_split": "9k",
        "features": "x", "pretraining": "none", "postproc": "none", "reported_by": "paper",
        "source": "a table", "metrics": {"R@1": 40.0},
    }  # fmt: skip
    sizes = {"1k-A": 1000, "MVEB": 879, "MMEB-V2": 1000}
    papers = [Paper(id=f"paper-{n}", title=f"Paper {n}", year=2024) for n in range(len(sizes))]
    published = {
        paper.id: [Published.model_validate(row | {"test_split": name, "gallery": size})]
        for paper, (name, size) in zip(papers, sizes.items(), strict=True)
    }
    tests = protocols.tests(papers, published, "msrvtt")
    assert sorted(len(test.rows) for test in tests) == [1, 1, 1]
    assert {one.rank for test in tests for one in test.rows} == {None}
