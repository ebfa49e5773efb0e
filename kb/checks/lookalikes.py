"""Host names that imitate another: letters of other alphabets that look like Latin ones."""

from __future__ import annotations

import unicodedata

import idna

# Letters that most typefaces draw as these Latin ones.
LOOKALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u04cf"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03f2\u0585\u057d\u0578\u0570\u0561\u0131\u0251\u0261\u026a\u029f",
    "abekmhopctyxijsdqwhl" + "aiknoptuxcounhwiagil",
)
FAMILIES = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


def family(letter: str) -> str:
    """The alphabet of a letter, of those that share shapes with Latin; else empty."""
    name = unicodedata.name(letter, "")
    return next((family for family in FAMILIES if name.startswith(family)), "")


def deceives(label: str) -> bool:
    """Whether a label of a host name mixes alphabets, or looks like ASCII without being it."""
    if label.isascii():
        return False
    families = {family(letter) for letter in label if letter.isalpha()}
    mixed = "LATIN" in families and len(families - {""}) > 1
    return mixed or label.translate(LOOKALIKES).isascii()


def punycode(host: str) -> str | None:
    """The real (punycode) name of a look-alike host; None for any other host."""
    labels = unicodedata.normalize("NFKC", host).lower().rstrip(".").split(".")
    if not any(map(deceives, labels)):
        return None
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:
        return None  # no such name can be registered: another rule reports it
