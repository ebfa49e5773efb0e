"""A list lives on: each change between two versions is taken for what it is, under one id."""

import pytest

from tests.sync.base import Base, document, line

OTHER = line("Something Else Entirely", author="Wray", paper="https://example.org/else.pdf")
ARXIV = "https://arxiv.org/abs/2104.08860"
PREPRINT = line("Clip to Clip Retrieval", venue="ARXIV", paper=ARXIV).replace(
    "ARXIV, 2021", "arXiv preprint arXiv:2104.08860, 2021"
)


def test_a_preprint_becomes_a_conference_paper(base: Base) -> None:
    """Venue, year and link change; the id stays and the preprint is among the versions."""
    base.sync(document(PREPRINT, OTHER))
    (key,) = {"luo2021clip"} & set(base.papers)
    published = line(
        "Clip to Clip Retrieval", venue="ECCV", year=2022, paper="https://ecva.net/1.pdf"
    )

    report = base.sync(document(published, OTHER))

    paper = base.papers[key]
    (version,) = paper.versions
    assert (paper.venue, paper.year, paper.ids.arxiv) == ("ECCV", 2022, "2104.08860")
    assert (version.kind, version.venue, version.year) == ("preprint", "arXiv", 2021)
    assert [row["id"] for row in report.changed] == [key]
    assert (report.added, report.removed) == ([], [])


def test_preprint_and_conference_paper_listed_together_are_one(base: Base) -> None:
    """The published one speaks for the record; the preprint is a version; both lines are told."""
    published = line(
        "Clip to Clip Retrieval", venue="ECCV", year=2022, paper="https://ecva.net/1.pdf"
    )

    report = base.sync(document(PREPRINT, OTHER, published))

    paper = base.papers["luo2022clip"]
    assert (paper.venue, paper.versions[0].venue) == ("ECCV", "arXiv")
    assert {link.url for link in paper.links} == {ARXIV, "https://ecva.net/1.pdf"}
    assert report.duplicates == [[6, 8]]
    assert base.sync(document(PREPRINT, OTHER, published, "")).changed == []


@pytest.mark.parametrize(
    "title",
    [
        "Video Retrieval with Clips and Words",
        "An Utterly Other Name",
        "A paper about CLIP retrieval",
    ],
)
def test_a_new_title_under_the_same_link_is_the_same_paper(base: Base, title: str) -> None:
    """The link tells, where the authors agree."""
    base.sync(document(line("Clip to Clip Retrieval"), OTHER))
    before = set(base.papers)

    report = base.sync(document(line(title), OTHER))

    assert set(base.papers) == before
    assert [list(row["fields"]) for row in report.changed] == [["title"]]


def test_an_entry_moves_to_another_section(base: Base) -> None:
    """A move is a move: not a change, not a removal."""
    base.sync(document(line("A Paper on Video"), OTHER))

    report = base.sync(document(OTHER, Other=[line("A Paper on Video")]))

    assert report.moved == [{"id": "luo2021paper", "from": "Papers / 2021", "to": "Papers / Other"}]
    assert (report.changed, report.added, report.removed) == ([], [], [])
    assert base.papers["luo2021paper"].section == "Papers / Other"


def test_an_entry_leaves_and_comes_back(base: Base) -> None:
    """It is removed, keeps what a person wrote, and returns under its id."""
    base.sync(document(line("A Paper on Video"), OTHER))
    base.edit("title: A Paper on Video", "title: A Paper on Video Retrieval")

    gone = base.sync(document(OTHER))
    still = base.sync(document(OTHER, ""))
    removed = base.papers["luo2021paper"]
    back = base.sync(document(OTHER, line("A Paper on Video", year=2022)))

    paper = base.papers["luo2021paper"]
    assert (gone.removed, still.removed) == (["luo2021paper"], [])
    assert (removed.status, paper.status) == ("removed", "active")
    assert (paper.title, paper.year) == ("A Paper on Video Retrieval", 2022)
    assert back.changed[0]["fields"]["status"] == ["removed", "active"]
    assert back.added == []


def test_a_person_takes_a_paper_out_and_the_list_does_not_bring_it_back(base: Base) -> None:
    """`status: withdrawn` in the record is a person's word; the entry did not change."""
    base.sync(document(line("A Paper on Video"), OTHER))
    base.edit("title: A Paper on Video", "title: A Paper on Video\n  status: withdrawn")

    report = base.sync(document(line("A Paper on Video"), OTHER, ""))

    assert base.papers["luo2021paper"].status == "withdrawn"
    assert report.unchanged == 2


def test_a_duplicate_appears_and_goes(base: Base) -> None:
    """The copy in another section is reported, moves nothing, and leaves no trace."""
    entry = line("A Paper on Video")
    base.sync(document(entry, OTHER))
    before = base.bytes()["papers.yaml"]

    doubled = base.sync(document(entry, OTHER, Other=[entry]))
    again = base.sync(document(OTHER, "", entry, Other=[entry]))
    single = base.sync(document(entry, OTHER))

    assert doubled.duplicates == [[6, 10]]
    assert again.duplicates == [[8, 11]]
    assert single.duplicates == []
    assert [r.moved for r in (doubled, again, single)] == [[], [], []]
    assert base.bytes()["papers.yaml"] == before


