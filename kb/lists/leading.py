"""Authors that stand before a title, and what follows them."""

import re

from kb.lists import dates, people, sentences
from kb.lists.facts import Citation
from kb.lists.venues import Venues

TURNED = re.compile(  # `Dai, J., Oak, K. & Sun, J.` and `Dai J, Oak K, Sun J.`, before a title
    r"(?:(?:(?:[a-z]{2,4}\s){0,2}(?:(?:Van|Von|De|Di|Da|Du|Del|El|La|Le|Mc|St)\s){0,2}[^\W\d_a-z][\w'’-]{1,30},\s"
    r"(?:[A-Z]\.[\s-]{0,1}){1,4}(?:[,;]?\s?(?:and|&)\s|[,;]\s|\s(?=[^\W\d_])|\s?$)?){1,60}|"
    r"(?:[^\W\d_a-z][\w'’-]{1,30}\s[A-Z]{1,3},\s){1,60}(?:and\s)?[^\W\d_a-z][\w'’-]{1,30}\s[A-Z]{1,3}\.\s)"
)
ONE_TURNED = re.compile(
    r"(?:^|(?<![\w,])\s{1,3}|[\])]\s?)((?:(?:[vV]an|[vV]on|[dD]e|[dD]er|[lL]a)\s){0,2}[^\W\d_a-z][\w'’-]{1,30}),\s"
    r"([^\W\d_a-z][\w'’.-]{0,30}(?:\s(?:[^\W\d_a-z][\w'’.-]{0,30}|van|von|de|den|der|la)){0,3}?)"
    r"(?:\.|(,\set\sal\.?)|(?<=[A-Z]\.))\s{0,3}[\"“*]{0,3}$"
)
LONGEST = 1000  # characters of an author list


def after_turned(cited: Citation, text: str) -> str:
    """Take the authors of `Ash, M., Oak, B. Title`, where the last stop is an initial's."""
    head = text.lstrip()[: LONGEST + 1]
    match = TURNED.match(head)
    rest = head[match.end() :].lstrip() if match else ""
    got = (
        people.authors(head[: match.end()].rstrip(" ,&")) if match and rest[:1].isalnum() else None
    )
    if got is None:
        return text
    cited.authors, cited.et_al = got
    return rest + text.lstrip()[LONGEST + 1 :]


def begins_turned(text: str) -> bool:
    """Whether a text begins with several people, `Wu, T., Dong, Y. and Roe, C.`, and goes on."""
    match = TURNED.match(text[:LONGEST])
    several = match is not None and match[0].count(".") > 1
    return match is not None and several and people.authors(match[0].rstrip(" ,&")) is not None


def one_turned(text: str) -> tuple[list[str], bool] | None:
    """The one author before a title in quotes or bold, turned around: `Oord, Aaron van den`."""
    match = ONE_TURNED.search(text[-LONGEST:])
    if match is None or not (people.is_name(match[1]) and people.is_name(match[2].split()[0])):
        return None
    return [f"{match[1]}, {match[2]}"], match[3] is not None


def lone_author(text: str, venues: Venues) -> list[str]:
    """The one full name on the first line after a title and its venue, where it works for or not."""
    lines = [line.strip() for line in text.split("\n") if any(map(str.isalnum, line))]
    if len(lines) > 1 and dates.from_phrase(lines[0], venues)[2]:
        del lines[0]
    name, comma, place = lines[0].partition(",") if lines else ("", "", "")
    if comma and not people.is_place(place):
        return []
    apart = name and ":" not in name and name[0].isalpha()
    return (people.one(name) or []) if apart else []


def colon_authors(text: str) -> bool | None:
    """Whether an entry starts with people and a colon: for sure, or (None) perhaps with one."""
    names, colon, rest = text[:LONGEST].partition(": ")
    if not colon or not rest.strip():
        return False
    got = people.authors(names)
    if got is None:
        return None if people.one(names) else False
    return got[1] or len(got[0]) > 1 or "." in names


def comma_authors(text: str) -> bool | None:
    """Whether an entry starts with people and a comma, `A. Ash, B. Oak, Title`; None: with one."""
    chunks = text[:LONGEST].split(",")
    names = while_names(chunks[:-1])
    if not names:
        return False
    return True if len(people.split(", ".join(names))[0]) > 1 else None


def after_colon(cited: Citation, text: str, style: str) -> str:
    """Take the authors of `Ash, M., Oak, B.: Title`; what follows them."""
    names, colon, rest = text[:LONGEST].partition(": ")
    sure = colon and ("," in names or " and " in names or " & " in names)
    got = people.authors(names) if sure else None
    if (
        got
        and style != "colon"
        and not got[1]
        and "." not in names
        and got[0] == people.SEPARATOR.split(names)
    ):
        got = None  # `Look Globally, Wait Locally: A Study`, in a list that begins with no names
    if got and style == "comma" and not any("," in name for name in got[0]):
        return text  # `A. Ash, B. Oak, NAME: Title`
    if (
        got is None
        and style == "colon"
        and colon
        and (name := people.one(names) or people.authors(names))
    ):
        got = (name, False) if isinstance(name, list) else name
    if got is None:
        return text
    cited.authors, cited.et_al = got
    return rest + text[LONGEST:]


def while_names(chunks: list[str]) -> list[str]:
    """The chunks at the start that are names."""
    names: list[str] = []
    for chunk in chunks:
        got = people.names_in(chunk.strip().removeprefix("and ").removeprefix("& "))
        if got is None or not people.is_sure([*got[0], *got[0]], et_al=False):
            break
        names.append(chunk.strip())
    return names


def leading_et_al(text: str) -> tuple[list[str], bool, str] | None:
    """Authors at the start, `Xu et al. Title`, and what follows them."""
    match = people.ET_AL.search(text.lstrip()[:300].partition("\n")[0])
    if match is None:
        return None
    text = text.lstrip()
    before, after = text[: match.start()].strip(), text[match.end() :].strip()
    if before.count("(") > before.count(")"):
        return None  # `Kites (Ash et al., 2020)`
    if any(sure for _, _, sure in sentences.stops(before)):
        return None  # `Title. Ash et al.`
    got = people.names_in(before)
    if got and len(got[0]) > 1 and " " in got[0][0] and " " not in got[0][-1]:
        return None  # `Lantern Transformer, Ash et al.`
    if got is None and len(before.split()) == 1:  # whatever it is, the list says it is an author
        return [before], True, after
    return None if got is None else (got[0], True, after)
