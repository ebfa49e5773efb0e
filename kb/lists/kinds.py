"""What an entry is: a paper, a data set, an implementation, a toolkit or a pointer."""

import re

from kb.lists.entry import Entry, Kind
from kb.lists.inline import Piece
from kb.lists.linkwords import word_kind

FEW = 3  # words before the title of a paragraph that is an entry
LONGEST_PARAGRAPH = 700  # characters; longer is prose

TOOLKIT = re.compile(
    r"\b(?:tool|tools|toolkit|toolkits|toolbox|toolboxes|librar(?:y|ies)|frameworks?|software)\b",
    re.IGNORECASE,
)
DATASET = re.compile(
    r"\b(?:data[- ]?sets|corpora|benchmarks)\b|\b(?:data[- ]?set|corpus|benchmark)\W*$|数据集",
    re.IGNORECASE,
)
IMPLEMENTATION = re.compile(
    r"\b(?:implementations?|code|codes|codebases?|repositor(?:y|ies)|repos)\b", re.IGNORECASE
)
PAPERS = re.compile(
    r"\b(?:papers?|publications?|literature|surveys?|reading list)\b|论文", re.IGNORECASE
)
OUTSIDE = re.compile(
    r"^\W*(?:contribut\w*|how to \w.*|licen[sc]es?|licensing|acknowledge?ments?|"
    r"contacts?|citations?|citing.*|cite.*|about|stars?.*|news|changelog|updates?|todo|"
    r"install\w*|usage|getting started|try it|quick ?start|requirements|maintainers?|authors?|"
    r"contributors|support|sponsors?)\W*$",
    re.IGNORECASE,
)
CONTENTS = re.compile(r"^\W*(?:table of contents?|contents?|toc|index|目录)\W*$", re.IGNORECASE)
NEWS = re.compile(r"^\W*(?:news|changelog|updates?|latest news)\W*$", re.IGNORECASE)


def is_outside(section: tuple[str, ...]) -> bool:
    """Whether the innermost headings name a part of a document that holds no entries."""
    innermost = bool(section) and CONTENTS.match(section[-1][:100]) is not None
    return innermost or any(OUTSIDE.match(part[:100]) for part in section[-2:])


HEADINGS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (PAPERS, "paper"),
    (DATASET, "dataset"),
    (TOOLKIT, "toolkit"),
    (IMPLEMENTATION, "implementation"),
)


def by_section(section: tuple[str, ...]) -> Kind | None:
    """The kind that the headings tell, the innermost first; None where they tell none."""
    for heading in reversed(section):
        for pattern, kind in HEADINGS:
            if pattern.search(heading[:200]):
                return kind
    return None


def cites(entry: Entry) -> bool:
    """Whether the entry's text gives what only a citation gives."""
    has_paper = any(link["kind"] == "paper" for link in entry.links)
    return bool(has_paper or entry.arxiv or entry.doi or entry.venue)


def of(entry: Entry, section: tuple[str, ...]) -> Kind | None:
    """The entry's kind; None where it is not an entry."""
    told = by_section(section)
    outward = any("://" in link["url"] for link in entry.links)
    cited = cites(entry) or (entry.label is not None and bool(entry.authors or entry.year))
    dated = entry.venue is not None and entry.year is not None
    if not outward and not (cited and entry.title and (entry.label or dated)):
        return None
    full = bool(entry.title and (entry.authors or dated) and not _is_news(section))
    if is_outside(section) and not (cited and (full or (entry.label and entry.authors))):
        return None
    if told == "dataset":
        return "dataset" if entry.title else "pointer"
    if told in ("toolkit", "implementation") and not (cited and _is_citation(entry)):
        return told if entry.title else "pointer"
    return "paper" if cited and entry.title else "pointer"


def _is_news(section: tuple[str, ...]) -> bool:
    return any(NEWS.match(part[:100]) for part in section[-2:])


def _is_citation(entry: Entry) -> bool:
    """Whether an entry under `Tools` or `Code` is a paper's all the same, by what it gives."""
    first = entry.links[0]["kind"] if entry.links else None
    given = entry.label or (entry.year and (entry.authors or entry.venue)) or entry.authors
    return bool(given) if first != "paper" else True


def is_set_off(entry: Entry, pieces: list[Piece]) -> bool:
    """Whether a paragraph is an entry rather than prose that mentions one.

    Its title is marked and stands first, or is cited with venue or authors; before it stand at
    most a few words.
    """
    if entry.title is None or not cites(entry):
        return False
    if entry.label and entry.authors:
        return True
    before = ""
    for piece in pieces:
        marked = piece.kind == "link" or piece.bold
        if marked and entry.title[:40] in " ".join(piece.text.split()):
            return len(before.split()) <= FEW or bool(entry.authors and entry.venue)
        before += piece.text if piece.kind == "text" else ""
    starts = " ".join(before.split())[:60].find(entry.title[:20]) >= 0
    words = any(piece.kind == "link" and word_kind(piece.text) == "paper" for piece in pieces)
    return (
        bool(starts and (words or (entry.venue and entry.year))) and len(before) < LONGEST_PARAGRAPH
    )