def test_a_copied_link_is_corrected_later(base: Base) -> None:
    """Two entries shared a link by mistake: two records, and the link moves, not the identity."""
    wrong = line("Another Paper on Words", paper="https://example.org/paper.pdf")
    right = line("Another Paper on Words", paper="https://example.org/words.pdf")
    base.sync(document(line("A Paper on Video"), wrong))
    ids = set(base.papers)

    report = base.sync(document(line("A Paper on Video"), right))

    assert len(ids) == 2
    assert set(base.papers) == ids
    assert [row["id"] for row in report.changed] == ["luo2021another"]
    assert base.papers["luo2021another"].links[0].url.endswith("words.pdf")


def test_a_new_entry_with_a_copied_link_is_a_new_paper(base: Base) -> None:
    """The line above keeps its record although authors and link are the same."""
    base.sync(document(line("A Paper on Video")))

    report = base.sync(document(line("A Paper on Video"), line("Wholly Different Work")))

    assert report.added == ["luo2021wholly"]
    assert report.changed == []


def test_two_papers_may_share_a_title(base: Base) -> None:
    """Other authors, or years far apart: two records, and a suggestion to look."""
    one = line("Dense Captioning", author="Krishna", year=2017, paper="https://example.org/1.pdf")
    two = line("Dense Captioning", author="Iashin", year=2017, paper="https://example.org/2.pdf")
    late = line("Dense Captioning", author="Krishna", year=2021, paper="https://example.org/3.pdf")
    base.sync(document(one))

    report = base.sync(document(one, two, late))

    assert set(base.papers) == {"krishna2017dense", "iashin2017dense", "krishna2021dense"}
    assert {row["why"] for row in report.suggestions} == {"same title, other authors or years"}


def test_labels_are_not_unique(base: Base) -> None:
    """Two papers of one group in one year at one venue get two ids."""
    report = base.sync(
        document(
            line("Dual Encoding of Video", paper="https://example.org/1.pdf"),
            line("Dual Networks for Text", paper="https://example.org/2.pdf"),
        )
    )

    assert report.added == ["luo2021dual", "luo2021dualb"]


def test_the_whole_list_is_reformatted(base: Base) -> None:
    """Other bullets, titles as links, no labels: ids stay, nothing is lost or added."""
    entries = [
        (f"On the Matter of Item {name}", f"https://example.org/{name}.pdf")
        for name in ("Alpha", "Beta", "Gamma", "Delta")
    ]
    base.sync(document(*(line(title, paper=url) for title, url in entries)))
    before = base.papers
    lines = [f"1. [{title}]({url}), Luo et al., CVPR 2021" for title, url in entries]

    report = base.sync("# A List\n\n## Papers\n\n### 2021\n\n" + "\n".join(lines) + "\n")

    after = base.papers
    assert (report.added, report.removed) == ([], [])
    assert set(after) == set(before)
    for key, paper in after.items():
        assert (paper.title, paper.year, paper.label) == (
            before[key].title, before[key].year, before[key].label,
        )  # fmt: skip
        assert {link.url for link in paper.links} == {link.url for link in before[key].links}


def test_a_lookalike_is_suggested_and_left_alone(base: Base) -> None:
    """A title with one word changed and another link is a new record, said aloud."""
    base.sync(document(line("Learning to Match Video and Text with Graphs")))

    report = base.sync(
        document(line("Learning to Match Video and Text by Graphs", paper="https://example.org/b"))
    )

    assert len(base.papers) == 2
    assert [row["looks_like"] for row in report.suggestions] == ["luo2021match"]
    assert base.papers["luo2021match"].status == "removed"


def test_a_record_deleted_by_hand_comes_back_under_its_id(base: Base) -> None:
    """The list still names it, and the lock remembers who it was."""
    base.sync(document(line("A Paper on Video"), OTHER))
    base.edit("id: luo2021paper", "id: luo2021video")
    base.sync(document(line("A Paper on Video"), OTHER, ""))
    records = base.root / "data" / "papers.yaml"
    records.write_text("papers: []\n", encoding="utf-8")

    base.sync()

    assert "wray2021something" in base.papers
    assert len(base.papers) == 2


def test_a_record_the_list_never_named_is_a_persons_own(base: Base) -> None:
    """It is neither removed nor touched."""
    base.sync(document(OTHER))
    base.edit("papers:\n", "papers:\n- id: chen2020own\n  title: Our Own Paper\n")

    report = base.sync(document(OTHER, line("A Paper on Video")))

    assert base.papers["chen2020own"].status == "active"
    assert report.removed == []


def test_the_lock_is_lost_and_nothing_else(base: Base) -> None:
    """Without data/lock.json the records and the list are joined again, without a conflict."""
    base.sync(document(line("A Paper on Video"), OTHER))
    before = base.bytes()
    (base.root / "data" / "lock.json").unlink()

    report = base.sync()

    assert base.bytes() == before
    assert (report.conflicts, report.added, report.unchanged) == ([], [], 2)
