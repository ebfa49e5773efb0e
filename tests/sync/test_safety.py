"""What a sync refuses, asks for and names: unfinished merges, mass removals, unread items, renames."""

import json
import random
from pathlib import Path

import pytest

from kb.cli import run
from kb.lists import Venues
from kb.records import KBError
from kb.sync import make
from tests.sync.base import Base, document, line

TITLES = ("Slow Lanterns", "Slow Lanterns at Sea", "Fast Kites: A Survey", "Fast Kites - A Survey",
          "Zorg: One", "Zorg: Another", "Slow Lanterns and Kites")  # fmt: skip
ADDRESSES = (
    "https://arxiv.org/abs/2001.00001",
    "https://arxiv.org/abs/2001.00002",
    "https://e.org/a.pdf",
)
MARKERS = ("<<<<<<< HEAD", "=======", ">>>>>>> other")


def papers(count: int) -> list[str]:
    """Entries of papers that have nothing in common."""
    names = ("Ash", "Oak", "Elm", "Fir", "Gum", "Yew", "Bay", "Box", "Ivy", "Fig")
    return [
        line(
            f"Study {names[n]} of {names[-1 - n]} Trees",
            author=names[n],
            paper=f"https://e.org/{n}.pdf",
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_unfinished_merge_is_refused_with_its_line(base: Base, end: str) -> None:
    """Both sides would become papers; nothing is written."""
    base.sync(document(line("First")))
    before = base.bytes()
    ours, other, theirs = MARKERS
    text = document(line("First"), ours, line("Second"), other, line("Third"), theirs)

    with pytest.raises(KBError, match=r"README\.md:7: a merge conflict marker"):
        base.sync(text.replace("\n", end))

    assert base.bytes() == before


@pytest.mark.parametrize("command", [["sync"], ["render"]])
def test_commands_on_an_unfinished_merge_end_with_2(base: Base, command: list[str]) -> None:
    """`kb sync` and `kb render` alike."""
    base.sync(document(line("First")))
    base.list.write_text(document(line("First"), MARKERS[0]), encoding="utf-8")

    assert run([*command, str(base.list), "-C", str(base.root)]) == 2


def test_a_list_may_show_what_conflict_markers_look_like(base: Base) -> None:
    """In a code fence they are text."""
    base.sync(document(line("First"), "", "```", *MARKERS, "```"))

    assert len(base.papers) == 1


@pytest.mark.parametrize(("stay", "refused"), [(24, False), (25, False), (4, True), (0, True)])
def test_many_records_leave_only_when_allowed(base: Base, stay: int, refused: bool) -> None:
    """More than five and more than a fifth at once; a list of 30 may lose 6."""
    entries = [
        line(
            f"Study {n} of a{n} b{n} c{n}",
            author=f"A{chr(97 + n % 26)}{n}",
            paper=f"https://e.org/{n}",
        )
        for n in range(30)
    ]
    base.sync(document(*entries))
    before = base.bytes()

    report = base.sync(document(*entries[:stay], line("A New One", author="Zoe")))

    assert report.refused == refused
    assert (base.bytes() == before) == refused
    assert report.exit_code(check=False) == (3 if refused else 0)


def test_removals_that_are_allowed_are_made(base: Base) -> None:
    """All three of a small list go; their records stay, marked."""
    base.sync(document(*papers(3)))

    assert base.sync(document(line("A New One", author="Zoe"))).refused
    base.sync(allow_removals=True)

    assert sorted(p.status for p in base.papers.values()) == ["active", *["removed"] * 3]


def test_the_command_says_how_to_allow_removals(
    base: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, and what to add."""
    base.sync(document(*papers(8)))
    base.list.write_text(document(*papers(1)), encoding="utf-8")
    command = ["sync", str(base.list), "-C", str(base.root)]

    assert run(command) == 3
    assert "7 records would leave the list at once" in (said := capsys.readouterr().err)
    assert "--allow-removals" in said
    assert run([*command, "--allow-removals"]) == 0


def test_items_with_a_paper_link_that_are_not_read_are_named(
    base: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    """By line, in the report and on standard error, on every sync; a paper that is read elsewhere is not."""
    text = document(
        line("First", paper="https://arxiv.org/abs/2001.00001"),
        "* see [here](https://arxiv.org/abs/2001.00002)",
        "* and [this](https://arxiv.org/abs/2001.00001)",
    )
    base.list.write_text(text, encoding="utf-8")

    assert run(["init", str(base.root)]) == 0
    assert "1 item with a paper link was not read: line 7" in capsys.readouterr().err
    for more in ([], ["--check"]):
        assert run(["sync", str(base.list), "-C", str(base.root), "--json", *more]) == 0
        assert json.loads(capsys.readouterr().out)["unread"] == [7]


def test_a_renamed_and_relinked_entry_can_keep_its_id(base: Base) -> None:
    """The sync names the record that left; `--same` gives its id back, and what it had."""
    base.sync(document(line("Lanterns Guide Robots", author="Ash"), *papers(2)[1:]))
    base.edit(
        "title: Lanterns Guide Robots", "title: Lanterns Guide Robots\n  notes: [worth reading]"
    )
    after = document(
        line("Windmills Turn Slowly", author="Ash", paper="https://e.org/new.pdf"), *papers(2)[1:]
    )

    row = next(row for row in base.sync(after).suggestions if "same" in row)
    report = base.sync(same=(row["same"],))

    assert row["same"] == "ash2021windmills=ash2021lanterns"
    paper = base.papers["ash2021lanterns"]
    assert (paper.title, paper.status, paper.notes) == (
        "Windmills Turn Slowly",
        "active",
        ["worth reading"],
    )
    assert paper.aliases == ["ash2021windmills"]
    assert "ash2021windmills" not in base.papers
    assert (report.added, report.removed) == ([], [])
    assert base.sync(write=False).outdated == []


@pytest.mark.parametrize(
    "pair", ["none=ash2021lanterns", "ash2021lanterns", "ash2021lanterns=ash2021lanterns"]
)
def test_same_wants_two_records(base: Base, pair: str) -> None:
    """Anything else is one clear line."""
    base.sync(document(line("Lanterns Guide Robots", author="Ash")))

    with pytest.raises(KBError, match="--same"):
        base.sync(same=(pair,))


def random_list(seed: int) -> str:
    """A list of few titles and addresses, so that many entries name one paper."""
    pick = random.Random(seed)
    lines = ["# L"]
    for _ in range(pick.randint(3, 12)):
        title, url = pick.choice(TITLES), pick.choice(ADDRESSES)
        lines.append(
            pick.choice(
                [
                    f"\n## {pick.choice(['Papers', '2020', 'Datasets', 'Surveys', 'Code'])}\n",
                    f"* [{title}]({url}), {pick.choice(['Ash et al.', 'Ada Byron, Bo Xi'])}, CVPR 2020",
                    f"* `[Ash et al. {pick.choice(['CVPR20', 'ARXIV19'])}]` {title}. TPAMI, 2021. [[paper]]({url})",
                    f"- **{title}** *Cy Roe, Bo Xi* {pick.choice(['', 'arXiv 2019'])} [[pdf]]({url})",
                ]
            )
        )
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(40))
def test_a_second_sync_changes_no_byte_of_any_list(tmp_path: Path, seed: int) -> None:
    """However many entries name one paper, and however they differ."""
    base = Base(tmp_path)
    try:
        base.sync(random_list(seed))
    except KBError:
        pytest.skip("no entry in this one")
    before = base.bytes()

    report = base.sync()

    assert base.bytes() == before
    assert (report.outdated, report.added, report.removed, report.changed) == ([], [], [], [])


def test_a_survey_named_twice_in_other_words_is_settled_at_once(base: Base) -> None:
    """Its first line stands in no section; what the second adds does not change who is first."""
    base.sync(
        "# Awesome Things\n\n- Our survey: [Lanterns in Fog: A Survey](https://www.sciencedirect.com/s/S1)\n\n"
        "## Survey Papers\n\n* [Lanterns in Fog - A Survey](https://arxiv.org/abs/2211.07804), Ann Ash, Bo Oak\n"
    )

    assert base.sync(write=False).outdated == []


def test_the_published_version_then_the_section_then_the_year_is_preferred() -> None:
    """The order in which entries of one record give its values; then the order of the list."""

    def entry(line: int, **fields: object) -> make.ListedFields:
        return make.ListedFields("paper", line, {"title": f"t{line}", **fields})

    preprint = entry(1, venue="arXiv", year=2020, section="Papers / 2020")
    strays = entry(2, venue="CVPR", year=2021, section="Surveys")
    dated = entry(3, venue="CVPR", year=2021, section="Papers / 2021")
    kind = Venues.load().kind

    def first(base: dict[str, object] | None, *entries: make.ListedFields) -> str:
        return str(make.join(list(entries), base, kind)["title"])

    assert first(None, preprint, strays, dated) == "t3"
    assert first({"section": "Surveys"}, preprint, strays, dated) == "t2"
    assert first({"section": "Papers / 2020"}, preprint, strays) == "t2"
    assert first(None, entry(5, section="A"), entry(4, section="B")) == "t5"


def test_what_the_first_entry_lacks_comes_from_the_next_in_that_order() -> None:
    """The published version's value before the preprint's, whatever the order of the list."""
    preprint = make.ListedFields("paper", 1, {"title": "t", "venue": "arXiv", "doi": "10.1/arxiv"})
    published = {"title": "t", "venue": "CVPR", "year": 2021}
    other = make.ListedFields("paper", 2, {**published, "section": "Surveys", "doi": "10.1/cvpr"})
    first = make.ListedFields("paper", 3, {**published, "section": "Papers / 2021"})

    joined = make.join([preprint, other, first], None, Venues.load().kind)

    assert (joined["doi"], joined["section"]) == ("10.1/cvpr", "Papers / 2021")


def test_while_a_suggestion_is_open_every_sync_makes_it_again(base: Base) -> None:
    """The short cut for unchanged files is taken only where nothing is open."""
    data = "* `[FILMS]` Rohr et al. Films Described. ICCV, 2017. [[paper]](https://e.org/films.pdf)"
    other = line("Second")
    papers_first = f"# L\n\n## Papers\n{data}\n{other}\n\n## Datasets\n"
    base.sync(papers_first)
    base.edit("title: Films Described", "title: Films Described\n  extends: luo2021second")
    moved = f"# L\n\n## Papers\n{other}\n\n## Datasets\n{data}\n"

    reports = [base.sync(moved), base.sync(), base.sync()]

    assert [len(report.suggestions) for report in reports] == [1, 1, 1]
    assert base.lock.made_from == {}


def test_two_new_papers_of_one_name_do_not_share_a_model(base: Base) -> None:
    """The first in the list has it; a paper of a later sync does not take it either."""
    one, other = (
        line("Zorg: One", author="Ash", paper="https://e.org/1"),
        line("Zorg: Another", author="Oak", paper="https://e.org/2"),
    )
    third = line("Zorg: A Third", author="Elm", paper="https://e.org/3")

    base.sync(document(one, other))
    base.sync(document(one, other, third))

    assert sorted(str(p.model) for p in base.papers.values()) == ["None", "None", "zorg"]
    assert base.papers["ash2021zorg"].model == "zorg"
