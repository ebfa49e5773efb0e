"""The list becomes records: the real list, line by line, and again without a change."""

import shutil
from collections import Counter

import pytest

from kb.lists import Entry
from kb.lists.listed import from_entry
from kb.records import KBError
from tests.sync.base import SEED, Base, document, line


@pytest.fixture
def seeded(base: Base) -> Base:
    """A knowledge base made from the list as it was first given."""
    shutil.copy(SEED, base.list)
    base.sync()
    return base


def test_the_seed_gives_every_record_once(seeded: Base) -> None:
    """42 paper lines are 41 papers; data sets, implementations and the toolkit are counted."""
    library = seeded.library
    kinds = Counter(code.kind for code in library.implementations)

    assert len(library.papers) == 41
    assert len(library.datasets) == 9
    assert kinds == {"implementation": 12, "toolkit": 1}
    assert len(seeded.lock.rooms["papers"]) == 41


def test_the_paper_listed_twice_is_reported_by_its_lines(seeded: Base) -> None:
    """UniVL stands on lines 60 and 87; its record is in the section of its year."""
    (univl,) = [paper for paper in seeded.library.papers if paper.title.startswith("UniVL")]

    assert seeded.lock.duplicates == [[60, 87]]
    assert univl.section == "Papers / 2020"


def test_a_second_sync_changes_no_byte(seeded: Base) -> None:
    """Whether the list is the same file or its prose alone was touched."""
    before = seeded.bytes()

    again = seeded.sync()
    touched = seeded.sync(seeded.list.read_text(encoding="utf-8") + "\nThe end.\n")

    assert seeded.bytes() == before
    assert again.duplicates == touched.duplicates == [[60, 87]]
    assert (again.unchanged, touched.unchanged) == (63, 63)
    assert again.outdated == touched.outdated == []


def test_a_repository_knows_the_paper_that_links_it(seeded: Base) -> None:
    """The repository of the list's implementations is the code link of one paper."""
    codes = {code.name: code.paper for code in seeded.library.implementations}

    assert codes["dual_encoding"] == "dong2019dual"
    assert codes["howto100m"] is None


def test_two_papers_that_share_a_wrong_link_stay_two(seeded: Base) -> None:
    """TGIF and AVS link the same address; MoEE links another paper's arXiv page."""
    titles = {data.id: data.title for data in seeded.library.datasets}
    moee = seeded.library.paper("miech2018text")

    assert titles["tgif"] != titles["avs"]
    assert moee.ids.arxiv == "1804.02516"


def test_a_placeholder_is_no_link(seeded: Base) -> None:
    """`[[homepage]](link)` of the seed names no address."""
    mmt = seeded.library.paper("gabeur2020multi")

    assert [link.kind for link in mmt.links] == ["paper", "code"]


def test_a_sync_that_only_checks_writes_nothing(base: Base) -> None:
    """Nor does it make the folder."""
    report = base.sync(document(line("A Paper")), write=False)

    assert report.outdated == ["data/papers.yaml", "data/datasets.yaml", "data/lock.json"]
    assert not (base.root / "data").exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\x7fELF\x00\x01\x02", "binary"),
        (b"caf\xe9 \xff", "UTF-8"),
        (b"# A title\n\nand prose.\n", "no entries"),
    ],
)
def test_what_is_no_list_is_one_line_and_changes_nothing(
    base: Base, content: bytes, what: str
) -> None:
    """Empty, binary, badly encoded, or prose only: the records stay as they were."""
    base.sync(document(line("A Paper")))
    before = base.bytes()
    base.list.write_bytes(content)

    with pytest.raises(KBError, match=what) as caught:
        base.sync()

    assert "\n" not in str(caught.value)
    assert base.bytes() == before


def test_carriage_returns_and_a_byte_order_mark_are_no_change(base: Base) -> None:
    """The same list as another editor saves it is the same list."""
    text = document(line("A Paper"), line("Another One", author="Li", paper=None))
    base.sync(text)
    before = base.bytes()
    base.list.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    report = base.sync()

    assert report.unchanged == 2
    assert base.bytes() == before


def test_a_field_that_no_record_may_hold_is_left_out_aloud() -> None:
    """A year before printing is skipped with its reason; the other fields stand."""
    entry = Entry(7, 7, "paper", "Papers", "* raw", title="A Paper", year=1066, arxiv="new")

    taken = from_entry(entry)

    assert taken is not None
    assert taken.fields == {"title": "A Paper", "section": "Papers"}
    assert [reason.split()[0] for reason in taken.skipped] == ["year", "arxiv"]
