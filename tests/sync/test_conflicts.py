"""When list and record both changed a value: both are kept until a person decides."""

from pathlib import Path

from kb.cli import run
from tests.sync.base import Base, document, line

BEFORE = document(line("A Paper on Video"))
AFTER = document(line("A Paper on Film"))


def conflicted(base: Base) -> None:
    """The title is another one in the list, and yet another one in the record."""
    base.sync(BEFORE)
    base.edit("title: A Paper on Video", "title: A Paper on Videos")
    base.list.write_text(AFTER, encoding="utf-8")


def test_a_conflict_keeps_both_sides(base: Base) -> None:
    """It is reported with base, list and record, as often as it is met."""
    conflicted(base)

    first, second = base.sync(), base.sync()

    assert first.conflicts == second.conflicts
    assert first.conflicts == [
        {
            "id": "luo2021paper",
            "field": "title",
            "base": "A Paper on Video",
            "list": "A Paper on Film",
            "record": "A Paper on Videos",
        }
    ]
    assert base.only().title == "A Paper on Videos"
    assert base.lock.rooms["papers"]["luo2021paper"]["title"] == "A Paper on Video"


def test_a_conflict_is_exit_code_3(base: Base, tmp_path: Path) -> None:
    """With `--check` too."""
    conflicted(base)
    command = ["sync", str(base.list), "-C", str(tmp_path)]

    assert run([*command, "--check"]) == 3
    assert run(command) == 3
    assert run([*command, "--resolve", "ours"]) == 0
    assert run(command) == 0


def test_the_record_wins(base: Base) -> None:
    """`--resolve ours` leaves the record and makes the list's value the base."""
    conflicted(base)

    base.sync(resolve="ours")

    assert base.only().title == "A Paper on Videos"
    assert base.sync().conflicts == []


def test_the_list_wins(base: Base) -> None:
    """`--resolve theirs` takes the list's value into the record."""
    conflicted(base)

    base.sync(resolve="theirs")

    assert base.only().title == "A Paper on Film"
    assert base.sync().conflicts == []


def test_other_fields_of_a_record_in_conflict_still_merge(base: Base) -> None:
    """The year comes over while the title waits."""
    conflicted(base)

    report = base.sync(document(line("A Paper on Film", year=2022)))

    assert base.only().year == 2022
    assert [row["field"] for row in report.conflicts] == ["title"]


def test_an_imported_value_is_not_overwritten_in_silence(base: Base) -> None:
    """Authors read elsewhere stand while the list's are the same people, and conflict if not."""
    base.sync(BEFORE)
    base.edit("  - Luo\n  et_al: true\n", "  - Huaishao Luo\n  - Lei Ji\n")

    same = base.sync(BEFORE.replace("[Luo et al. CVPR21]", "[Luo H, et al.]"))
    other = base.sync(BEFORE.replace("[Luo et al. CVPR21]", "[Dong et al. CVPR21]"))

    assert same.conflicts == []
    assert [row["field"] for row in other.conflicts] == ["authors"]
    assert base.only().authors == ["Huaishao Luo", "Lei Ji"]
