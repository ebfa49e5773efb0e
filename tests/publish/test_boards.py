"""Leaderboards: best first, one row per model and condition, nothing ranked without a source."""

import csv
import io

import pytest

from kb.publish import boards, frontier, number_source, protocols
from kb.publish.exports import leaderboard
from kb.records import Paper, Published

BASE = {
    "dataset": "harbour",
    "test_split": "quay",
    "train_split": "9000",
    "direction": "t2v",
    "captions_per_video": 1,
    "gallery": 1000,
    "pretraining": "none",
    "postproc": "none",
    "metrics": {"R@1": 10.0},
    "reported_by": "author_repo",
    "source": "boats/rafts README.md",
}


def board(*rows):
    """The leaderboard of (paper number, changes of the base row); a paper's year is 2015 + number."""
    papers = {n: Paper(id=f"p{n}", title=f"Paper {n}", year=2015 + n) for n, _ in rows}
    published = {}
    for n, changes in rows:
        published.setdefault(f"p{n}", []).append(Published.model_validate(BASE | changes))
    (test,) = protocols.tests(papers.values(), published, "harbour")
    return boards.board(test, "benchmarks/harbour/quay-t2v/")


def scores(value, **more):
    """A row of R@1 = value."""
    return {"metrics": {"R@1": value}, **more}


def placed(found):
    """(paper, position, R@1) of each entry."""
    return [(one.row.paper.id, one.position, one.value("R@1")) for one in found.entries]


def test_the_best_number_stands_first_and_equals_share_a_position():
    """Whatever the order of the records; the next position counts the equals."""
    found = board((1, scores(8)), (2, scores(20)), (3, scores(8)), (4, scores(5)))
    assert placed(found) == [("p2", 1, 20), ("p1", 2, 8), ("p3", 2, 8), ("p4", 4, 5)]


def test_a_smaller_median_rank_is_better():
    """A test that reports MedR alone is ordered by it, upwards."""
    found = board((1, {"metrics": {"MedR": 9}}), (2, {"metrics": {"MedR": 3}}))
    assert [one.row.paper.id for one in found.ranked] == ["p2", "p1"]


def test_other_reports_fold_under_their_model_and_condition():
    """Two reports of one condition are one row of the better; another condition is its own row."""
    found = board(
        (1, scores(20)), (1, scores(24)), (1, scores(30, pretraining="CLIP")), (2, scores(1))
    )
    assert placed(found) == [("p1", 1, 30), ("p1", 2, 24), ("p2", 3, 1)]
    assert [len(one.others) for one in found.entries] == [0, 1, 0]


def test_a_rerun_by_others_never_stands_for_a_model_that_has_its_own_number():
    """It is folded even where it is better."""
    rerun = scores(40, reported_by="third_party", variant="re-run by others")
    assert placed(board((1, scores(20)), (1, rerun), (2, scores(3))))[0] == ("p1", 1, 20)


def test_post_processing_makes_a_row_of_its_own():
    """A dual softmax sees all queries: its number never stands for the plain model."""
    found = board((1, scores(20)), (1, scores(30, postproc="dual softmax")), (2, scores(1)))
    assert [one.report.postproc for one in found.entries] == ["dual softmax", None, None]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (scores(90, source="a note"), "no public source"),
        ({"metrics": {"R@5": 90}}, "no R@1 reported"),
        (scores(90, note="input is cut into the annotated clips"), "uses the annotated"),
    ],
)
def test_what_cannot_be_ranked_stands_below_with_its_reason(changes, reason):
    """Even the highest number."""
    last = board((1, scores(20)), (2, scores(3)), (3, changes)).entries[-1]
    assert (last.row.paper.id, last.position) == ("p3", None)
    assert last.unranked.startswith(reason)


def test_the_best_of_each_condition_is_marked():
    """Without, with, zero-shot, not stated: each has one best."""
    found = board(
        (1, scores(40, pretraining="CLIP")),
        (2, scores(30, pretraining="CLIP")),
        (3, scores(20)),
        (4, scores(9, pretraining="CLIP", train_split="none (zero-shot)")),
        (5, scores(8, pretraining=None)),
    )
    marks = {one.row.paper.id: one.best for one in found.entries if one.best}
    assert marks == {
        "p1": "best",
        "p3": "best, no extra pre-training",
        "p4": "best, zero-shot",
        "p5": "best, pre-training not stated",
    }
    assert found.leader("none").row.paper.id == "p3"
    assert found.leader("pre").row.paper.id == "p1"


