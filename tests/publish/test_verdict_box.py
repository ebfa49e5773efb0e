"""What a paper's page says first."""

import pytest

from kb.publish.evidence_level import EvidenceLevel
from kb.publish.verdict_box import KINDS, MAIN, tally, verdict_box
from kb.repro.claims import WEAKEST
from kb.repro.side_by_side import AGAIN

BARE = EvidenceLevel(0, {"listed": "a file"})
FULL = EvidenceLevel(3, {"listed": "a", "drafted": "b", "implemented": "b", "matched": "c"})


def rows(*verdicts):
    """Claims with these verdicts, the first of them the main one."""
    return [{"verdict": one, "main": at == 0} for at, one in enumerate(verdicts)]


def sentence(*verdicts, level=FULL, published=0, status="active"):
    """The sentence over claims with these verdicts."""
    return verdict_box(rows(*verdicts), level, published=published, status=status).sentence


def test_the_main_claim_comes_first_and_then_the_count():
    """In words, with the verb that fits the number."""
    assert sentence("holds", "holds", "opposite", "undecided") == (
        "The main claim holds on the synthetic benchmark. "
        "Of four claims, two hold, one fails and one is undecided."
    )
    assert sentence("undecided", "cannot-be-shown", "not-run") == (
        "The main claim is undecided on the synthetic benchmark. "
        "Of three claims, two are undecided and one is not tested yet."
    )


def test_claims_that_nobody_tested_are_counted():
    """No verdict is hinted at."""
    assert sentence("not-run", "not-run") == "Two claims stated here, not tested yet."


@pytest.mark.parametrize(
    ("level", "published", "said"),
    [
        (BARE, 0, "Not re-implemented here yet, so nothing of it was tested. No published result"),
        (BARE, 1, "One published result recorded below."),
        (FULL, 12, "Re-implemented here; no claim of it is tested yet. 12 published results"),
    ],
)
def test_a_paper_without_claims_says_what_there_is(level, published, said):
    """Its model, and how many results are recorded."""
    assert said in sentence(level=level, published=published)


def test_a_paper_that_left_says_so():
    """Before anything else."""
    assert sentence("holds", status="removed") == "This paper is removed from the list."
    assert sentence("holds", status="withdrawn") == "This paper is withdrawn."


def test_each_step_of_the_evidence_is_reached_or_not():
    """With what shows it."""
    steps = verdict_box([], FULL, published=0).steps
    assert [(one.done, one.shown_by) for one in steps] == [
        (True, "b"),
        (True, "c"),
        (False, ""),
        (False, ""),
    ]
    drafted = EvidenceLevel(1, {"listed": "a", "drafted": "b"})
    assert verdict_box([], drafted, published=0).steps[0].words == "drafted, not finished"


def test_the_tally_has_a_word_for_every_number():
    """One holds, two hold."""
    assert [one.words for one in tally(rows("holds", "opposite", "opposite", "not-run"))] == [
        "1 holds",
        "2 fail",
        "1 not tested",
    ]


def test_every_verdict_has_a_mark_and_a_sentence():
    """Those that a comparison can end in, and the one of claims without runs."""
    assert set(KINDS) == set(MAIN) == {*WEAKEST, "not-run", AGAIN}
