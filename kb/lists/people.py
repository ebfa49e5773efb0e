"""Author lists, in the styles that lists of papers use; and the surname of a name."""

import re
import unicodedata

from kb.lists.name_words import (
    ACRONYMS,
    DOUBTFUL,
    NO_NAMES,
    NO_SURNAME,
    ORGANISATION,
    PARTICLES,
    SUFFIXES,
    SURNAMES,
)
from kb.lists.venues import packaged

ET_AL = re.compile(
    r"[\s,;&(]{0,5}(?:\b(?:and|&)\s)?\be[tl][\s.]{0,3}a[lt]\b[.,)]{0,3}|[\s,;]{1,5}(?:\b(?:and|&)\s|&\s)others\b\.?|"
    r"[\s,]{0,5}等(?:人)?(?=$|[\s,.，。])|[\s,]{1,4}(?:and\s)?(?:\.\.\.|…)\s{0,3}$"
)
SEPARATOR = re.compile(r"\s{0,5}(?:[,;，、；]\s{0,5}(?:and\s|&\s)?|\s&\s|\sand\s)\s{0,5}")
CUT_SHORT = re.compile(
    r",\s{0,3}(?:…|\.\.\.)\s{0,3}(?:and\s|&\s)?(?=[^\W\d_])"
)  # `A. Ash, … Z. Yew`
SEMICOLON = re.compile(r"\s{0,5}[;；]\s{0,5}(?:and\s|&\s)?|\s&\s|\sand\s")
INITIALS = re.compile(r"(?:[A-ZÀ-ÖØ-Þ]{1,2}(?:\.[\s-]{0,3}|[\s-]{1,3}|$)){1,4}$")
DOTTED = re.compile(r"(?:^|[\s.-])(?:[A-ZÀ-ÖØ-Þ]|[JS]r)\.$")
JOINED = re.compile(r"[a-zà-ÿ]{1,5}['’-][A-ZÀ-ÖØ-Þ]")  # d'Arcy, al-Hasan, dell'Orto
AFTER_SURNAME = re.compile(r",\s{0,3}([JS]r)\b\.?,")  # `Smith, Jr., William H.`
NOTES = re.compile(
    r"/\*?(?=\s{0,3}(?:,|$))|[*†‡§¶∗⁎#¹²³⁰-⁹✉\\]|(?<=[a-z])\d{1,2}(?=$|[\s,])|\([^()]{0,120}(?:\)|$)|\[[^\[\]]{0,60}\]"
)
FOR_GROUP = re.compile(  # `A. Ash, B. Oak, for the Kite Initiative`: a group that signs with them
    r",\s(?:and\s)?(?:for the|on behalf of(?: the)?)\s[A-Z][^,;]{3,120}$"
)
LEAD = re.compile(r"^(?:by\s|authors?\s{0,3}[:：]|作者\s{0,3}[:：])\s{0,5}", re.IGNORECASE)
ACCENT = re.compile(  # on a letter of its own, or between letters
    r"([^\W\d_])(?:\s([\u0300-\u030c´`¨˜])([^\W\d_])|([´¨˜])([a-zà-ÿ]))"
)
BEHIND = re.compile(r"([^\W\d_])\s([\u0300-\u030c])(?![^\W\d_])")  # `Kuzmic ́`
CARON = re.compile(r"([czsrnCZSRN])ˇ|ˇ([czsrn])")  # `Balazˇev`, `Veliˇcko`
VOWELS = frozenset("aeiouyıAEIOUY")
HAN = re.compile(r"[\u4e00-\u9fff·]{2,}")
SMALL = DOUBTFUL | {"and", "as", "at", "by", "is", "a"}
PLACE = re.compile(  # where a person works, after a name and a comma
    r",\s[^,;]{0,40}\b(?:Universit\w+|Institut\w*|College|Academy|Labs?|Laborator\w+|Research|Inc|Google|Microsoft)\b"
)
AFTER_COMMA = re.compile(r"(?<=[\w.]{2}),.*$", re.DOTALL)
ARTICLE = re.compile(r"A\s[A-Z][a-z]")
BARE_INITIAL = re.compile(r"[A-Z]{1,2}\s|.*\s[A-Z]{1,2}$")  # `A Karp, L Oak`
SLIP = re.compile(r"[A-Z][a-z]+ [a-z]+")  # `Ting liu`
GIVEN_APART = re.compile(r"[A-Z][a-z]{1,5} [a-z]{2,5} [A-Z][a-z]{1,11}")  # `You yi Cai`
TEAM = re.compile(r"\b(?:Team|Consortium|Collaboration)\b")  # that signs papers; no workplace
LONGEST_NAME = 60
MOST_WORDS = 7
MOST_ODD = 3  # words of a slip among names; and for so many names there may be one
MOST_GIVEN = 4  # words of a name that are no particle
NO_NAME, MAYBE, NAME = 0, 1, 2  # what a chunk of an author list may be