def test_image_classification_is_no_extra_pre_training():
    """A network trained on labels has seen no text."""
    (entry, _) = board((1, scores(20, pretraining="ImageNet CNN")), (2, scores(1))).entries
    assert entry.condition.kind == "none"


def test_anchors_are_unique():
    """One paper may have several rows of one kind."""
    found = board(*((1, scores(n, pretraining=f"corpus {n}")) for n in range(4)), (2, scores(1)))
    assert len({one.id for one in found.entries}) == 5


@pytest.mark.parametrize(
    ("source", "url"),
    [
        (
            "boats/rafts README.md (numbers differ)",
            "https://github.com/boats/rafts/blob/HEAD/README.md",
        ),
        (
            "boats/rafts README.md (commit 7eb3b9d), mean of 3",
            "https://github.com/boats/rafts/blob/7eb3b9d/README.md",
        ),
        ("issue boats/rafts#26 (a user)", "https://github.com/boats/rafts/issues/26"),
        ("Raft paper (arXiv 1907.13487v2), Table 2", "https://arxiv.org/abs/1907.13487v2"),
        ("a blog", None),
    ],
)
def test_a_source_leads_to_what_it_names(source, url):
    """A file of a repository, an issue, an arXiv id; nothing is guessed."""
    row = Published.model_validate(BASE | {"source": source})
    assert number_source.source_of(Paper(id="p1", title="P"), row).url == url


def test_what_a_paper_says_of_itself_is_found_in_the_paper():
    """Its DOI is the address of `the paper, Table 2`."""
    row = Published.model_validate(BASE | {"source": "the paper", "reported_by": "paper"})
    paper = Paper(id="p1", title="P", ids={"doi": "10.5555/p"})
    assert number_source.source_of(paper, row).url == "https://doi.org/10.5555/p"


def test_the_csv_has_a_line_for_every_report_and_clean_columns():
    """Numbers are numbers, a formula is text, what is folded has its entry's name and no position."""
    made = board((1, scores(20.5)), (1, scores(18, variant="=1+1")), (2, scores(3)))
    rows = list(csv.DictReader(io.StringIO(leaderboard.csv_text([made]))))
    assert [(row["entry"], row["position"], row["R@1"]) for row in rows] == [
        ("p1-none", "1", "20.5"),
        ("p1-none", "", "18"),
        ("p2-none", "2", "3"),
    ]
    assert rows[1]["variant"] == "'=1+1"
    assert rows[0]["source_url"].startswith("https://github.com/boats/rafts/")


def test_the_frontier_names_what_set_a_new_best():
    """Every mark leads to its row; only new bests have a label; too few points draw nothing."""
    found = board((1, scores(5)), (2, scores(9)), (3, scores(7)), (4, scores(20, pretraining="X")))
    svg = str(frontier.frontier(found, lambda one: one.row.paper.id))
    wide = svg.partition('class="narrow"')[0]
    assert wide.count("<a href=") == 4
    for name, labelled in (("p1", True), ("p2", True), ("p3", False), ("p4", True)):
        assert (f">{name} <tspan" in wide) is labelled, name
        assert f'href="#{name}-' in wide
    assert frontier.frontier(board((1, scores(5)), (2, scores(9))), lambda _: "") == ""


def test_tests_of_few_rows_share_a_page_and_addresses_are_short():
    """The main test has its own page whatever its size."""
    rows = [(1, {}), (2, {}), (3, {}), (4, {"direction": "v2t"}), (5, {"gallery": 50})]
    papers = [Paper(id=f"p{n}", title="P") for n, _ in rows]
    published = {f"p{n}": [Published.model_validate(BASE | changes)] for n, changes in rows}
    made = boards.boards("harbour", protocols.tests(papers, published, "harbour"))
    assert [(one.path, one.shared) for one in made] == [
        ("benchmarks/harbour/quay-t2v/", False),
        ("benchmarks/harbour/other-tests/", True),
        ("benchmarks/harbour/other-tests/", True),
    ]
