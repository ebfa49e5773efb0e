"""A title as it is written -> the title alone; what stands around it or at its end is taken."""

import re

from kb.lists import dates, facts, sentences, venue_forms
from kb.lists.facts import Citation
from kb.lists.venues import Venues

MARKER = re.compile(r"\s{0,3}\[(?:J|C|M|D|A|OL|J/OL|C/OL|EB/OL|Z)\](?=\s|[.,;]|$)")
HEAD_GROUP = re.compile(
    r"^[^\w(\[（【]{0,12}[(\[（【]([^()\[\]（）【】]{1,80})[)\]）】][\s:.-]{0,4}"
)
TAIL_GROUP = re.compile(r"[\s,]{0,5}[(\[（【]([^()\[\]（）【】]{1,80})[)\]）】][\s.,]{0,5}$")
STARRED = re.compile(r"(?:^|[\W_])[A-Za-z]{1,2}\*$")  # `A*`, the algorithm
ARXIV_TAIL = re.compile(
    r"[\s,.(\[]{1,4}arxiv:\s?\d{4}\.\d{4,5}(?:v\d{1,2})?[\s).\]]{0,3}$", re.IGNORECASE
)
EMPTY_GROUP = re.compile(r"\(\s{0,9}\)|\[\s{0,9}\]")
NUMBER = re.compile(r"^\s{0,5}(?:\d{1,4}[.)]|\[\d{1,4}\]|#\d{1,4})\s{1,5}")
SYMBOLS = re.compile(
    r"^(?:\s|[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]|:[a-z_]{3,30}:){1,20}"
    r"|(?:\s|[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]|:[a-z_]{3,30}:){1,20}$"
)
SINGLE = re.compile(r"^['‘]([^'‘’]{8,400})['’]$")  # quotes around all of a title
QUOTED_START = re.compile(r"[\s*_]{0,6}(?:“[^“”]{1,60}”|\"[^\"]{1,60}\")[\s,:-]?[^\W_]")
LABELLED = re.compile(r"\s{0,3}\[([^\[\]]{2,30})\]\s{1,3}(?=\w\S{0,40}\s\S{1,40}\s\S)")
NO_LABELS = frozenset({"Re", "CLS", "MASK", "SEP"})  # they belong to their title
QUOTES = '"“”«»「」『』'
FEWEST_TITLE = 3  # words before a venue that stands in a title
WORDS = frozenset({"paper", "pdf", "slides", "video", "blog"})  # in brackets after a title
MOST_GROUPS = 4  # in brackets around a title


def clean_title(text: str) -> str | None:
    """A title without quotes, numbers before it, citation markers (`[J]`) and trailing stop."""
    text = EMPTY_GROUP.sub("", MARKER.sub("", NUMBER.sub("", text)))
    text = SINGLE.sub(r"\1", " ".join(text.split()))
    quotes = "" if QUOTED_START.match(text) else QUOTES  # `“Slow” Kites` keeps them
    text = text.lstrip(" \t*_`\\" + quotes).rstrip(" \t_`\\" + quotes)
    text = text if STARRED.search(text) else text.rstrip("* " + quotes)
    text = SYMBOLS.sub("", ARXIV_TAIL.sub("", text)).lstrip(":-–—.,;|>•)]/ ").rstrip(" ,;:|-–—[(")
    text = text.removesuffix(".").strip(quotes + " ")
    return text if any(char.isalnum() for char in text) else None


def without_label(title: str) -> str:
    """A linked title without the name in brackets before it: `[FOG] Slow Kites in the Fog`."""
    match = LABELLED.match(title)
    return title[match.end() :] if match and match[1] not in NO_LABELS else title


def peel(cited: Citation, title: str, venues: Venues) -> str:
    """A title without the groups in brackets around it that give venue, year or authors."""
    for pattern in (HEAD_GROUP, TAIL_GROUP):
        for _ in range(MOST_GROUPS):
            match = pattern.search(title)
            if not match or not (
                _issued(cited, match[1], venues)
                or facts.take(cited, match[1], venues)
                or facts.take_named(cited, match[1])
                or match[1].lower() in WORDS
                or not dates.REMARK.sub("", match[1]).strip(venue_forms.EDGE)  # `(oral)`
            ):
                break
            title = title[: match.start()] + title[match.end() :]
    return title


def _issued(cited: Citation, group: str, venues: Venues) -> bool:
    """Take the year beside the organisation that its authors work for: `(Google 2013)`."""
    name, _, year = group.strip().rpartition(" ")
    if not (dates.only_date(year) and venues.is_organisation(name)):
        return False
    cited.year = cited.year or dates.only_date(year)
    return True


def without_venue(cited: Citation, title: str, venues: Venues) -> str:
    """A marked title without venue and year at its end: `Title, CVPR 2020`, `Title. 2019-11-05`."""
    marks = [(start, after) for start, after, sure in sentences.stops(title.rstrip(". ")) if sure]
    comma = title.rfind(",")
    for start, after in [*marks[-1:], *([(comma, comma + 1)] if comma > 0 else [])]:
        tail = title[after:]
        venue, year, known = dates.from_phrase(tail, venues)
        if title[start] != "," and not known:  # after a stop any acronym is a venue, a date is one
            venue, year = dates.acronym_year(tail) or (None, dates.only_date(tail))
        if year and (known or title[start] != ",") and len(title[:start].split()) >= FEWEST_TITLE:
            cited.venue, cited.year = cited.venue or venue, cited.year or year
            return title[:start]
    return title
