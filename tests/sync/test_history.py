"""A list over sixty versions: what people do to lists, and each work keeps its one record."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.sync.base import Base

VERSIONS = 60
NAMES = ("Kestrel", "Otter", "Heron", "Egret", "Lark", "Wren", "Teal", "Crane")
TOPICS = ("Boats", "Rafts", "Reeds", "Tides", "Shoals", "Lamps", "Ferries", "Anchors", "Buoys")


@dataclass(frozen=True)
class Work:
    """One paper as the list has it now; `number` is who it is."""

    number: int
    title: str
    author: str
    venue: str
    year: int
    url: str
    section: str
    listed: bool = True
    twice: bool = False


def made(number: int, draw: random.Random) -> Work:
    """A new work, a preprint as often as not."""
    title = f"{draw.choice(TOPICS)} and {draw.choice(TOPICS)} on Water {number}"
    year = draw.randint(2015, 2020)
    preprint = draw.random() < 0.5
    url = f"https://arxiv.org/abs/{year % 100}05.{number:05d}"
    if not preprint:
        url = f"https://example.org/{number}.pdf"
    venue = "arXiv" if preprint else "CVPR"
    return Work(number, title, draw.choice(NAMES), venue, year, url, str(year))


def dashed(work: Work) -> str:
    """An entry in the form of the seed."""
    label = f"`[{work.author} et al. {work.venue}{work.year % 100}]`"
    text = work.venue
    if work.venue == "arXiv":
        text = f"arXiv preprint arXiv:{work.url.removeprefix('https://arxiv.org/abs/')}"
    return f"* {label} {work.title}. {text}, {work.year}. [[paper]]({work.url})"


def linked(work: Work) -> str:
    """The same with the title as the link and no label."""
    return f"- [{work.title}]({work.url}), {work.author} et al., {work.venue} {work.year}"


def text(works: list[Work], style: Callable[[Work], str], end: str) -> str:
    """The whole list in one style."""
    lines = ["# Waters", "", "## Papers"]
    for section in sorted({work.section for work in works}, reverse=True):
        lines += ["", f"### {section}"]
        lines += [style(w) for w in works if w.listed and w.section == section]
    copies = [style(work) for work in works if work.listed and work.twice]
    lines += ["", "### Favourites", *copies] if copies else []
    return end.join(lines) + end


def edited(work: Work, draw: random.Random) -> Work:
    """One thing that people do to an entry."""
    if not work.listed:
        return replace(work, listed=True)
    edit = draw.choice(["publish", "retitle", "move", "delete", "twice", "once", "link"])
    if edit == "publish" and work.venue == "arXiv":
        return replace(work, venue="ICCV", year=work.year + 1, section=str(work.year + 1))
    if edit == "retitle":
        return replace(work, title=work.title.replace(" on ", " upon ").replace(" and ", " or "))
    if edit == "link" and work.venue != "arXiv":
        return replace(work, url=work.url.replace("example.org/", "example.org/new/"))
    moves = {"move": {"section": "Classics"}, "delete": {"listed": False}, "twice": {"twice": True}}
    return replace(work, **moves.get(edit, {"twice": False}))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sixty_versions_end_in_one_record_a_work(base: Base, seed: int) -> None:
    """Ids never change, nothing is added twice, a reformatted list is no news but its labels."""
    draw = random.Random(seed)
    works = [made(number, draw) for number in range(8)]
    ids: dict[int, str] = {}  # work -> its record, once known
    style, end = dashed, "\n"
    for version in range(VERSIONS):
        before = list(works)
        if version % 4 == 1:
            works.append(made(len(works), draw))
        elif version % 10 == 5:
            style = linked if style is dashed else dashed
        elif version % 10 == 8:
            end = "\r\n" if end == "\n" else "\n"
        elif version:
            chosen = draw.randrange(len(works))
            works[chosen] = edited(works[chosen], draw)
        base.list.write_bytes(text(works, style, end).encode())

        report = base.sync()

        fresh = {work.number for work in works} - ids.keys()
        assert len(report.added) == len(fresh), (version, report, before, works)
        by_title = {paper.title: paper.id for paper in base.papers.values()}
        for work in works:
            if work.listed:
                assert ids.setdefault(work.number, by_title[work.title]) == by_title[work.title]
        assert report.conflicts == []
        assert base.sync().outdated == []
    papers = base.papers
    assert len(papers) == len(works) == len(set(ids.values()))
    for work in works:
        paper = papers[ids[work.number]]
        assert paper.status == ("active" if work.listed else "removed")
        assert (paper.venue, paper.year) == (work.venue, work.year)
        assert work.url in [link.url for link in paper.links]
        published = work.venue == "ICCV"
        assert [version.venue for version in paper.versions] == ["arXiv"] * published
