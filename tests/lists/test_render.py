"""Records become list lines, and only the lines whose records changed."""

from pathlib import Path
from typing import Any

import pytest

from kb.lists import Entry, Rendering, Venues, canonical_line, parse, render
from kb.records import Link, Paper
from tests.lists.synced import Synced

SEED = Path(__file__).resolve().parents[1] / "data" / "lists" / "seed.md"


def rendered(text: str, synced: Synced, venues: Venues) -> Rendering:
    """The list as these records have it."""
    return render(
        text,
        synced.papers.values(),
        synced.datasets.values(),
        synced.lock,
        implementations=synced.implementations.values(),
        venues=venues,
    )


@pytest.fixture
def synced(seed_entries: list[Entry]) -> Synced:
    """Records and lock right after a sync of the seed."""
    return Synced(seed_entries)


def changed_lines(before: str, after: str) -> dict[int, str]:
    """Lines of `after` that differ, by number; both texts have the same number of lines."""
    pairs = zip(before.split("\n"), after.split("\n"), strict=True)
    return {number: new for number, (old, new) in enumerate(pairs, start=1) if old != new}


def record(synced: Synced, words: str) -> Paper:
    """The paper whose title has these words."""
    return next(paper for paper in synced.papers.values() if words in paper.title)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_list_that_says_what_the_records_say_keeps_every_byte(
    end: str, mark: str, seed: str, synced: Synced, venues: Venues
) -> None:
    """Nothing changed means the same text, whatever its line ends and byte-order mark."""
    text = mark + seed.replace("\n", end)
    out = rendered(text, synced, venues)
    assert (out.text, out.changed, out.waiting) == (text, [], [])


def test_a_new_title_changes_its_words_and_no_other(
    seed: str, synced: Synced, venues: Venues
) -> None:
    """Only the title in its own line is new: label, venue and links stay as they were written."""
    paper = record(synced, "Dual Encoding for Zero-Example")
    paper.title = "Dual Encoding, Twice"
    new = changed_lines(seed, rendered(seed, synced, venues).text)
    old = seed.split("\n")[90]
    assert new == {
        91: old.replace("Dual Encoding for Zero-Example Video Retrieval", "Dual Encoding, Twice")
    }


def test_a_corrected_link_changes_its_address_only(
    seed: str, synced: Synced, venues: Venues
) -> None:
    """A paper link that was wrong is replaced where it stands."""
    paper = record(synced, "Incomplete and Heterogeneous")
    paper.links[0] = Link(kind="paper", url="https://arxiv.org/abs/1804.02516")
    new = changed_lines(seed, rendered(seed, synced, venues).text)
    assert new == {106: seed.split("\n")[105].replace("1809.06181", "1804.02516")}


def test_an_entry_listed_twice_is_rewritten_twice(
    seed: str, synced: Synced, venues: Venues
) -> None:
    """Both lines of a paper that is listed twice follow its record."""
    record(synced, "UniVL").venue = "ACL"
    new = changed_lines(seed, rendered(seed, synced, venues).text)
    assert sorted(new) == [60, 87]
    assert all("`[Luo et al. ACL20]`" in line and " ACL, 2020. " in line for line in new.values())


@pytest.mark.parametrize(
    ("words", "changes", "swaps"),
    [
        ("Fine-Grained Action", {"year": 2020}, {"ICCV19": "ICCV20", " 2019": " 2020"}),
        ("Fine-Grained Action", {"venue": "ECCV"}, {"ICCV19": "ECCV19", " ICCV,": " ECCV,"}),
        (
            "SEA: Sentence",
            {"venue": "TIP", "year": 2021},
            {"TMM20": "TIP21", "on Multimedia, 2020": "on Image Processing, 2021"},
        ),
    ],
)
def test_a_new_venue_or_year_changes_label_and_text_alike(
    words: str, changes: dict[str, Any], swaps: dict[str, str], synced: Synced, venues: Venues
) -> None:
    """What stands in the addresses (`ICCV_2019`) stays; so does every other word."""
    seed = SEED.read_text(encoding="utf-8")
    paper = record(synced, words)
    for name, value in changes.items():
        setattr(paper, name, value)
    (number,) = [n for n, text in enumerate(seed.split("\n"), start=1) if words in text]
    wanted = seed.split("\n")[number - 1]
    for before, after in swaps.items():
        assert before in wanted
        wanted = wanted.replace(before, after)
    out = rendered(seed, synced, venues)
    assert changed_lines(seed, out.text) == {number: wanted}
    assert list(out.labels.values()) == [parse(wanted, venues)[0].label]


