"""Blocks -> the stretches of lines that belong to one entry.

An entry may go on in the items below it (`- Code: ...`), and a paragraph may hold several.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from kb.lists import people
from kb.lists.blocks import Block, columns, unquoted
from kb.lists.linkwords import CODE, host_kind, word_kind

ATTRIBUTE = re.compile(
    r"^[\W_]{0,8}(?:papers?|pdf|arxiv|codes?|github|project(?: page)?|homepage|home page|website|datasets?|"
    r"data|intro|note|demo|videos?|slides|authors?|venue|conference|journal|published(?: in)?|publication|year|date|"
    r"link|links|blog|poster|supp\w{0,12}|keywords?|tl;?dr|summary|abstract|institutions?|affiliations?|"
    r"title|作者|论文|代码|会议|主页)[\W_]{0,6}[:：]",
    re.IGNORECASE,
)
LINK_ONLY = re.compile(r"\[{1,2}([^\[\]]{1,40})\]{1,2}\(([^()]{1,500})\)\]?")
DOUBLE = re.compile(r"\[\[[^\[\]]{1,40}\]\]")
START = re.compile(
    r"^[\W_]{0,6}(?:\d{1,4}[.)]\s{1,4})?(?:(?P<bold>\*\*|__|<b>)|(?P<code>`?\[[^\[\]]{2,80}\]`)|"
    r"(?P<link>\[{1,2}[^\[\]]{8,400}\]\()|(?P<tag><a\s)|(?P<word>\[\[?\w))"
)
VENUE_LINK = re.compile(r"^\W{0,6}\[{1,2}[^\[\]]{0,40}(?:19|20)\d\d[^\[\]]{0,40}\]\(")
BOLD_LINE = re.compile(r"^(?:\*\*[^*]{4,400}\*\*|__[^_]{4,400}__)[ \t]{0,4}$")
ADDRESS_LINE = re.compile(r"^(?:<?https?://[^\s<>]{4,500}>?[ \t]{0,4})$")
BREAK = re.compile(r"<br\s{0,3}/?>\s{0,9}$", re.IGNORECASE)
NAMED_ADDRESS = re.compile(
    r"^([^\W\d_]{3,20})\s{0,2}([:：])?\s{1,3}<?https?://[^\s<>]{4,500}>?\s*$"
)
LONGEST_ATTRIBUTE = 600


@dataclass(frozen=True)
class Reads:
    """How the texts of a document read: as facts of an entry without a title, or as a citation."""

    is_facts: Callable[[str], bool]  # gives authors, venue, year and links, but no title
    is_citation: Callable[[str], bool]  # gives authors, a title and where it was published


def is_attribute(text: str, after: Block | None, reads: Reads) -> bool:
    """Whether an item only adds to the entry above it: `Code: ...`, its links, authors, venue.

    One full name is its author where the item `after` it has only links.
    """
    if len(text) > LONGEST_ATTRIBUTE:
        return False
    if ATTRIBUTE.match(text):
        return True
    if LINK_ONLY.search(text):
        return _only_links(text) or reads.is_facts(text)
    first = re.split(r"\.\s|\n|\s\(|\*\s", text.strip(" *_"), maxsplit=1)[0]
    if people.authors(first) is not None or reads.is_facts(text):
        return True
    followed = after is not None and after.kind == "item" and _only_links(after.text)
    return followed and people.one(text) is not None


def _only_links(text: str) -> bool:
    """Whether a text is nothing but links named `paper`, `code` and the like, or to code."""
    links = list(LINK_ONLY.finditer(text))
    rest = any(char.isalnum() for char in LINK_ONLY.sub("", text))
    return bool(links) and not rest and all(map(_is_named, links))


def _in_brackets(text: str) -> bool:
    """Whether a text is nothing but words in double brackets, at least one of them a link."""
    links = list(LINK_ONLY.finditer(text))
    rest = any(map(str.isalnum, DOUBLE.sub("", LINK_ONLY.sub("", text))))
    return bool(links) and not rest and all(link[0].startswith("[[") for link in links)


def _is_named(link: re.Match[str]) -> bool:
    to_code = link[0].startswith("[[") and host_kind(link[2]) == CODE  # `[[Python]](...)`
    return to_code or word_kind(link[1]) is not None


def gather(blocks: list[Block], lines: list[str], reads: Reads) -> Iterator[Block]:
    """The blocks with what belongs to an entry put together, in order; `lines` of the document."""
    index = 0
    while index < len(blocks):
        block = head = blocks[index]
        index += 1
        while index < len(blocks) and block.kind != "row":
            child, after = blocks[index], blocks[index + 1] if index + 1 < len(blocks) else None
            cites = not block.citation and _cites(child, block, head, reads)
            if not cites and not _belongs(child, block, head, after, reads):
                break
            citation = child.text if cites else block.citation
            whole = lines[block.line - 1 : child.end_line]
            block = replace(block, lines=whole, citation=citation)
            index += 1
        if block.kind == "paragraph":
            yield from split(block)
        else:
            yield block


def _cites(child: Block, block: Block, head: Block, reads: Reads) -> bool:
    """Whether an item cites in full what the item above it names and links."""
    below = child.kind == block.kind == "item" and child.section == block.section
    near = child.line - block.end_line == 1 and child.indent > head.indent
    linked = LINK_ONLY.search(head.text) is not None
    return below and near and linked and block is head and reads.is_citation(child.text)


def _belongs(child: Block, block: Block, head: Block, after: Block | None, reads: Reads) -> bool:
    """Whether the next block goes on with this one; `head` is what this one began as."""
    if child.line - block.end_line > 2:  # noqa: PLR2004  (one blank line between)
        return False
    if block.kind == "heading":
        below = child.section[:-1] == block.section and len(child.lines) == 1
        return below and child.kind == "paragraph" and len(block.lines) == 1
    if child.section != block.section or child.kind not in ("paragraph", "item"):
        return False
    if child.kind == "paragraph":
        return _is_linked_below(child, head)
    if block.kind == "item":
        return _adds(child, block, head, after, reads)
    small = len(head.lines) <= 3  # noqa: PLR2004
    return small and (bool(ATTRIBUTE.match(child.text)) or _is_amid_attributes(child, after))


def _is_amid_attributes(child: Block, after: Block | None) -> bool:
    """Whether an item is a word and an address among the items of one paper: `Homepge: https://..`.

    A word that names no kind (a slip, `Weights`) counts where an item with a known one follows.
    """
    named = NAMED_ADDRESS.match(child.text)
    if named is None or child.kind != "item":
        return False
    near = after is not None and after.kind == "item" and after.line - child.end_line == 1
    follows = near and after is not None and ATTRIBUTE.match(after.text) is not None
    return word_kind(named[1]) is not None or (named[2] is not None and follows)


def _adds(child: Block, block: Block, head: Block, after: Block | None, reads: Reads) -> bool:
    """Whether an item adds to the one above it: below it, or its links beside a nested title."""
    if child.indent == head.indent > 0:
        links = _only_links(child.text) or _in_brackets(child.text)
        named = child.text.startswith("[[") and reads.is_facts(
            child.text
        )  # `[[Paper]](..) (SDM 2018)`
        alone = _only_links(head.text) or _in_brackets(head.text)
        return (links or named) and not alone
    if child.indent == block.indent and BREAK.search(block.lines[-1]):
        return is_attribute(child.text, after, reads)  # names whose first star reads as a bullet
    return child.indent > block.indent and is_attribute(child.text, after, reads)


def _is_linked_below(child: Block, head: Block) -> bool:
    """Whether a paragraph is only the address or the links of the bold title above it."""
    titled = head.kind == "paragraph" and len(head.lines) == 1 and BOLD_LINE.match(head.lines[0])
    alone = len(child.lines) == 1 and len(child.text) <= LONGEST_ATTRIBUTE
    return bool(titled and alone and (ADDRESS_LINE.match(child.text) or _only_links(child.text)))


def split(block: Block) -> Iterator[Block]:
    """A paragraph's entries: one, or one at each line that starts like an entry."""
    forms = [_form(line) for line in block.lines]
    starts = [i for i, form in enumerate(forms) if form and form == forms[0]]
    if len(starts) < 2 or not _each_whole(block, starts):  # noqa: PLR2004
        yield block
        return
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        lines = block.lines[start:end]
        plain = unquoted(lines[0])
        lead = len(plain) - len(plain.lstrip())
        yield replace(
            block, line=block.line + start, lines=lines, skipped=lead, indent=columns(" " * lead)
        )


def _form(line: str) -> str | None:
    """How a line starts, where entries start so: in bold, with a label, with a link."""
    match = START.match(line)
    return None if match is None or VENUE_LINK.match(line) else match.lastgroup


def _each_whole(block: Block, starts: list[int]) -> bool:
    """Whether each line that starts like an entry has a link or a title of its own."""
    return all(
        "](" in block.lines[i] or "href" in block.lines[i] or "**" in block.lines[i] for i in starts
    )
