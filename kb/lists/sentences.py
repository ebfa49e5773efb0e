"""Where the text of a citation falls into parts: at stops, lines and dashes."""

import re

from kb.lists.venues import packaged

STOP = re.compile(
    r"(?:(?<=[.。])[\"”’*_)]{0,3}|(?<=[?!？！])[\"”’*_]{0,3})\s{1,20}(?!et\s{0,2}al\b)|[。？！]|\n|\s[|·•/]\s|\s[-–—]{1,3}\s|(?<=[a-z)])\.(?=[12]\d{3}\b)"
)
ABBREVIATION = re.compile(
    r"(?:^|[\s(.,-])(?:[A-Z]|et al|al|vs|Univ|Proc|Conf|Int|Trans|e\.g|i\.e|No|Vol|pp|St|Jr|Sr|Dr|Mr|Eq|Fig|cf|"
    r"[Vv]ol|no|p|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Symp|Assoc|Comput|Mach|Intell|Anal|Process|Vis|Lett|Inf|Appl|Annu|Adv|Neurocomput|Multim)\.$"
)
YEAR_GROUP = re.compile(r"\s{0,3}[(（]((?:19[5-9]|20[0-4])\d)[)）](?:[,.:;]|(?=\s|$))")
LAST_WORD = re.compile(r"(?:([^\W\d_]{1,20})\.[\s-]{1,2})?([^\W\d_]{2,20})\.$")
SURNAME_FIRST = (  # `Dai J`, `Oak K L`, `De Sun J`
    r"(?:(?:[vV]an|[vV]on|[dD]e[nr]?|[dD]i|[lL]a)\s){0,2}[^\W\d_a-z][\w'’-]{1,30}(?:\s[A-Z]{1,3}){1,3}"
)
INITIALS_LAST = re.compile(  # `Dai J, Oak K L, De Sun J.`: the last stop ends the names
    rf"(?:^|[\s(])(?:{SURNAME_FIRST},\s(?:(?:and|&)\s)?){{1,60}}{SURNAME_FIRST}\.$"
)
INITIAL = re.compile(r"\s[A-Z]\.$")
YEAR = re.compile(r"(?:19[5-9]|20[0-4])\d\b")
NEXT_WORD = re.compile(r"([^\W\d_]{2,20})\.")
BRACKETS = re.compile(r"[()\[\]{}（）【】]|;\s")
LONGEST = 300  # characters of names before a stop


def stops(text: str) -> list[tuple[int, int, bool]]:
    """Where a part ends, where the next starts, and whether that is sure (no abbreviation)."""
    cited = []
    for match in STOP.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        dotted = before.endswith(".") and "\n" not in match[0]
        cut = dotted and (ABBREVIATION.search(before) or _in_journal(text, match))
        cited.append((match.start(), match.end(), not cut or _ends_names(text, match)))
    return cited


def _ends_names(text: str, stop: re.Match[str]) -> bool:
    """Whether the stop after an initial ends a list of names: initials come last, or a year follows."""
    if INITIALS_LAST.search(text[max(0, stop.start() - LONGEST) : stop.start()]):
        return True
    return bool(INITIAL.search(text[: stop.start()][-4:]) and YEAR.match(text, stop.end()))


def _in_journal(text: str, stop: re.Match[str]) -> bool:
    """Whether a stop ends one of several cut words: `Pattern Recognit. Lett. 2017`."""
    cut = packaged().abbreviations
    word = LAST_WORD.search(text[max(0, stop.start() - 60) : stop.start()])
    after = NEXT_WORD.match(text[stop.end() : stop.end() + 20])
    if word is None or word[2].lower() not in cut:
        return False
    before = word[1] and (len(word[1]) == 1 or word[1].lower() in cut)
    return bool(before or (after and after[1].lower() in cut))


def split(text: str) -> list[str]:
    """The parts of a citation: split at stops, lines and dashes, not after abbreviations."""
    parts, start = [], 0
    for end, after, sure in stops(text):
        if sure:
            parts.append(text[start:end])
            start = after
    parts.append(text[start:])
    return [part.strip() for part in parts if any(char.isalnum() for char in part)]


def apart(text: str) -> str:
    """A year in brackets on a line of its own: `Title (2016), A. Name` has three parts."""
    return YEAR_GROUP.sub(r"\n\1\n", text)