def test_a_preprint_that_appeared_gives_the_canonical_line(
    seed: str, synced: Synced, venues: Venues
) -> None:
    """Label and text both follow; bullet and links stay."""
    paper = record(synced, "Hero")
    paper.venue, paper.year = "EMNLP", 2020
    new = changed_lines(seed, rendered(seed, synced, venues).text)
    assert list(new) == [62]
    assert new[62].startswith(
        "* `[Li et al. EMNLP20]` Hero: Hierarchical encoder for video+ language"
    )
    assert " EMNLP, 2020. [[paper]](https://arxiv.org/pdf/2005.00200v2.pdf) [[code]](" in new[62]


def test_full_authors_in_a_record_leave_the_label_alone(
    seed: str, synced: Synced, venues: Venues
) -> None:
    """A record may know more than the list shows: `Dong et al.` still stands for all five names."""
    paper = record(synced, "Dual Encoding for Zero-Example")
    paper.authors = ["Jianfeng Dong", "Xirong Li", "Chaoxi Xu"]
    paper.et_al = False
    paper.ids.doi = "10.1109/CVPR.2019.00957"
    paper.ids.arxiv = "1809.06181"
    assert rendered(seed, synced, venues).text == seed


def test_another_first_author_is_shown(seed: str, synced: Synced, venues: Venues) -> None:
    """A scraped name in a label is mended from the record."""
    record(synced, "web image search").authors = ["Mayu Otani", "Yuta Nakashima"]
    new = changed_lines(seed, rendered(seed, synced, venues).text)
    assert list(new) == [111]
    assert new[111] == seed.split("\n")[110].replace("OtaniEmail", "Otani")


def test_news_of_the_list_waits_for_sync(seed: str, synced: Synced, venues: Venues) -> None:
    """A line that was edited since the last sync is not overwritten, and is reported."""
    edited = seed.replace(
        "CVPR, 2021. [[paper]](https://arxiv.org/abs/2103.10095)",
        "CVPR, 2021. [[paper]](https://arxiv.org/abs/2103.10096)",
    )
    record(synced, "On Semantic Similarity").links = [
        Link(kind="paper", url="https://example.org/a")
    ]
    out = rendered(edited, synced, venues)
    assert out.text == edited
    assert [line for line, _ in out.waiting] == [67]


def test_a_record_moves_to_its_new_section(seed: str, synced: Synced, venues: Venues) -> None:
    """The line leaves its section and stands last in the other one, unchanged."""
    record(synced, "On Semantic Similarity").section = "Papers / 2020"
    out = rendered(seed, synced, venues)
    sections = {e.line: e.section for e in parse(out.text, venues)}
    assert sections[87] == "Papers / 2020"
    assert out.text.split("\n")[86] == seed.split("\n")[66]
    assert sorted(out.text.split("\n")) == sorted(seed.split("\n"))


def test_a_new_record_is_added_to_its_section(seed: str, synced: Synced, venues: Venues) -> None:
    """A record the list has never named gets a line at the end of its section."""
    synced.papers["new2019thing"] = Paper(
        id="new2019thing", title="A Thing", authors=["Ada New"], venue="CVPR", year=2019,
        section="Papers / 2019", links=[Link(kind="paper", url="https://example.org/thing.pdf")],
    )  # fmt: skip
    lines = rendered(seed, synced, venues).text.split("\n")
    assert (
        lines[97]
        == "* `[New CVPR19]` A Thing. CVPR, 2019. [[paper]](https://example.org/thing.pdf)"
    )
    assert lines[:97] + lines[98:] == seed.split("\n")


def test_a_record_without_a_place_is_reported(seed: str, synced: Synced, venues: Venues) -> None:
    """A section that the list does not have is named; the list stays as it is."""
    synced.papers["x2019x"] = Paper(id="x2019x", title="X", section="Papers / 1999")
    out = rendered(seed, synced, venues)
    assert out.text == seed
    assert "Papers / 1999" in out.waiting[0][1]


def test_a_removed_record_leaves_the_list(seed: str, synced: Synced, venues: Venues) -> None:
    """The line of a record that a person marked as removed goes."""
    record(synced, "On Semantic Similarity").status = "removed"
    lines = seed.split("\n")
    assert rendered(seed, synced, venues).text.split("\n") == lines[:66] + lines[67:]


def test_a_renamed_implementation_keeps_the_remark_behind_it(
    seed: str, synced: Synced, venues: Venues
) -> None:
    """`(Keras)` after the link is not ours to drop."""
    w2vv = next(i for i in synced.implementations.values() if i.name == "w2vv")
    w2vv.url = "https://example.org/w2vv"
    new = changed_lines(seed, rendered(seed, synced, venues).text)
    assert new == {46: "- [w2vv](https://example.org/w2vv)(Keras)"}


