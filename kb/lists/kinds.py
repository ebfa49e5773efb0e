"""What an entry is: a paper, a dataset, an implementation, a toolkit or a pointer."""

import re

from kb.lists.entry import Entry, Kind
from kb.lists.facts import IN_BRACKETS
from kb.lists.inline import SHORTCODE, Piece
from kb.lists.linkwords import CODE, PAPER, host_kind, word_kind

FEW = 3  # words of a title that has to be one by itself
MOST_BESIDE = 6  # words of a paragraph beside title, authors and venue; more is prose

TOOLKIT = re.compile(
    r"\b(?:tool|tools|toolkit|toolkits|toolbox|toolboxes|librar(?:y|ies)|frameworks?|software)\b",
    re.IGNORECASE,
)
DATASET = re.compile(
    r"\b(?:data[- ]?sets|corpora|benchmarks)\b|\b(?:data[- ]?set|corpus|benchmark)\W*$|数据集",
    re.IGNORECASE,
)
AND = re.compile(r"\s(?:and|&|/|\+)\s|,\s", re.IGNORECASE)
BESIDE_DATA = re.compile(
    r"data|corpus|corpora|benchmark|metric|evaluation|challenge|competition|resource|simulator",
    re.IGNORECASE,
)
IMPLEMENTATION = re.compile(
    r"\b(?:implementations?|code|codes|codebases?|repositor(?:y|ies)|repos)\b", re.IGNORECASE
)
PAPERS = re.compile(
    r"\b(?:papers?|publications?|literature|surveys?|reading list)\b|论文", re.IGNORECASE
)
OUTSIDE = re.compile(
    r"^\W*(?:contribut\w*(?: (?:guide\w*|rules|to .{1,40}|.{0,30}(?:list|repo\w*|project)))?|"
    r"how to (?:(?:contribut\w*|submit|install|help|join)(?: .{0,60})?|use(?: th(?:is|e) .{1,40})?|"
    r"add (?:a|an|new|your|papers?)\b.{0,40})|licen[sc]es?|licensing|acknowledge?ments?|"
    r"contacts?|(?:bibtex |recommended )?citations?|(?:how to )?(?:cit(?:e|ing)|acknowledg(?:e|ing))"
    r"(?:(?: (?:us|this|our|the))(?: [\w-]{1,20}){0,3})?|about(?: (?:us|this(?: \w+)?|the (?:authors?|list|project)))?|"
    r"stars?(?: histor(?:y|ies)| chart| growth)?|star[- ]?gazers|news|changelog|updates?|todo|"
    r"install\w*|usage|getting started|try it|quick ?start|requirements|maintainers?|authors?|"
    r"contributors|support|sponsors?)\W*$",
    re.IGNORECASE,
)
MEETINGS = re.compile(  # sections that list venues and what they held, not papers
    r"^[\W\d]*(?:(?:related|relevant|top|key|main|major|important)\s)?(?:conferences?|workshops?|journals?|venues?)\b|"
    r"\b(?:conferences?|workshops?|journals|tutorials?|competitions?|challenges)\W*$",
    re.IGNORECASE,
)
TALK = re.compile(  # sections of what may have a date and is no paper
    r"\b(?:blogs?|posts?|talks?|videos?|slides|lectures?|courses?|tutorials?|news|events?)\b",
    re.IGNORECASE,
)
OTHER_LIST = re.compile(r"\b(?:reading|paper) lists?\W*$", re.IGNORECASE)  # a title that names one
CONTENTS = re.compile(r"^\W*(?:table of contents?|contents?|toc|index|目录)\W*$", re.IGNORECASE)
NEWS = re.compile(r"^\W*(?:news|changelog|updates?|latest news)\W*$", re.IGNORECASE)


def is_outside(section: tuple[str, ...]) -> bool:
    """Whether the innermost headings name a part of a document that holds no entries."""
    return is_contents(section) or any(OUTSIDE.match(part[:100]) for part in section[-2:])


def is_contents(section: tuple[str, ...]) -> bool:
    """Whether the innermost heading is that of a table of contents."""
    return bool(section) and CONTENTS.match(section[-1][:100]) is not None


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
            if pattern.search(heading[:200]) and not (kind == "dataset" and _is_mixed(heading)):
                return kind
    return None


def names_papers(heading: str) -> bool:
    """Whether a heading says that papers follow, and not talks, posts or courses as well."""
    return bool(PAPERS.search(heading[:200])) and not TALK.search(heading[:100])


def is_of_papers(section: tuple[str, ...]) -> bool:
    """Whether a section may list papers: not data or code, nor talks, posts, courses and the like."""
    talk = section and TALK.search(section[-1][:100])
    return not talk and by_section(section) in (None, "paper")


def _is_mixed(heading: str) -> bool:
    """Whether a heading names datasets beside something else: `Applications and Datasets`."""
    parts = AND.split(heading[:200])
    return len(parts) > 1 and not all(BESIDE_DATA.search(part) for part in parts)


def cites(entry: Entry) -> bool:
    """Whether the entry's text gives what only a citation gives."""
    has_paper = any(link["kind"] == "paper" for link in entry.links)
    dated = entry.authors and entry.year
    return bool(has_paper or entry.arxiv or entry.doi or entry.venue or dated)