def is_initials(words: str) -> bool:
    """Whether this is initials only: `A.`, `Y C`, `J.-B.`, `JH`."""
    words = words.strip()
    return INITIALS.fullmatch(words) is not None and words not in ACRONYMS


def is_name(text: str) -> bool:
    """Whether this has the form of one person's name (or surname)."""
    return grade(text) == NAME


def grade(text: str) -> int:
    """NAME by its form; MAYBE one beside others (`bell hooks`, `You yi Cai`, a team); NO_NAME."""
    words = text.replace("~", " ").split()
    longest = 4 if HAN.fullmatch(text) else LONGEST_NAME  # Han: a double surname and two given
    strange = any(char in ':?!/=+_@"“”' for char in text)
    if not words or strange or len(words) > MOST_WORDS or len(text) > longest:
        return NO_NAME
    grades = [_grade_word(word, last=index == len(words) - 1) for index, word in enumerate(words)]
    if NO_NAME in grades or any(char.isdigit() for char in text):
        return MAYBE if ORGANISATION.search(text) and text[:1].isupper() else NO_NAME
    initials = sum(map(is_initials, words))
    if len(grades) - grades.count(None) - initials > MOST_GIVEN or not any(grades):
        return NO_NAME
    return _grade_whole(words, grades) if MAYBE in grades else NAME


def _grade_whole(words: list[str], grades: list[int | None]) -> int:
    """A name with a doubtful word: `bell hooks`, `In So Kweon`; not `other RL algorithms`."""
    lower = sum(word[0].islower() for word, one in zip(words, grades, strict=True) if one)
    if lower and GIVEN_APART.fullmatch(" ".join(words)):
        return MAYBE
    if lower:
        return MAYBE if lower == len(words) <= 3 else NO_NAME  # noqa: PLR2004
    return MAYBE if NAME in grades else NO_NAME


def _grade_word(word: str, *, last: bool) -> int | None:
    """One word of a name; None for a particle or suffix, which alone makes none."""
    bare = word.strip(".'’-")
    cut = word.endswith(".") and len(bare) > 3 and not (last or is_initials(word))  # noqa: PLR2004  (`Mach.`: a journal's)
    if word.lower() in SUFFIXES or (bare.lower() in PARTICLES and not last):
        return None
    if JOINED.match(bare) and bare.lower() not in NO_NAMES:
        return NAME
    if (
        cut
        or bare.lower() in NO_NAMES
        or NO_SURNAME.search(bare)
        or not re.sub("['’.‐‑-]", "", bare).isalpha()
    ):
        return NO_NAME
    if bare[0].islower():
        return NO_NAME if bare in SMALL else MAYBE
    return MAYBE if bare.lower() in DOUBTFUL else NAME


def together(text: str) -> str:
    """Names with their accents on the letters, also where a PDF typed them apart."""
    if "ˇ" in text or BEHIND.search(text):
        text = CARON.sub(lambda match: f"{match[1] or match[2]}\u030c", BEHIND.sub(r"\1\2", text))
        text = unicodedata.normalize("NFC", text)
    if not ACCENT.search(text):
        return text
    return unicodedata.normalize("NFC", ACCENT.sub(_accented, text))


def _accented(match: re.Match[str]) -> str:
    before, mark = match[1], match[2] or match[4]
    after = (match[3] or match[5]).replace("ı", "i")
    mark = {"´": "\u0301", "`": "\u0300", "¨": "\u0308", "˜": "\u0303"}.get(mark, mark)
    at_next = after in VOWELS or before not in VOWELS
    return f"{before}{after}{mark}" if at_next else f"{before}{mark}{after}"


def split(text: str) -> tuple[list[str], bool]:
    """The names of an author list as written, in order; and whether it says et al."""
    text, gaps = CUT_SHORT.subn(", ", NOTES.sub("", together(text)))
    text, cut = ET_AL.subn("", text)
    cut += gaps
    text = AFTER_SURNAME.sub(r" \1.,", text)
    if ";" in text and PLACE.search(text):
        text = "; ".join(AFTER_COMMA.sub("", part) for part in text.split(";"))
    if (text.count(";") or text.count("；")) and _each_turned(SEMICOLON.split(text)):
        chunks = [chunk.strip(" \t\n*_,") for chunk in SEMICOLON.split(text)]
        return [_written(chunk, text) for chunk in chunks if chunk], cut > 0
    parts = [part.strip(" \t\n*_,") for part in re.split(r"\s(?:and|&)\s", text)]
    if len(parts) > 1 and parts[-1].count(",") == 1:
        parts = [*_pairs(parts[:-1]), parts[-1]]
    turned_all = all(part.count(",") == 1 and _is_surname(part) for part in parts)
    if len(parts) > 1 and turned_all and _each_turned(parts):
        return [_written(part, text) for part in parts], cut > 0
    chunks = [
        _written(chunk, text)
        for part in SEPARATOR.split(text)
        if (chunk := part.strip(" \t\n,;*_")).strip(".")
    ]
    names: list[str] = []
    for chunk in chunks:
        if names and is_initials(chunk) and not is_initials(names[-1]) and "," not in names[-1]:
            names[-1] = f"{names[-1]}, {chunk}"  # `Surname, A.`
        elif names and chunk.lower() in SUFFIXES:
            names[-1] = f"{names[-1]} {chunk}"
        else:
            names.append(chunk)
    return names, cut > 0


