"""Author lists, in the styles that lists of papers use; and the surname of a name."""

import re

ET_AL = re.compile(
    r"[\s,;&(]{0,5}\bet[\s.]{0,3}al\b[.,)]{0,3}|[\s,;]{1,5}\b(?:and|&) others\b\.?|[\s,]{0,5}等(?=$|[\s,.，。])|[\s,]{1,4}(?:\.\.\.|…)\s{0,3}$"
)
SEPARATOR = re.compile(r"\s{0,5}(?:[,;，、；]\s{0,5}(?:and\s|&\s)?|\s&\s|\sand\s)\s{0,5}")
INITIALS = re.compile(r"(?:[A-ZÀ-ÖØ-Þ]{1,2}(?:\.[\s-]{0,3}|[\s-]{1,3}|$)){1,4}$")
ACRONYMS = frozenset(
    ["AI", "ML", "RL", "QA", "IR", "CV", "VR", "AR", "UI", "IT", "OS", "DB", "TV", "PC", "3D", "MT"]
)
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
NOTES = re.compile(r"[*†‡§¶∗⁎#¹²³⁰-⁹✉]|(?<=[a-z])\d{1,2}(?=$|[\s,])|\([^()]{0,120}\)")
ORGANISATION = re.compile(
    r"\b(?:universit\w*|institut\w*|college|school|academy|labs?|laborator\w+|research|inc|corp|"
    r"google|microsoft|facebook|meta|amazon|nvidia|openai|deepmind|adobe|tencent|alibaba|baidu|"
    r"huawei|bytedance|apple|ibm|intel|samsung|team|group|center|centre|department|project|page)\b",
    re.IGNORECASE,
)
NO_NAMES = frozenset(  # words of titles and journals that are capitalised like names
    [
        "the",
        "an",
        "on",
        "for",
        "with",
        "in",
        "of",
        "to",
        "from",
        "via",
        "survey",
        "review",
        "video",
        "videos",
        "image",
        "images",
        "signal",
        "processing",
        "learning",
        "vision",
        "computer",
        "neural",
        "network",
        "networks",
        "system",
        "systems",
        "data",
        "dataset",
        "language",
        "speech",
        "audio",
        "text",
        "model",
        "models",
        "retrieval",
        "conference",
        "journal",
        "transactions",
        "science",
        "international",
        "workshop",
        "letters",
        "recognition",
        "software",
        "engineering",
        "intelligence",
        "information",
        "multimedia",
        "preprint",
        "paper",
        "code",
        "github",
        "project",
        "deep",
        "machine",
        "graph",
        "attention",
    ]
)
LEAD = re.compile(r"^(?:by\s|authors?\s{0,3}[:：]|作者\s{0,3}[:：])\s{0,5}", re.IGNORECASE)
HAN = re.compile(r"[\u4e00-\u9fff·]{2,}")
SURNAMES = frozenset(  # the hundred most frequent; four Han characters may as well be a phrase
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜"
    "崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤欧"
)
LONGEST_NAME = 60
MOST_WORDS = 5


def is_initials(words: str) -> bool:
    """Whether this is initials only: `A.`, `Y C`, `J.-B.`, `JH`."""
    words = words.strip()
    return INITIALS.fullmatch(words) is not None and words not in ACRONYMS


def is_name(text: str) -> bool:
    """Whether this has the form of one person's name (or surname)."""
    words = text.replace("~", " ").split()
    longest = 4 if HAN.search(text) else LONGEST_NAME  # Han: a double surname and two given
    if not words or len(words) > MOST_WORDS or len(text) > longest:
        return False
    if any(char.isdigit() or char in ':?!/=+_@"“”' for char in text):
        return False
    named = 0
    for word in words:
        bare = word.strip(".'’-")
        if bare.lower() in NO_NAMES:
            return False
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


def turned(names: list[str], *, et_al: bool) -> list[str]:
    """Names of a citation that turns only the first around: `Hinton, Geoffrey, Simon Osindero`."""
    if len(names) < 2 or " " in names[0] or "," in names[0]:  # noqa: PLR2004
        return names
    rest = names[2:]
    if (rest and all(" " in name for name in rest)) or (not rest and et_al):
        return [f"{names[0]}, {names[1]}", *rest]
    return names


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
    while start > 0 and words[start - 1].lower() in PARTICLES:
        if start == 1 and words[0][0].isupper():
            break
        start -= 1
    return " ".join(words[start:])


def names_in(text: str) -> tuple[list[str], bool] | None:
    """The names that this text consists of; None where part of it has not the form of a name."""
    text = text if text.lstrip().startswith("(") else NOTES.sub("", text)
    text = LEAD.sub("", text.lstrip(" \t\n.,;:()-–—").rstrip(" \t\n,;:()-–—"))
    names, et_al = split(text)
    cut = ET_AL.search(text)
    if cut and any(map(str.isalpha, text[cut.end() :])):
        return None  # what follows `et al.` is not part of the list
    if not names or not all(is_name(name.replace(",", " ")) for name in names):
        return None
    return names, et_al


def is_sure(names: list[str], *, et_al: bool) -> bool:
    """Whether names are people for sure: `Deep Learning` has the form of one name, too."""
    if any(ORGANISATION.search(name) for name in names):
        return False
    if et_al or any(_has_initials(name) for name in names):
        return True
    han = [name for name in names if HAN.fullmatch(name)]
    if han:
        return len(han) == len(names) and all(name[0] in SURNAMES for name in han)
    if turned(names, et_al=False) != names:
        return True
    full = sum(" " in name for name in names)
    return len(names) > 1 and full * 2 > len(names)


def _has_initials(name: str) -> bool:
    """Whether a name has initials beside a word: `Luo H`, `A. Ng`, neither `GAN` nor `A Survey`."""
    words = name.replace(",", " ").split()
    initials = [is_initials(word) for word in words]
    return any(initials) and not all(initials) and (not initials[0] or "." in words[0])


def authors(text: str, *, sure: bool = True) -> tuple[list[str], bool] | None:
    """The author list that this text is; None where it does not look like one.

    `sure`: refuse what may as well be a title of capitalised words.
    """
    found = names_in(text)
    if found is None or (sure and not is_sure(found[0], et_al=found[1])):
        return None
    return found
