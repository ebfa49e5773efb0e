"""What an entry is: a paper, a data set, an implementation, a toolkit or a pointer."""

import re

from kb.lists.entry import Entry, Kind

TOOLKIT = re.compile(
    r"\b(?:tool|tools|toolkit|toolkits|toolbox|toolboxes|librar(?:y|ies)|frameworks?|software)\b",
    re.IGNORECASE,
)
DATASET = re.compile(r"\b(?:data[- ]?sets?|corpus|corpora|benchmarks?)\b|数据集", re.IGNORECASE)
IMPLEMENTATION = re.compile(
    r"\b(?:implementations?|code|codes|codebases?|repositor(?:y|ies)|repos)\b", re.IGNORECASE
)
PAPERS = re.compile(
    r"\b(?:papers?|publications?|literature|surveys?|reading list)\b|论文", re.IGNORECASE
)
OUTSIDE = re.compile(
    r"^\W*(?:table of contents?|contents?|toc|index|contribut\w*|how to \w.*|licen[sc]es?|licensing|acknowledge?ments?|"
    r"contacts?|citations?|citing.*|cite.*|about|stars?.*|news|changelog|updates?|todo|"
    r"install\w*|usage|getting started|try it|quick ?start|requirements|maintainers?|authors?|"
    r"contributors|support|sponsors?|目录)\W*$",
    re.IGNORECASE,
)


def is_outside(section: tuple[str, ...]) -> bool:
    """Whether the innermost heading names a part of a document that holds no entries."""
    return bool(section) and any(OUTSIDE.match(part[:100]) for part in section[-2:])


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
    outward = [link for link in entry.links if not link["url"].startswith("#")]
    cited = cites(entry) or (entry.label is not None and bool(entry.authors or entry.year))
    if not outward and not (cited and entry.title):
        return None
    if is_outside(section) and not cited:
        return None
    if told == "dataset":
        return "dataset" if entry.title else "pointer"
    if told in ("toolkit", "implementation") and not (cited and entry.label):
        return told if entry.title else "pointer"
    return "paper" if cited else "pointer"