def _is_surname(part: str) -> bool:
    """Whether one word stands before the comma, particles and suffixes aside: `van Roe, Cy`."""
    words = part.partition(",")[0].split()
    return sum(word.lower() not in PARTICLES | SUFFIXES for word in words) == 1


def _pairs(parts: list[str]) -> list[str]:
    """`Byron, Ada, Xi, Bo` before `and Roe, Cy`: a name is two of them."""
    words = [word.strip() for part in parts for word in part.split(",")]
    if len(words) % 2 or not all(words):
        return parts
    return [f"{last}, {first}" for last, first in zip(words[::2], words[1::2], strict=True)]


def _each_turned(parts: list[str]) -> bool:
    """Whether each part is one name, `Last, First` or not, and at least one is turned."""
    parts = [part.strip(" \t\n*_,") for part in parts if part.strip(" \t\n*_,.")]
    turned_ones = sum(part.count(",") == 1 for part in parts)
    whole = all(
        part.count(",") <= 1 and grade(part.replace(",", " ").strip(" .")) for part in parts
    )
    return whole and (turned_ones > 0 or len(parts) > 1)


def _written(chunk: str, text: str) -> str:
    """A name with white space squeezed; its stop stays where it is an initial's or a suffix's."""
    chunk = " ".join(chunk.split())
    bare = chunk.rstrip(".").rstrip()
    dotted = DOTTED.search(f"{bare}.") and f"{bare}." in text
    if dotted and (
        is_initials(bare)
        or "." in bare
        or not text.rstrip().endswith(chunk)
        or "," in bare
        or bare[-2:] in ("Jr", "Sr")
    ):
        return f"{bare}."
    if dotted and len(bare) > 1 and bare[-2] == " " and not re.search(r"\s[A-Z](?:,|$)", text):
        return f"{bare}."
    return bare


def turned(names: list[str], *, et_al: bool) -> list[str]:
    """Names of a citation that turns only the first around: `Hinton, Geoffrey, Simon Osindero`."""
    if len(names) < 2 or " " in names[0] or "," in names[0]:  # noqa: PLR2004
        return names
    rest = names[2:]
    given = " " in names[1] and names[1][-1] == "." and is_initials(names[1].split()[-1])
    if (not rest and given) or (rest and all(" " in name for name in rest)) or (not rest and et_al):
        return [f"{names[0]}, {names[1]}", *rest]
    return names


def first_turned(names: list[str], *, et_al: bool) -> list[str]:
    """Names with the first put together, where two words alone begin them: `Reed, Scott, Nando Roe`."""
    first = names[1].split() if len(names) > 1 else []
    short = len(first) == 1 or (len(first) > 1 and all(map(is_initials, first[1:])))
    return turned(names, et_al=et_al) if short else names


def surname(name: str) -> str:
    """The surname: `Luo` of `Luo H`, `Huaishao Luo`, `H. Luo` and `Luo, H.`."""
    if "," in name:
        words = name.split(",", maxsplit=1)[0].split()
        return " ".join(word for word in words if word.lower() not in SUFFIXES)
    words = [word for word in name.split() if word.lower() not in SUFFIXES]
    if not words:
        return name
    if ORGANISATION.search(name) and len(words) > 1 and not _has_initials(name):
        return name  # a company or a team
    while len(words) > 1 and is_initials(words[-1]) and not is_initials(words[0]):
        words.pop()
    if len(words) < len(name.split()) and is_initials(name.rsplit(maxsplit=1)[-1]):
        return " ".join(words)  # initials came last, so all before them is the surname
    start = len(words) - 1
    while start > 0 and words[start - 1].lower() in PARTICLES:
        if start == 1 and words[0][0].isupper():
            break
        start -= 1
    return " ".join(words[start:])


