"""Targets of paper links: a paper, and the right one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kb.checks.address import CODE_HOSTS, host, identity, is_no_paper
from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.checks.rules_links import is_placeholder
from kb.checks.words import overlap, similarity, title_words, within
from kb.lists.identifiers import arxiv_in_text
from kb.lists.linkwords import CODE
from kb.records import Dataset, Paper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.finding import Severity
    from kb.checks.known import Work
    from kb.checks.listing import Item, Listing
    from kb.checks.markup import Link

SAME_TITLE = 0.7  # titles at least this similar may be two versions of one paper
FEWEST = 3  # words of a title; fewer are a name that a list gives a work
FEW = 5  # a list with fewer papers shows no convention yet


@rule(
    "error",
    reason="A reader who follows a paper link wants the paper.",
    hint="Link the paper's page (arXiv, proceedings or DOI); the repository goes under [[code]].",
)
def paper_link_not_a_paper(listing: Listing) -> Iterator[Hit]:
    """A paper link that leads to a repository, a talk or a search."""
    for item in listing.works:
        for link in item.papers:
            if what := is_no_paper(link.url):
                message = f"the paper link leads to {what}, not to a paper"
                yield Hit(*link.spot, message, _to_arxiv(listing, item, link), safe=False)


@rule(
    "error",
    reason="Paper and code have different addresses; one address under both words is wrong.",
    hint="Give each word its own address, or drop the word that has none.",
)
def same_url_paper_and_code(listing: Listing) -> Iterator[Hit]:
    """One address as paper link and as code link of an entry."""
    for item in listing.works:
        codes = {identity(link.url): link for link in item.codes if not is_placeholder(link.url)}
        for link in item.papers:
            code = codes.get(identity(link.url))
            if code is not None and code.start != link.start:
                message = "paper and code have the same address"
                wrong = link if is_no_paper(link.url) else code
                edits = _to_arxiv(listing, item, link) if wrong is link else ()
                yield Hit(*wrong.spot, message, edits, safe=False)


def _to_arxiv(listing: Listing, item: Item, link: Link) -> tuple[Edit, ...]:
    """An edit that points a paper link at the arXiv id of the text, or else of the record."""
    arxiv = text_arxiv(item)
    record = listing.known.record(item.entry)
    if arxiv is None and record is not None:
        arxiv = record.ids.arxiv
    if arxiv is None:
        return ()
    return (Edit(link.url_start, link.url_end, f"https://arxiv.org/abs/{arxiv}"),)


def _to_record(listing: Listing, item: Item, link: Link) -> tuple[Edit, ...]:
    """An edit that points a paper link at the paper's address in the entry's own record."""
    record = listing.known.record(item.entry)
    if record is None or not (record.ids.arxiv or record.ids.doi):
        return ()
    ids = record.ids
    own = f"https://arxiv.org/abs/{ids.arxiv}" if ids.arxiv else f"https://doi.org/{ids.doi}"
    return () if identity(own) == identity(link.url) else (Edit(link.url_start, link.url_end, own),)


def text_arxiv(item: Item) -> str | None:
    """The arXiv id that the entry's words name, addresses aside."""
    return arxiv_in_text(item.words)[0]


@rule(
    "error",
    reason="Text and link name two arXiv papers; one of them is somebody else's.",
    hint="Look both ids up and keep the one that is this paper.",
)
def arxiv_id_mismatch(listing: Listing) -> Iterator[Hit]:
    """An arXiv id in the text that is not the id of the paper link."""
    for item in listing.works:
        written = text_arxiv(item)
        linked_ids = {identity(link.url) for link in item.papers} if written else set()
        if f"arxiv:{written}" in linked_ids:
            continue
        for link in item.papers if written else ():
            linked = identity(link.url)
            if linked.startswith("arxiv:") and linked != f"arxiv:{written}":
                message = f"the text has arXiv:{written}, the link leads to {_shown(linked)}"
                edit = Edit(link.url_start, link.url_end, f"https://arxiv.org/abs/{written}")
                yield Hit(*link.spot, message, (edit,), safe=False)


@rule(
    "error",
    reason="The link opens a different paper, and the reader may not notice.",
    hint="Link the paper that the entry names.",
)
def paper_link_other_paper(listing: Listing) -> Iterator[Hit]:
    """A paper link whose id belongs to another paper, by the records or by the list itself."""
    owners = listing.index(own_arxiv_ids)
    for item in listing.works:
        title = item.entry.title
        for link in item.papers if title else ():
            place = identity(link.url)
            owner = listing.known.owner(place)
            if owner is not None and not _is_entry(owner, item):
                message = f"the link is {_shown(place)}, which is {owner.title!r} ({owner.id})"
                hint = _to_arxiv(listing, item, link)
                severity: Severity | None = None if _is_other(owner, item) else "warning"
                yield Hit(*link.spot, message, hint, severity, safe=False)
            elif (
                owner is None and (other := owners.get(place)) and _contradicts(other, item, place)
            ):
                message = (
                    f"the link is {_shown(place)}, which line {other.entry.line} names as its own"
                )
                yield Hit(*link.spot, message, _to_arxiv(listing, item, link), safe=False)


