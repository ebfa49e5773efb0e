"""Blocks -> the stretches of lines that belong to one entry.

An entry may go on in the items below it (`- Code: ...`), and a paragraph may hold several.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from kb.lists import people
from kb.lists.blocks import Block, columns
from kb.lists.linkwords import word_kind

ATTRIBUTE = re.compile(
    r"^[\W_]{0,8}(?:papers?|pdf|arxiv|codes?|github|project(?: page)?|homepage|home page|website|datasets?|"
    r"data|intro|note|demo|videos?|slides|authors?|venue|conference|journal|published(?: in)?|publication|year|date|"
    r"link|links|blog|poster|supp\w{0,12}|keywords?|tl;?dr|summary|abstract|institutions?|affiliations?|"
    r"title|作者|论文|代码|会议|主页)[\W_]{0,6}[:：]",
    re.IGNORECASE,
)
LINK_ONLY = re.compile(r"\[{1,2}([^\[\]]{1,40})\]{1,2}\([^()]{1,500}\)\]?")
START = re.compile(
    r"^[\W_]{0,6}(?:\d{1,4}[.)]\s{1,4})?(?:(?P<bold>\*\*|__|<b>)|(?P<code>`?\[[^\[\]]{2,80}\]`)|"
    r"(?P<link>\[{1,2}[^\[\]]{8,400}\]\()|(?P<tag><a\s)|(?P<word>\[\[?\w))"
)
VENUE_LINK = re.compile(r"^\W{0,6}\[{1,2}[^\[\]]{0,40}(?:19|20)\d\d[^\[\]]{0,40}\]\(")
BOLD_LINE = re.compile(r"^(?:\*\*[^*]{4,400}\*\*|__[^_]{4,400}__)[ \t]{0,4}$")
ADDRESS_LINE = re.compile(r"^(?:<?https?://[^\s<>]{4,500}>?[ \t]{0,4})$")
LONGEST_ATTRIBUTE = 600


def is_attribute(text: str, is_facts: Callable[[str], bool]) -> bool:
    """Whether an item only adds to the entry above it: `Code: ...`, its links, authors, venue."""
    if len(text) > LONGEST_ATTRIBUTE:
        return False
    if ATTRIBUTE.match(text):
        return True
    if LINK_ONLY.search(text):
        return _only_links(text) or is_facts(text)
    first = re.split(r"\.\s|\n|\s\(|\*\s", text.strip(" *_"), maxsplit=1)[0]
    return people.authors(first) is not None or is_facts(text)


def _only_links(text: str) -> bool:
    """Whether a text is nothing but links named `paper`, `code` and the like."""
    words = LINK_ONLY.findall(text)
    rest = any(char.isalnum() for char in LINK_ONLY.sub("", text))
    return bool(words) and not rest and all(word_kind(word) for word in words)


def gather(
    blocks: list[Block], lines: list[str], is_facts: Callable[[str], bool]
) -> Iterator[Block]:
    """The blocks with what belongs to an entry put together, in order; `lines` of the document.

    `is_facts` tells a text that gives authors, venue, year and links, but no title.
    """
    index = 0
    while index < len(blocks):
        block = blocks[index]
        index += 1
        head = block
        if block.kind != "row":
            while index < len(blocks) and _belongs(blocks[index], block, head, is_facts):
                through = blocks[index].end_line
                block = replace(block, lines=lines[block.line - 1 : through])
                index += 1
        if block.kind == "paragraph":
            yield from split(block)
        else:
            yield block


def _belongs(child: Block, block: Block, head: Block, is_facts: Callable[[str], bool]) -> bool:
    """Whether the next block goes on with this one; `head` is what this one began as."""
    near = child.line - block.end_line <= 2  # noqa: PLR2004  (one blank line between)
    if block.kind == "heading":
        below = child.section[:-1] == block.section and len(child.lines) == 1
        return near and below and child.kind == "paragraph" and len(block.lines) == 1
    if child.section != block.section or not near:
        return False
    titled = head.kind == "paragraph" and len(head.lines) == 1 and BOLD_LINE.match(head.lines[0])
    if child.kind == "paragraph":
        alone = len(child.lines) == 1 and len(child.text) <= LONGEST_ATTRIBUTE
        return bool(
            titled and alone and (ADDRESS_LINE.match(child.text) or _only_links(child.text))
        )
    if child.kind != "item":
        return False
    if block.kind == "item":
        return child.indent > block.indent and is_attribute(child.text, is_facts)
    return len(head.lines) <= 3 and ATTRIBUTE.match(child.text) is not None  # noqa: PLR2004


def split(block: Block) -> Iterator[Block]:
    """A paragraph's entries: one, or one at each line that starts like an entry."""
    forms = [_form(line) for line in block.lines]
    starts = [i for i, form in enumerate(forms) if form and form == forms[0]]
    if len(starts) < 2 or not _each_whole(block, starts):  # noqa: PLR2004
        yield block
        return
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        lines = block.lines[start:end]
        lead = len(lines[0]) - len(lines[0].lstrip())
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