def test_a_last_line_without_an_end_stays_without_one(venues: Venues) -> None:
    """Adding after the last line of a file adds the line end that is missing there."""
    text = "## Papers\r\n- `[Ross CVPR19]` One Way. CVPR, 2019. [[paper]](https://example.org/1)"
    synced = Synced(parse(text, venues))
    synced.papers["new"] = Paper(id="new", title="Two Ways", section="Papers")
    assert rendered(text, synced, venues).text == text + "\r\n- Two Ways."


FOREIGN = """\
# Another List

## Papers

1. **Boats on Paper**, Kestrel and Otter, *CVPR 2019* ([paper](https://example.org/1))
2. **Rafts of Logs**, Otter et al., *ICCV 2021* ([paper](https://example.org/2))
"""


def test_a_list_of_another_form_keeps_its_form(venues: Venues) -> None:
    """A year changes in place; what would need this grammar's own line is left to a person."""
    entries = parse(FOREIGN, venues)
    assert [(e.title, e.venue, e.year) for e in entries] == [
        ("Boats on Paper", "CVPR", 2019),
        ("Rafts of Logs", "ICCV", 2021),
    ]
    synced = Synced(entries)
    first, second = synced.papers.values()
    first.year, second.venue = 2020, "arXiv"
    out = rendered(FOREIGN, synced, venues)
    assert out.text == FOREIGN.replace("CVPR 2019", "CVPR 2020")
    assert out.waiting == [(6, f"{second.id}: venue: edit this line by hand")]


def test_a_new_record_in_a_list_without_labels_gets_none(venues: Venues) -> None:
    """Authors stand before the title there, as the other entries have no label."""
    text = "## Papers\n\n- Boats. Ada Kestrel. CVPR, 2019. [[paper]](https://example.org/1)\n"
    synced = Synced(parse(text, venues))
    synced.papers["new"] = Paper(
        id="new", title="Rafts", authors=["Bo Otter", "X Y"], venue="ICCV", year=2021,
        section="Papers", links=[Link(kind="paper", url="https://example.org/2")],
    )  # fmt: skip
    line = "- Otter et al. Rafts. ICCV, 2021. [[paper]](https://example.org/2)\n"
    assert rendered(text, synced, venues).text == text + line


def test_of_two_lines_of_one_paper_each_keeps_its_own_version(venues: Venues) -> None:
    """The preprint's line beside the published one is no news, and no edit touches it."""
    text = (
        "## Papers\n"
        "- `[Li CVPR22]` Prompts. CVPR, 2022. [[paper]](https://example.org/1)\n"
        "- `[Li ARXIV21]` Prompts. arXiv:2112.09583, 2021. [[paper]](https://example.org/2)\n"
    )
    entries = parse(text, venues)
    synced = Synced(entries[:1])
    paper = next(iter(synced.papers.values()))
    assert rendered(text, synced, venues).waiting == []
    paper.venue = "ICCV"
    out = rendered(text, synced, venues)
    assert out.text == text.replace("CVPR", "ICCV")
    assert out.waiting == []


NAMED: list[dict[str, Any]] = [
    {
        "title": "W2VV++ Fully Deep",
        "authors": ["Xirong Li", "B C"],
        "venue": "ACM MM",
        "year": 2019,
    },
    {"title": "Is It? A Study", "authors": ["L. van der Berg"], "venue": "arXiv", "year": 1999},
    {"title": "Of A. and B", "authors": ["Li"], "et_al": True, "venue": "TMM", "year": 2020},
    {
        "title": "A* Search [Extended] `x`",
        "authors": ["Ö. Ün"],
        "venue": "Neurocomputing",
        "year": 2021,
    },
    {"title": "Vitamin A", "authors": ["Bo"], "venue": "Nature Machine Intelligence", "year": 2003},
    {"title": "Anonymous Work", "venue": "ECCVW", "year": 2016},
]


@pytest.mark.parametrize("fields", NAMED, ids=lambda f: f["title"])
def test_a_canonical_line_reads_as_the_record(fields: dict[str, Any], venues: Venues) -> None:
    """Parsing the line that a record is written as gives the record's fields back."""
    paper = Paper(id="xx", links=[Link(kind="paper", url="https://example.org/a(1).pdf")], **fields)
    (entry,) = parse(canonical_line(paper, venues=venues), venues)
    assert (entry.title, entry.venue, entry.year) == (paper.title, paper.venue, paper.year)
    assert entry.links == [{"kind": "paper", "url": "https://example.org/a(1).pdf"}]
    assert entry.et_al == (len(paper.authors) > 1 or paper.et_al)
