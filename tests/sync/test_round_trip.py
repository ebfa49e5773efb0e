"""List to records and back: nothing changes that nobody changed, whatever the list looks like."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.cli import run
from kb.lists import Venues, canonical_line, parse
from kb.records import KBError, Library, Link, Paper
from tests.sync.base import SEED, Base, document, line

ROOT = Path(__file__).resolve().parents[2]
VENUES = Venues.load(None)
SAMPLE = ("CVPR", "ICCVW", "TMM", "ACM MM", "NeurIPS", "arXiv", "Neurocomputing")
WORDS = (
    "video",
    "text",
    "W2V++",
    "Über",
    "检索",
    "A*",
    "dual-encoding",
    "retrieval",
    "x_y",
    "[SEP]",
)
NAMES = ("Ada Kestrel", "Bo Otter", "Émile Müller", "李 明", "Jan van der Berg")

titles = st.lists(st.sampled_from(WORDS), min_size=2, max_size=6).map(" ".join)
urls = st.integers(0, 10**6).map(lambda n: f"https://example.org/p{n}(v).pdf")
papers = st.builds(
    Paper,
    id=st.just("xx"),
    title=titles,
    authors=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    venue=st.sampled_from(SAMPLE),
    year=st.integers(1990, 2030),
    links=st.lists(urls.map(lambda url: Link(kind="paper", url=url)), min_size=1, max_size=1),
)
prose = st.sampled_from(
    [
        "",
        "Some prose with a [link](https://example.org/prose).",
        "<!-- a comment -->",
        "```\n* `[No One CVPR19]` No entry. CVPR, 2019. [[paper]](https://example.org/no)\n```",
        "- [Papers](#papers)",
        "| a | table |\n|---|---|\n| of | prose |",
        "### Another Heading ###",
        "![badge](https://example.org/badge.svg)",
    ]
)


def listed(parts: list[Paper | str], end: str, mark: str) -> str:
    """A list of prose and papers; no two papers share a title or a link."""
    lines = ["# A List", "", "## Papers", "", line("The First of All")]
    for number, part in enumerate(parts):
        if isinstance(part, Paper):
            link = Link(kind="paper", url=f"https://example.org/{number}(v).pdf")
            part = canonical_line(  # noqa: PLW2901  (the same part, told apart by its number)
                part.model_copy(update={"title": f"{part.title} {number}", "links": [link]})
            )
        lines.append(part)
    return mark + ("\n".join(lines) + "\n").replace("\n", end)


documents = st.builds(
    listed,
    st.lists(st.one_of(prose, papers), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)


def in_folder(text: str) -> tuple[Base, "tempfile.TemporaryDirectory[str]"]:
    """A knowledge base around this list, synced once."""
    folder = tempfile.TemporaryDirectory()
    base = Base(Path(folder.name))
    base.list.write_bytes(text.encode())
    base.sync()
    return base, folder


def render(base: Base, *more: str) -> int:
    """`kb render README.md`."""
    return run(["render", str(base.list), "-C", str(base.root), *more])


@given(papers)
def test_a_line_that_was_written_says_what_the_record_says(paper: Paper) -> None:
    """Title, venue, year, first author and link, for titles in any script and with any mark."""
    (entry,) = parse(canonical_line(paper), VENUES)

    assert (entry.title, entry.venue, entry.year) == (paper.title, paper.venue, paper.year)
    assert entry.links == [{"kind": "paper", "url": paper.links[0].url}]
    assert entry.et_al == (len(paper.authors) > 1)


@given(documents)
@settings(max_examples=40, deadline=None)
def test_rendering_what_was_synced_changes_no_byte_and_syncing_again_nothing(text: str) -> None:
    """Prose, code, tables, line ends and byte-order mark stay; so do the records and the lock."""
    base, folder = in_folder(text)
    with folder:
        before = base.bytes()

        assert render(base) == 0

        assert base.list.read_bytes() == text.encode()
        report = base.sync(base.list.read_bytes().decode().replace("\r\n", "\n"))
        assert (report.added, report.changed, report.removed, report.conflicts) == ([], [], [], [])
        assert base.bytes() == before


EDITS = st.fixed_dictionaries(
    {},
    optional={
        "title": titles,
        "year": st.integers(1990, 2030),
        "venue": st.sampled_from([name for name in SAMPLE if name != "arXiv"]),
        "links": st.just("https://example.org/edited"),
        "authors": st.just(["Zoe Edited", "Bo Otter"]),
    },
)


def edited(paper: Paper, edit: dict[str, Any], number: int) -> Paper:
    """The paper as a person edits it; no two papers become the same one."""
    new = dict(edit)
    if "title" in new:
        new["title"] = f"Edit {number} of {new['title']}"
    if "links" in new:
        new["links"] = [Link(kind="paper", url=f"{new['links']}{number}.pdf")]
    if "authors" in new:
        new["et_al"] = False
    return paper.model_copy(update=new)


@given(text=documents, edits=st.lists(EDITS, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_what_a_person_edits_in_the_records_is_rendered_and_then_no_news(
    text: str, edits: list[dict[str, Any]]
) -> None:
    """Sync, render, sync: the second sync meets its own words, a second rendering too."""
    base, folder = in_folder(text)
    with folder:
        with Library.editing(base.root) as library:
            for number, (edit, paper) in enumerate(zip(edits, library.papers, strict=False)):
                library.papers[number] = edited(paper, edit, number)
            library.save()
        base.sync()

        assert render(base) == 0
        rendered, records = base.list.read_bytes(), base.bytes()["papers.yaml"]
        report = base.sync()

        assert (report.changed, report.conflicts, report.moved) == ([], [], [])
        assert (report.added, report.removed) == ([], [])
        assert base.bytes()["papers.yaml"] == records
        assert render(base, "--check") == 0
        assert base.list.read_bytes() == rendered


def test_the_real_lists_survive_the_way_there_and_back(base: Base) -> None:
    """The list as it was first given, and this repository's own, byte for byte."""
    for source in (SEED, ROOT / "README.md"):
        base.list.write_bytes(source.read_bytes())
        base.sync()
        assert render(base) == 0
        assert base.list.read_bytes() == source.read_bytes()


