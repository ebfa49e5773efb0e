"""Claims judged by reproducer, answers of authors, and runs that are older than their claim."""

import json
from types import SimpleNamespace

import pytest

from kb.cli import run as kb
from kb.records import Claim, Run
from kb.records.statements import Stated, digest
from kb.repro import claims_text, side_by_side
from tests.publish.conftest import INVENTED, copy  # noqa: F401  (a fixture)
from tests.publish.test_log import run as record_run
from tests.repro.test_claims import PLAIN, stored

BETTER = [30, 31, 32, 30, 31, 32]
WORSE = [20, 21, 22.5, 20, 21, 22]


class History:
    """A history in which every claim was stated on one day."""

    def __init__(self, day: str = "2025-01-01") -> None:
        self.day = day

    def of(self, claim: Claim) -> Stated:
        """Of that day."""
        return Stated(digest(claim), "c" * 40, f"{self.day}T00:00:00+00:00")

    def counted(self, claim: Claim, runs):
        """Those that are not older, or were made under the statement."""
        stated = self.of(claim)
        return [
            run
            for run in runs
            if (run.stated.get(claim.id) == stated.digest if run.stated else stated.precedes(run))
        ]


def by(name, full, other):
    """Runs of both variants by someone."""
    runs = stored(full, other)
    for one in runs:
        one.by = name
    return runs


def judge(runs, claim=PLAIN, day: str = "2025-01-01"):
    """The row of a claim."""
    library = SimpleNamespace(root=None, statements=History(day))
    return side_by_side.judge(library, "m", claim, runs, [])


def test_the_knowledge_bases_verdict_comes_first_and_others_stand_beside_it() -> None:
    """Runs of two people are never mixed, and a contradiction is named."""
    row = judge(by("Ada", WORSE, BETTER) + by(None, BETTER, WORSE) + by("Bo", BETTER[:2], []))
    assert (row["by"], row["verdict"]) == (None, "holds")
    assert [(one["by"], one["verdict"]) for one in row["reproducers"]] == [
        (None, "holds"), ("Ada", "opposite"), ("Bo", "not-run")
    ]  # fmt: skip
    assert row["contradictions"] == [[None, "Ada"]]
    assert row["variants"]["full"]["plain"]["n"] == 6
    text = claims_text.text([row])
    assert "by Ada: opposite, -9.9 (" in text
    assert "6 worlds, a processor, 2026-01-01" in text
    assert "contradiction: the verdicts of this knowledge base and Ada cannot both be right" in text


def test_a_claim_that_only_others_tested_has_their_verdict() -> None:
    """Of several the one over most worlds, under its name."""
    row = judge(by("Ada", BETTER[:2], WORSE[:2]) + by("Bo", BETTER, WORSE))
    assert (row["by"], row["verdict"], row["contradictions"]) == ("Bo", "holds", [])
    assert "m levels: holds, 6 worlds, by Bo" in claims_text.text([row])


def test_a_claim_changed_after_its_runs_is_to_be_run_again() -> None:
    """Its verdict of before is named, and counts no more; runs made under it count."""
    runs = by(None, BETTER, WORSE)
    row = judge(runs, day="2026-06-01")
    assert (row["verdict"], row["before"], row["worlds"]) == ("to-be-run-again", "holds", [])
    text = claims_text.text([row])
    assert "m levels: to be run again" in text
    assert "it changed after its runs, which gave: holds" in text
    for one in runs:
        one.stated = {PLAIN.id: digest(PLAIN)}
    assert judge(runs, day="2026-06-01")["verdict"] == "holds"


def test_the_commit_stands_with_the_claim_and_no_counted_run_is_older() -> None:
    """In the text and in JSON."""
    row = judge(by(None, BETTER, WORSE))
    assert row["stated"]["commit"] == "c" * 40
    assert "stated in cccccccccc, 2025-01-01; no counted run is older" in claims_text.text([row])


def test_an_authors_answer_is_shown() -> None:
    """Who, what, when, where."""
    answer = {"says": "disputes", "by": "A. Rook", "url": "https://example.org/a", "date": "2026-02-02"}  # fmt: skip
    row = judge([], Claim.model_validate(PLAIN.model_dump() | {"answers": [answer]}))
    assert row["answers"] == [answer | {"text": None}]
    assert "author's answer: A. Rook disputes it, 2026-02-02, https://example.org/a" in claims_text.text([row])  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"says": "doubts"}, {"date": "soon"}, {"url": "javascript:1"}, {"mood": "cross"}]
)
def test_a_wrong_answer_is_refused(copy, wrong, capsys) -> None:  # noqa: F811
    """`kb check` names the record and the field."""
    answer = {"says": "confirms", "by": "A. Rook", "url": "https://example.org", "date": "2026-01-01"}  # fmt: skip
    papers = copy / "data" / "papers.yaml"
    text = papers.read_text(encoding="utf-8")
    line = "        than: [mean]\n"
    told = f"{line}        answers: [{json.dumps(answer | wrong)}]\n"
    papers.write_text(text.replace(line, told), encoding="utf-8")
    assert kb(["-C", str(copy), "check"]) == 1
    assert "kestrel2021boats: claims.0.answers.0" in capsys.readouterr().out


def test_the_command_shows_runs_of_another_reproducer(copy, capsys) -> None:  # noqa: F811
    """Records with `by` on disk, no git: both verdicts, and that nothing is known of its age."""
    for variant, sumr in (("full", 380.0), ("mean", 300.0)):
        for seed in range(6):
            record_run(copy, variant, seed, "2024-04-01", sumr + seed % 2)
            path = copy / "data/results/paper-boats" / f"paper-boats-{variant}-{seed}.json"
            document = json.loads(path.read_text(encoding="utf-8"))
            document |= {"by": "Ada", "id": f"{path.stem}.ada", "metrics": {**document["metrics"], "SumR": 700 - document["metrics"]["SumR"]}}  # fmt: skip
            Run.model_validate(document)
            path.with_name(f"{document['id']}.json").write_text(json.dumps(document))
    assert kb(["-C", str(copy), "claims", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert [one["verdict"] for one in row["reproducers"]] == ["holds", "opposite"]
    assert row["stated"]["note"] == "there is no git history here"
    assert row["contradictions"] == [[None, "Ada"]]
