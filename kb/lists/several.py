"""Several papers on one line: where each begins, and the line's parts."""

import re
from dataclasses import replace

from kb.lists import facts, sentences
from kb.lists.blocks import Block
from kb.lists.facts import Citation
from kb.lists.inline import Piece
from kb.lists.linkwords import PAPER, host_kind
from kb.lists.marking import is_title_link
from kb.lists.venues import Venues

FEWEST_WORDS = 3  # of a title; shorter links are names in a sentence
LINK = re.compile(r"\[([^\[\]]{1,400})\]\(|<a\s", re.IGNORECASE)
LONGEST = 20000  # characters of a line that are looked at
MOST_BETWEEN = 2  # words between two papers that are no fact


def may_hold(line: str) -> bool:
    """Whether a line has two links of more than a word, told cheaply."""
    if line.count("http") < 2:  # noqa: PLR2004
        return False
    return sum(not text or " " in text for text in LINK.findall(line[:LONGEST])) > 1


def title_links(pieces: list[Piece], venues: Venues) -> list[int]:
    """The pieces that each begin a paper; none where the line holds one, or prose."""
    starts = [
        index
        for index, piece in enumerate(pieces)
        if is_title_link(piece)
        and host_kind(piece.url) == PAPER
        and (len(piece.text.split()) >= FEWEST_WORDS or not piece.text.isascii())
    ]
    if len(starts) < 2 or len({pieces[start].url for start in starts}) < len(starts):  # noqa: PLR2004
        return []
    if any(char.isalnum() for piece in pieces[: starts[0]] for char in piece.text):
        return []
    stretches = zip(starts, [*starts[1:], len(pieces)], strict=True)
    apart = all(_only_facts(pieces[start + 1 : end], venues) for start, end in stretches)
    return starts if apart else []


def _only_facts(pieces: list[Piece], venues: Venues) -> bool:
    text = "".join("\n" if piece.kind != "text" else piece.text for piece in pieces)
    parts = [
        part
        for sentence in sentences.split(sentences.apart(text))
        for part in sentences.BRACKETS.split(sentence)
        if any(map(str.isalnum, part))
    ]
    left = [part for part in parts if not facts.take(Citation(), part, venues)]
    return sum(len(part.split()) for part in left) <= MOST_BETWEEN


def parts(block: Block, urls: list[str]) -> list[Block]:
    """The block's line cut before the link to each of these addresses."""
    line = block.lines[0]
    cuts, at = [], block.skipped
    for url in urls:
        place = (
            line.find(url.replace("&", "&amp;"), at) if url not in line[at:] else line.find(url, at)
        )
        before = line[at:place] if place >= 0 else ""
        start = before.rfind("<a") if before.endswith(('"', "'")) else _opening(before)
        if start < 0:
            return [block]
        cuts.append(at + start)
        at = place + len(url)
    ends = [*cuts[1:], len(line)]
    return [
        replace(block, lines=[line[start:end].rstrip(" \t,;|•·&")], skipped=0, part=True)
        for start, end in zip(cuts, ends, strict=True)
    ]


def _opening(before: str) -> int:
    """Where the bracket opens that the last `](` of a text closes; -1 where none does."""
    depth = 0
    for index in range(before.rfind("]("), -1, -1):
        depth += {"]": 1, "[": -1}.get(before[index], 0)
        if depth == 0:
            return index
    return -1