def test_a_removed_record_leaves_the_list_and_is_not_news(base: Base) -> None:
    """`status: removed` by a person: the line goes, the record stays."""
    base.sync(document(line("A Paper on Video"), line("Another One", author="Li", paper=None)))
    base.edit("  title: Another One\n", "  title: Another One\n  status: removed\n")

    assert render(base) == 0
    report = base.sync()

    assert "Another One" not in base.list.read_text(encoding="utf-8")
    assert base.papers["li2021another"].status == "removed"
    assert report.changed == []


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_text_makes_a_sync_stumble(text: str) -> None:
    """Any text is a list or one clear line, and then nothing was made."""
    with tempfile.TemporaryDirectory() as folder:
        base = Base(Path(folder))
        base.list.write_bytes(text.encode())
        said = None
        try:
            base.sync()
        except KBError as error:
            said = str(error)
        if said is not None:
            assert "\n" not in said
        assert (base.root / "data" / "papers.yaml").exists() == (said is None)


@pytest.mark.parametrize("tail", ["", "\n"])
def test_the_last_line_keeps_its_end_or_its_lack_of_one(base: Base, tail: str) -> None:
    """A year is changed in a file that ends without a line end."""
    text = document(line("A Paper on Video")).rstrip("\n") + tail
    base.sync(text)
    base.edit("year: 2021", "year: 2022")

    assert render(base) == 0

    assert base.list.read_text(encoding="utf-8") == text.replace("CVPR21", "CVPR22").replace(
        "CVPR, 2021", "CVPR, 2022"
    )