def _shown(place: str) -> str:
    return place.replace("arxiv:", "arXiv:", 1) if place.startswith("arxiv:") else place


def own_arxiv_ids(listing: Listing) -> dict[str, Item]:
    """ArXiv id -> the entry whose text gives it as its own."""
    items: dict[str, Item] = {}
    for item in listing.works:
        if arxiv := text_arxiv(item):
            items.setdefault(f"arxiv:{arxiv}", item)
    return items


def _contradicts(other: Item, item: Item, place: str) -> bool:
    """Whether two citations cannot mean one work, and only the other gives the id as its own."""
    own = f"arxiv:{text_arxiv(item)}" == place
    return not own and item.cites() and other.cites() and not same_title(item, other)


def _is_entry(owner: Work, item: Item) -> bool:
    """Whether a record is that of an entry: a title alike, or the record's title in its words."""
    titles = [owner.title]
    if isinstance(owner, Paper):
        titles += [version.title for version in owner.versions if version.title]
    return any(
        similarity(title, item.entry.title or "") >= SAME_TITLE
        or within(title_words(title), item.vocabulary)
        for title in titles
    )


@rule(
    "error",
    reason="One address cannot be two papers: at least one of the links is wrong.",
    hint="Open the address, see which paper it is, and give the other entry its own link.",
)
def shared_paper_url(listing: Listing) -> Iterator[Hit]:
    """Entries of different works whose paper links lead to the same address."""
    by_place: dict[str, list[tuple[Item, Link]]] = defaultdict(list)
    for item in listing.works:
        for link in item.papers:
            place = identity(link.url)
            if "/" in place or ":" in place:  # a bare host or a placeholder is another rule's
                by_place[place].append((item, link))
    for users in by_place.values():
        for item, link in users:
            others = [other for other, _ in users[:8] if not same_title(item, other)]
            if others:
                lines = ", ".join(str(line) for line in sorted({o.entry.line for o in others}))
                message = f"this paper link is also that of another paper, line {lines}"
                sure = (
                    item.cites()
                    and not _may_be_retitled(place, item, others)
                    and any(other.cites() and _apart(item, other) for other in others)
                )
                hint = _to_record(listing, item, link)
                severity: Severity | None = None if sure else "warning"
                yield Hit(*link.spot, message, hint, severity, safe=False)


def _may_be_retitled(place: str, item: Item, others: list[Item]) -> bool:
    """Whether an arXiv paper may have changed its title: no authors tell the entries apart."""
    named = item.entry.authors and all(other.entry.authors for other in others)
    return place.startswith("arxiv:") and not named


def _apart(one: Item, other: Item) -> bool:
    """Whether two titles name two works for sure: no short name, not one name before a colon."""
    data = (one.entry.kind == "dataset") != (other.entry.kind == "dataset")
    return not data and titles_apart(one.entry.title or "", other.entry.title or "")


def titles_apart(one: str, other: str) -> bool:
    """Whether two titles cannot be two ways to name one work: `Kites`, `Kites: A Study`."""
    heads = {tuple(title_words(title.partition(":")[0])) for title in (one, other)}
    return len(heads) > 1 and min(len(title_words(one)), len(title_words(other))) >= FEWEST


def _is_other(owner: Work, item: Item) -> bool:
    """Whether a record is another work than an entry for sure."""
    data = isinstance(owner, Dataset) != (item.entry.kind == "dataset")
    return not data and titles_apart(owner.title, item.entry.title or "")


def same_title(one: Item, other: Item) -> bool:
    """Whether two entries may mean one work: titles alike, or one's name in the other's words."""
    first, second = one.entry.title, other.entry.title
    if one is other or not (first and second):
        return True
    if similarity(first, second) >= SAME_TITLE:
        return True
    named = within(title_words(first), other.vocabulary) or within(
        title_words(second), one.vocabulary
    )
    return named or overlap(one.vocabulary, other.vocabulary) >= SAME_TITLE


@rule(
    "info",
    reason="Most readers come for the code; somebody may just have forgotten the link.",
    hint="Add [[code]](...) if the authors have published code; otherwise leave the entry.",
)
def entry_lacks_code_link(listing: Listing) -> Iterator[Hit]:
    """A paper without a link to code, in a list that gives such links."""
    papers = [item for item in listing.items if item.entry.kind == "paper" and item.links]
    bare = [item for item in papers if not _has_code(item)]
    if len(bare) == len(papers) > FEW:
        return  # this list gives no code links at all
    for item in bare:
        start, end = item.title_place or (item.start, item.end)
        record = listing.known.record(item.entry)
        code = _official(record) if record else None
        if code is None:
            yield Hit(start, end, "no link to code")
            continue
        last = item.links[-1].end
        edit = Edit(last, last, f" [[code]]({code})")
        yield Hit(start, end, f"no link to code; the record has {code}", (edit,), safe=False)


def _official(record: Work) -> str | None:
    """The code link of a record, unless the record marks it as unofficial."""
    codes = (link for link in record.links if link.kind == CODE and link.official is not False)
    return next((link.url for link in codes), None)


def _has_code(item: Item) -> bool:
    return bool(item.codes) or any(host(link.url) in CODE_HOSTS for link in item.links)
