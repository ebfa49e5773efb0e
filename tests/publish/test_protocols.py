"""Published numbers keep to their protocols."""

import pytest

from kb.publish import protocols
from kb.records import Dataset, Library, Paper, Published

BASE = {
    "dataset": "harbour",
    "test_split": "quay",
    "train_split": "9000",
    "direction": "t2v",
    "captions_per_video": 1,
    "gallery": 1000,
    "features": "raw frames",
    "pretraining": "none",
    "postproc": "none",
    "metrics": {"R@1": 10.0},
    "reported_by": "paper",
    "source": "a table",
}


def table(*rows):
    """The tests made of one row a paper; a dict changes the base row."""
    papers = [Paper(id=f"paper-{at}", title=f"Paper {at}", year=2020) for at in range(len(rows))]
    results = [Published.model_validate(BASE | row) for row in rows]
    return protocols.tests(
        papers, {p.id: [r] for p, r in zip(papers, results, strict=True)}, "harbour"
    )


@pytest.mark.parametrize(
    "difference",
    [
        {"test_split": "full"},
        {"direction": "v2t"},
        {"captions_per_video": 20},
        {"captions_per_video": None},
        {"gallery": 2000},
        {"gallery": None},
        {"unit": "paragraph-video"},
        {"dataset_detail": "authors' selection"},
    ],
)
def test_what_was_tested_differently_is_in_another_table(difference):
    """A difference in the test itself never leaves two rows in one table."""
    assert [len(test.rows) for test in table({}, difference)] == [1, 1]


@pytest.mark.parametrize(
    "difference",
    [
        {"train_split": "7000"},
        {"features": "experts"},
        {"pretraining": "3M web pairs"},
        {"postproc": "dual softmax"},
    ],
)
def test_what_was_trained_differently_shares_a_table_but_no_rank(difference):
    """Rows under other conditions stand side by side, each alone in its protocol."""
    (test,) = table({}, difference)
    assert [(row.rank, row.unranked) for row in test.rows] == [
        (None, "nothing else under this protocol")
    ] * 2


def test_rows_of_one_protocol_are_ranked_and_equals_share_a_rank():
    """The higher value is first; the same value is the same rank."""
    (test,) = table(
        {"metrics": {"R@1": 9.0}}, {"metrics": {"R@1": 12.0}}, {"metrics": {"R@1": 9.0}}
    )
    assert {row.paper.id: (row.rank, row.of) for row in test.rows} == {
        "paper-0": (2, 3),
        "paper-1": (1, 3),
        "paper-2": (2, 3),
    }


def test_a_lower_median_rank_is_better():
    """Where only MedR is common, the smaller is first."""
    (test,) = table({"metrics": {"MedR": 9.0}}, {"metrics": {"MedR": 3.0}})
    assert {row.paper.id: row.rank for row in test.rows} == {"paper-0": 2, "paper-1": 1}


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        ({"features": None}, "not stated: features"),
        ({"postproc": "unknown"}, "not stated: postproc"),
        ({"train_split": None, "pretraining": None}, "not stated: train split, pretraining"),
    ],
)
def test_a_row_that_leaves_a_condition_out_has_no_rank_and_says_why(gap, said):
    """Unknown equals nothing, not even another unknown."""
    (test,) = table(gap, gap)
    assert {(row.rank, row.unranked) for row in test.rows} == {(None, said)}


def test_one_paper_is_ranked_once_by_its_most_trusted_row():
    """A quotation of a number does not compete with the authors' own row."""
    papers = [Paper(id="one-a", title="A", year=2020), Paper(id="two-b", title="B", year=2021)]
    rows = {
        "one-a": [
            Published.model_validate(
                BASE | {"reported_by": "third_party", "metrics": {"R@1": 50.0}}
            ),
            Published.model_validate(
                BASE | {"reported_by": "author_repo", "metrics": {"R@1": 11.0}}
            ),
        ],
        "two-b": [Published.model_validate(BASE | {"metrics": {"R@1": 12.0}})],
    }
    (test,) = protocols.tests(papers, rows, "harbour")
    assert [(row.result.metrics["R@1"], row.rank, row.unranked) for row in test.rows] == [
        (12.0, 1, None),
        (50.0, None, "the row from the authors' code is ranked"),
        (11.0, 2, None),
    ]


def test_a_benchmark_that_fixes_its_queries_needs_no_caption_count():
    """InfAP over a benchmark's topics is ranked without captions per video or gallery."""
    topics = {"captions_per_video": None, "gallery": None}
    (test,) = table(topics | {"metrics": {"infAP": 0.1}}, topics | {"metrics": {"infAP": 0.2}})
    assert [row.rank for row in test.rows] == [2, 1]
    assert "benchmark's own" in test.facts[0]


def test_anchors_of_a_data_set_are_unique(invented):
    """Two tests never share an address, whatever their names look like."""
    found = table({"test_split": "a b"}, {"test_split": "a-b"}, {"test_split": "A  b!"})
    assert len({test.id for test in found}) == 3
    library = Library.open(invented)
    real = protocols.tests(library.papers, library.published, "harbour")
    assert len({test.id for test in real}) == len(real) == 3


def test_a_model_that_came_with_a_data_set_is_ranked_among_the_papers():
    """Its rows lead to the dataset's page, under the dataset's name."""
    works = [Paper(id="paper2020one", title="One", year=2020, model="one")]
    works.append(Dataset(id="pond", name="Pond", title="Pond, with a model", year=2019))
    rows = [Published.model_validate(BASE | {"metrics": {"R@1": value}}) for value in (9.0, 12.0)]
    published = {work.id: [row] for work, row in zip(works, rows, strict=True)}
    (test,) = protocols.tests(works, published, "harbour")
    assert [(row.model, row.page, row.rank, row.of) for row in test.rows] == [
        ("one", "papers/paper2020one/", 2, 2),
        ("pond", "benchmarks/pond/", 1, 2),
    ]
