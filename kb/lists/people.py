"""Author lists, in the styles that lists of papers use; and the surname of a name."""

import re

ET_AL = re.compile(
    r"[\s,;&(]{0,5}\bet[\s.]{0,3}al\b[.,)]{0,3}|[\s,;]{1,5}\b(?:and|&) others\b\.?|[\s,]{0,5}等(?=$|[\s,.，。])|[\s,]{1,4}(?:\.\.\.|…)\s{0,3}$"
)
SEPARATOR = re.compile(r"\s{0,5}(?:[,;，、；]\s{0,5}(?:and\s|&\s)?|\s&\s|\sand\s)\s{0,5}")
INITIALS = re.compile(r"(?:[A-Z]{1,2}\.?[\s-]{0,3}){1,4}$")
PARTICLES = frozenset(
    [
        "van",
        "von",
        "der",
        "den",
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "la",
        "le",
        "el",
        "bin",
        "ibn",
        "al",
        "ter",
        "ten",
        "du",
        "st",
        "y",
        "e",
        "zu",
        "af",
    ]
)
SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
NOTES = re.compile(r"[*†‡§¶∗⁎#¹²³⁰-⁹✉]|(?<=[a-z])\d{1,2}(?=$|[\s,])|\([^()]{0,80}\)$")
LONGEST_NAME = 60
MOST_WORDS = 5


def is_initials(words: str) -> bool:
    """Whether this is initials only: `A.`, `Y C`, `J.-B.`, `JH`."""
    return bool(INITIALS.fullmatch(words.strip()))


def is_name(text: str) -> bool:
    """Whether this has the form of one person's name (or surname)."""
    words = text.replace("~", " ").split()
    if not words or len(words) > MOST_WORDS or len(text) > LONGEST_NAME:
        return False
    if any(char.isdigit() or char in ':?!/=+_@"“”' for char in text):
        return False
    named = 0
    for word in words:
        bare = word.strip(".'’-")
        if bare.lower() in PARTICLES or word.lower() in SUFFIXES:
            continue
        if not bare or not bare[0].isalpha() or bare[0].islower():
            return False
        if not bare.replace("-", "").replace("'", "").replace("’", "").replace(".", "").isalpha():
            return False
        named += 1
    return named > 0


def split(text: str) -> tuple[list[str], bool]:
    """The names of an author list as written, in order; and whether it says et al."""
    text, cut = ET_AL.subn("", NOTES.sub("", text))
    chunks = [chunk for part in SEPARATOR.split(text) if (chunk := part.strip(" \t\n.,;*_"))]
    dotted = {chunk: f"{chunk}." for chunk in chunks if f"{chunk}." in text and is_initials(chunk)}
    names: list[str] = []
    for chunk in chunks:
        if names and is_initials(chunk) and not is_initials(names[-1]) and "," not in names[-1]:
            names[-1] = f"{names[-1]}, {dotted.get(chunk, chunk)}"  # `Surname, A.`
        elif names and chunk.lower() in SUFFIXES:
            names[-1] = f"{names[-1]} {chunk}"
        else:
            names.append(" ".join(chunk.split()))
    return names, cut > 0


def surname(name: str) -> str:
    """The surname: `Luo` of `Luo H`, `Huaishao Luo`, `H. Luo` and `Luo, H.`."""
    if "," in name:
        return name.split(",", maxsplit=1)[0].strip()
    words = [word for word in name.split() if word.lower() not in SUFFIXES]
    if not words:
        return name
    while len(words) > 1 and is_initials(words[-1]) and not is_initials(words[0]):
        words.pop()
    if len(words) < len(name.split()) and is_initials(name.rsplit(maxsplit=1)[-1]):
        return " ".join(words)  # initials came last, so all before them is the surname
    start = len(words) - 1
    while start > 1 and words[start - 1].lower() in PARTICLES:
        start -= 1
    return " ".join(words[start:])


def authors(text: str) -> tuple[list[str], bool] | None:
    """The author list that this text is; None where it does not look like one."""
    text = text.strip(" \t\n.,;:()-–—")
    if text[:3].lower() == "by ":
        text = text[3:]
    elif text[:8].lower() in {"authors:", "author: "}:
        text = text[8:]
    names, et_al = split(text)
    if not names or not all(is_name(name.replace(",", " ")) for name in names):
        return None
    return names, et_al
