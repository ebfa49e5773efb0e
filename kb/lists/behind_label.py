"""A citation behind a label in back-ticks, `[Ash et al. CVPR20]` Title. Venue, Year."""

from kb.lists import dates, facts, leading, people, sentences, titles, unmarked
from kb.lists.facts import Citation
from kb.lists.venues import Venues

MOST_PARTS = 24  # of a citation that are looked at for a venue, from the end


def read(text: str, venues: Venues, *, named: bool, authored: bool) -> Citation:
    """The citation that follows a label; a venue that no table knows is still a venue.

    `named`: the label is only a name (a dataset's), so `Surname. Title.` may follow.
    `authored`: the label names authors, so none follow.
    """
    cited = Citation()
    text = unmarked.after_et_al(cited, text.replace("\r", " "))
    end = _venue_at_end(cited, text, venues)
    if end is not None and any(map(str.isalnum, text[:end])):
        cited.title = titles.clean_title(text[:end][: unmarked.LONGEST_TITLE + leading.LONGEST])
    else:
        unmarked.by_order(cited, text, venues)
    if cited.title and not (authored or cited.authors):
        cited.title = _after_authors(cited, cited.title, lone=named)
    cited.title = cited.title and cited.title[: unmarked.LONGEST_TITLE].rstrip()
    return cited


def _venue_at_end(cited: Citation, text: str, venues: Venues) -> int | None:
    """Take venue and year from the last part that gives them; where the title before it ends.

    None where what follows the title are authors rather than a venue.
    """
    text = text.rstrip()
    marks = sentences.stops(text)[-MOST_PARTS:]
    ends = [*(start for start, _, _ in marks), len(text)]
    for last in range(len(marks) - 1, -1, -1):
        for end, after, _ in marks[max(0, last - 6) : last + 1]:
            venue, year, known = dates.from_phrase(text[after : ends[last + 1]], venues)
            if known:
                cited.venue, cited.year = venue, year
                return end
    sure = [mark for mark in marks if mark[2]] or marks
    if sure:
        rest = text[sure[-1][1] :]
        venue, year, _ = dates.from_phrase(rest, venues)
        if venue and year:
            cited.venue, cited.year = venue, year
            return sure[-1][0]
        if people.authors(rest):
            return None
    trimmed = facts.cut_tail(cited, text.rstrip("."), venues)
    return len(text) if trimmed is None else len(trimmed)


def _after_authors(cited: Citation, title: str, *, lone: bool) -> str | None:
    """Take the authors that stand before a title: a list of names, or (`lone`) one surname."""
    stop = next((mark for mark in sentences.stops(title) if mark[2]), None)
    if stop is None:
        return title
    first, rest = title[: stop[0]], title[stop[1] :]
    got = people.authors(first)
    if got is None and lone and " " not in first.strip(". ") and people.is_name(first.strip(". ")):
        got = [first.strip(". ")], False
    if got is None or not rest.strip():
        return title
    cited.authors, cited.et_al = got
    return titles.clean_title(rest)