def given(name: str) -> str:
    """What stands beside the surname: `H` of `Luo H`, `Geoffrey E.` of `Hinton, Geoffrey E.`."""
    if "," in name:
        return name.split(",", maxsplit=1)[1].strip()
    words = [word for word in name.split() if word.lower() not in SUFFIXES]
    family = surname(name).split()
    if words[: len(family)] == family and len(words) > len(family):
        return " ".join(words[len(family) :])
    return " ".join(words[: len(words) - len(family)])


def suffix(name: str) -> str:
    """`Jr.` of `William H. Smith Jr.`, as a citation writes it; empty where there is none."""
    last = [word for word in name.replace(",", " ").split() if word.lower() in SUFFIXES]
    return f"{last[0]}." if last and last[0].lower() in {"jr", "sr"} else last[0] if last else ""


def names_in(text: str) -> tuple[list[str], bool] | None:
    """The names that this text consists of; None where part of it cannot be one.

    An odd name (lower-case, a team) counts where half as many others are names by their form.
    """
    text = text if text.lstrip().startswith("(") else NOTES.sub("", text)
    text = FOR_GROUP.sub("", text) if "," in text else text
    text = LEAD.sub("", text.lstrip(" \t\n.,;:()-–—").rstrip(" \t\n,;:()-–—"))
    names, et_al = split(text)
    cut = ET_AL.search(text)
    if cut and any(map(str.isalnum, text[cut.end() :])):
        return None  # what follows `et al.` is not part of the list
    grades = [grade(name.replace(",", " ")) for name in names]
    if names and ARTICLE.match(names[0]) and not any(map(BARE_INITIAL.match, names[1:])):
        return None  # `A Challenging, Clean Thing`
    if not names or grades.count(MAYBE) > 2 * grades.count(NAME):
        return None
    if grades[-1] == NO_NAME and not (len(names) > MOST_ODD and SLIP.fullmatch(names[-1])):
        return None
    odd = [name for name, one in zip(names, grades, strict=True) if one == NO_NAME]
    if odd and not (len(odd) * MOST_ODD <= grades.count(NAME) and all(map(_is_short, odd))):
        return None
    return names, et_al


def _is_short(text: str) -> bool:
    """Whether a chunk among many names may be a slip of one: `ason Wei`."""
    words = text.split()
    return len(words) <= MOST_ODD and all(
        word.isalpha() and word.lower() not in NO_NAMES for word in words
    )


def is_sure(names: list[str], *, et_al: bool) -> bool:
    """Whether names are people for sure: `Deep Learning` has the form of one name, too."""
    named = [name for name in names if not ORGANISATION.search(name)]
    if len(named) < max(1, min(2, len(names))):
        return False
    if et_al or any(_has_initials(name) for name in named):
        return True
    han = [name for name in named if HAN.fullmatch(name)]
    if len(han) == len(named):
        return all(name[0] in SURNAMES for name in han)
    if turned(named, et_al=False) != named or any("," in name for name in named):
        return True
    full = sum(" " in name for name in named) + sum(name[0] in SURNAMES for name in han)
    return len(named) > 1 and full * 2 > len(named)


def _has_initials(name: str) -> bool:
    """Whether a name has initials beside a word: `Luo H`, `A. Ng`, neither `GAN` nor `A Survey`."""
    words = name.replace(",", " ").split()
    initials = [is_initials(word) for word in words]
    return any(initials) and not all(initials) and (not initials[0] or "." in words[0])


def authors(text: str, *, sure: bool = True) -> tuple[list[str], bool] | None:
    """The author list that this text is; None where it does not look like one.

    `sure`: refuse what may as well be a title of capitalised words.
    """
    parsed = names_in(text)
    if parsed is None or (sure and not is_sure(parsed[0], et_al=parsed[1])):
        return None
    return parsed


def is_place(text: str) -> bool:
    """Whether this is where a person works: `University of Crete`, `ETH Zürich`."""
    words = text.split()
    known = bool(words) and packaged().is_organisation(words[0].strip(".,()"))
    return known or PLACE.search(f", {text.strip()}") is not None


def team(text: str) -> list[str] | None:
    """The one team that this text is, `NLLB Team`, where an author stands; else None."""
    text = NOTES.sub("", text).strip(" \t\n.,;:()-–—")
    several = 1 < len(text.split()) <= 4  # noqa: PLR2004  (one word may be a venue)
    return [text] if several and grade(text) and TEAM.search(text) else None


def one(text: str) -> list[str] | None:
    """The one full name that this text is, for places where an author stands; else None."""
    text = NOTES.sub("", text).strip(" \t\n.,;:()-–—")
    words = [word for word in text.split() if not is_initials(word)]
    alone = grade(text) == NAME and 1 < len(words) <= 4  # noqa: PLR2004
    return (
        [text] if alone and not ORGANISATION.search(text) and not SEPARATOR.search(text) else None
    )