def of(entry: Entry, section: tuple[str, ...], *, listed: bool = False) -> Kind | None:
    """The entry's kind; None where it is not an entry.

    `listed`: a table of papers gives its title and its year, or it is a title in bold below a
    venue and its year.
    """
    by_heading = by_section(section)
    outward = any("://" in link["url"] or host_kind(link["url"]) for link in entry.links)
    if entry.links and all(link["url"].startswith("#") for link in entry.links):
        return None  # a way to a section of this document
    cited = cites(entry) or (entry.label is not None and bool(entry.authors or entry.year))
    listed = listed and len((entry.title or "").split()) > FEW
    cited = cited or listed
    dated = entry.year is not None and bool(entry.venue or entry.authors) and not entry.year_from
    if not outward and not (cited and entry.title and (entry.label or dated or listed)):
        return None
    full = bool(entry.title and (entry.authors or dated) and not _is_news(section))
    if is_outside(section) and not (cited and (full or (entry.label and entry.authors))):
        return None
    if by_heading == "dataset":
        return "dataset" if entry.title else "pointer"
    if by_heading in ("toolkit", "implementation") and not (cited and _is_citation(entry)):
        return by_heading if entry.title else "pointer"
    other = _is_meeting(entry, section) or _is_other_list(entry)
    paper = cited and entry.title and not other
    return "paper" if paper else "pointer"


def _is_meeting(entry: Entry, section: tuple[str, ...]) -> bool:
    """Whether an entry under `Conferences` or `NLP Workshops` is one, and no paper of one."""
    if not section or not MEETINGS.search(section[-1][:100]):
        return False
    to_paper = any(host_kind(link["url"]) == PAPER for link in entry.links)
    return not (to_paper or entry.authors or entry.arxiv or entry.doi or entry.label)


def _is_other_list(entry: Entry) -> bool:
    """Whether an entry is a list of papers to read, and no paper."""
    published = entry.authors or entry.venue or entry.arxiv or entry.doi or entry.label
    return not published and OTHER_LIST.search(entry.title or "") is not None


def _is_news(section: tuple[str, ...]) -> bool:
    return any(NEWS.match(part[:100]) for part in section[-2:])


def _is_citation(entry: Entry) -> bool:
    """Whether an entry under `Tools` or `Code` is a paper's all the same, by what it gives."""
    first = entry.links[0]["kind"] if entry.links else None
    published = entry.venue or entry.label or entry.arxiv or entry.doi
    if first == CODE and not published:
        return False  # `[Kites](https://github.com/ash/kites), Ash et al., 2020`
    given = entry.label or (entry.year and (entry.authors or entry.venue)) or entry.authors
    return bool(given) if first != "paper" else True


def is_whole(entry: Entry, block: str, pieces: list[Piece]) -> bool:
    """Whether a block is an entry and not prose that mentions one, or a table of results."""
    if block == "paragraph":
        return _is_set_off(entry, pieces)
    if block == "row":
        outward = any("://" in link["url"] for link in entry.links)
        return outward or len((entry.title or "").split()) >= FEW
    return bool(entry.links or entry.label or entry.authors) or not _is_prose(entry, pieces)


def _is_prose(entry: Entry, pieces: list[Piece]) -> bool:
    """Whether an item without a link says much more than a citation does: it only mentions one."""
    beside = sum(len(piece.text.split()) for piece in pieces) - len((entry.title or "").split())
    return beside > 3 * MOST_BESIDE


def _is_set_off(entry: Entry, pieces: list[Piece]) -> bool:
    """Whether a paragraph is an entry: most of its words are those of a citation.

    A title that is not marked must have more beside it than a link: prose is full of links.
    """
    title = entry.title
    if title is None or not cites(entry):
        return False
    if entry.label and (entry.authors or len(title.split()) >= FEW):
        return True
    marked = any(
        (piece.kind == "link" or piece.bold) and title[:40] in " ".join(piece.text.split())
        for piece in pieces
    )
    quoted = any(f"{mark}{title[:20]}" in piece.text for piece in pieces for mark in '"“«「')
    if not (marked or quoted or entry.authors or (entry.venue and entry.year)):
        return False
    most = sum(len(name.split()) for name in (title, *entry.authors))
    dated = entry.authors and entry.year and (marked or quoted)
    most += 3 * MOST_BESIDE if entry.venue or dated else MOST_BESIDE
    text = SHORTCODE.sub("", "".join(p.text for p in pieces if _is_running(p, title)))
    ends = text.find("\n", text.find(title[:40]) + len(title[:40])) if marked or quoted else -1
    return len(text[: ends if ends > 0 else None].split()) <= most


def _is_running(piece: Piece, title: str) -> bool:
    """Whether a piece is running text or the title: no link's word, picture, tag or note in bold."""
    if piece.bold and IN_BRACKETS.fullmatch(piece.text) and title[:40] not in piece.text:
        return False
    if piece.kind == "link":
        return not piece.bare and word_kind(piece.text) is None and title[:40] in piece.text
    return piece.kind == "text"
