"""Who ran what."""

import json
from types import SimpleNamespace

import pytest

from kb.records import Run, reproducers
from tests.publish.conftest import INVENTED

RECORD = INVENTED / "data" / "results" / "paper-boats" / "paper-boats-full-1.json"


def test_a_record_without_a_name_is_the_knowledge_bases_own() -> None:
    """Old records stay valid, and are written without the key; a name is kept."""
    document = json.loads(RECORD.read_text(encoding="utf-8"))
    run = Run.model_validate(document)
    assert run.by is None
    assert not {"by", "stated"} & run.model_dump().keys()
    signed = Run.model_validate(document | {"by": "Ada", "stated": {"deep": "0" * 16}})
    assert (signed.by, signed.model_dump()["by"]) == ("Ada", "Ada")


def test_runs_part_by_who_made_them() -> None:
    """The knowledge base first; where it made none, whoever made most comes first."""
    runs = [SimpleNamespace(by=by) for by in ("Bo", "Ada", None, "Bo")]
    assert [(by, len(of)) for by, of in reproducers.split(runs).items()] == [
        (None, 1), ("Ada", 1), ("Bo", 2)
    ]  # fmt: skip
    assert {run.by for run in reproducers.own(runs)} == {None}
    assert {run.by for run in reproducers.own(runs[:2] + runs[3:])} == {"Bo"}
    assert reproducers.own([]) == []


def test_each_name_has_a_tag_of_its_own() -> None:
    """ASCII, short, and different for names that look alike when they are folded."""
    names = ["Ada Lovelace", "ada-lovelace", "Åda Lovelace", "李", "王", "x" * 300, "../../etc"]
    tags = [reproducers.tag(name) for name in names]
    assert len(set(tags)) == len(names)
    assert all(tag.isascii() and len(tag) < 40 and "/" not in tag for tag in tags)
    assert reproducers.tag("") == ""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("holds", "opposite", True),
        ("holds", "no-difference", True),
        ("no-difference", "opposite", True),
        ("holds-for-its-reason", "holds-not-for-its-reason", True),
        ("holds", "holds-for-its-reason", False),
        ("holds", "holds", False),
        ("holds", "undecided", False),
        ("opposite", "did-not-learn", False),
        ("holds", "to-be-run-again", False),
    ],
)
def test_verdicts_contradict_where_both_decide_and_cannot_both_be_right(one: str, other: str, expected: bool) -> None:  # fmt: skip
    """An undecided one contradicts nothing, and `holds` leaves the reason open."""
    assert reproducers.contradict(one, other) is expected
    assert reproducers.contradict(other, one) is expected
