"""Venue names: any spelling a list uses -> the short name the field writes."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from kb.records import KBError, yamlfile

WORDS = re.compile(r"[^\W_]+")
YEAR = re.compile(r"(?:19|20)\d\d")
NOISE = frozenset(
    [
        "in",
        "proc",
        "proceedings",
        "of",
        "the",
        "annual",
        "to",
        "appear",
        "accepted",
        "at",
        "by",
        "on",
        "under",
        "review",
        "oral",
        "poster",
        "spotlight",
        "highlight",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "and",
    ]
)
ORDINAL = re.compile(r"\d{1,3}(?:st|nd|rd|th)")
WORKSHOP = re.compile(r"(.{2,60}) (?:workshops?|ws?)$")
PUBLISHER = re.compile(
    r"(?:(?:ieee|acm|cvf|usenix|springer|elsevier|rsj|aaai)\s){0,2}(.{2,40}?)(?:\s(?:journal|conference|conf))?$"
)
OF_TRANSACTIONS = re.compile(r"T-([A-Z]{2,6})")  # `T-NNLS`
CUT_WORD = re.compile(r"[^\W\d_]+\.?")
SMALL = frozenset({"of", "and", "the", "for", "in", "on", "to", "with", "a", "an"})
MOST_MEMO = 20000  # lookups that are remembered
LONGEST = 200  # a longer name is no venue


@lru_cache(maxsize=8192)
def spelling(name: str) -> str:
    """What two spellings of one venue share: words in lower case, without years and filler."""
    words = WORDS.findall(name[:LONGEST].lower().replace("&", " and "))
    significant = [
        w for w in words if not (w in NOISE or YEAR.fullmatch(w) or ORDINAL.fullmatch(w))
    ]
    return " ".join(significant)


def _content(name: str) -> list[str]:
    """The words of a name in lower case, without the small ones that abbreviations drop."""
    return [word for word in WORDS.findall(name[:LONGEST].lower()) if word not in SMALL]


@dataclass
class Venues:
    """The packaged venues and, over them, one list's own."""

    names: dict[str, str] = field(default_factory=dict)  # spelling -> canonical name
    typos: dict[str, str] = field(default_factory=dict)  # spelling -> canonical name
    kinds: dict[str, str] = field(default_factory=dict)  # canonical name -> preprint, ...
    phrases: dict[str, str] = field(default_factory=dict)  # canonical name -> as a citation has it
    tags: dict[str, str] = field(default_factory=dict)  # canonical name -> as a label has it
    abbreviations: set[str] = field(default_factory=set)  # words as ISO 4 cuts them, lower case
    organisations: set[str] = field(default_factory=set)  # lower case; no venues
    memo: dict[str, tuple[str | None, bool]] = field(default_factory=dict, repr=False)  # of lookups
    by_initials: dict[str, dict[str, str]] = field(
        default_factory=dict
    )  # -> long name -> canonical

    @classmethod
    def load(cls, root: Path | None = None) -> "Venues":
        """The packaged table, and data/venues.yaml under `root` where there is one.

        Raises KBError where a file is not a venue table.
        """
        path = None if root is None else root / "data" / "venues.yaml"
        if path is None or not path.is_file():
            return packaged()
        base = packaged()
        venues = cls(
            names=dict(base.names),
            typos=dict(base.typos),
            kinds=dict(base.kinds),
            phrases=dict(base.phrases),
            tags=dict(base.tags),
            abbreviations=set(base.abbreviations),
            organisations=set(base.organisations),
            by_initials={key: dict(names) for key, names in base.by_initials.items()},
        )
        venues.add(yamlfile.parse(path.read_text(encoding="utf-8", errors="replace"), path), path)
        return venues

    def add(self, table: dict[str, Any], where: Path | str) -> None:
        """Add a table of the form `{venues: {name: {kind, names}}, typos: {wrong: right}}`."""
        self.memo.clear()
        for name, facts in (table.get("venues") or {}).items():
            if not isinstance(facts, dict):
                raise KBError(
                    f"venue {name}: not a mapping",
                    where=where,
                    hint="`NAME: {kind: .., names: []}`",
                )
            self._venue(str(name), facts)
        for wrong, right in (table.get("typos") or {}).items():
            self.typos[spelling(str(wrong))] = str(right)
        self.abbreviations |= set(str(table.get("abbreviations") or "").lower().split())
        self.organisations |= set(str(table.get("organisations") or "").lower().split())

    def _venue(self, name: str, facts: dict[str, Any]) -> None:
        aliases = [str(alias) for alias in facts.get("names") or []]
        self.kinds[name] = str(facts.get("kind", "conference"))
        long = aliases[0] if self.kinds[name] == "journal" and aliases else name
        self.phrases[name] = str(facts.get("phrase", long))
        self.tags[name] = str(facts.get("tag", name.replace(" ", "")))
        for alias in (name, self.phrases[name], self.tags[name], *aliases):
            self.names[spelling(alias)] = name
            words = _content(alias)
            if len(words) > 1:
                initials = "".join(word[0] for word in words)
                self.by_initials.setdefault(initials, {}).setdefault(" ".join(words), name)

    def lookup(self, name: str) -> tuple[str | None, bool]:
        """The canonical name, None where the name is not known; and whether it was a typo."""
        if name not in self.memo:
            if len(self.memo) >= MOST_MEMO:
                self.memo.clear()
            self.memo[name] = self._lookup(name)
        return self.memo[name]

    def _lookup(self, name: str) -> tuple[str | None, bool]:
        key = spelling(name)
        if key in self.typos:
            return self.typos[key], True
        known = self.names.get(key)
        if known is None and (match := WORKSHOP.match(key)) and match[1] in self.names:
            return f"{self.names[match[1]]} Workshop", False
        if known is None and (match := PUBLISHER.match(key)) and match[1] in self.names:
            known = self.names[match[1]]
        if known is None and (match := OF_TRANSACTIONS.fullmatch(name.strip())):
            known = self.names.get(spelling(f"T{match[1]}"))
        return known or self._abbreviated(name), False

    def _abbreviated(self, name: str) -> str | None:
        """The venue whose long name these cut words begin: `IEEE Trans. Image Process.`."""
        tokens = CUT_WORD.findall(name[:LONGEST])
        if not any(len(token) > 2 and token.endswith(".") for token in tokens):  # noqa: PLR2004
            return None
        cut = _content(name)
        for words in (cut, cut[1:] if cut[:1] in (["ieee"], ["acm"]) else []):
            for long, canonical in self.by_initials.get("".join(w[0] for w in words), {}).items():
                if all(map(str.startswith, long.split(), words)):
                    return canonical
        return None

    def is_abbreviated(self, name: str) -> bool:
        """Whether a phrase is a journal's name as ISO 4 cuts it: two cut words or more."""
        tokens = CUT_WORD.findall(name[:LONGEST])
        cut = sum(t.endswith(".") and t[:-1].lower() in self.abbreviations for t in tokens)
        return cut >= 2 and all(token[0].isupper() or token in SMALL for token in tokens)  # noqa: PLR2004

    def is_organisation(self, name: str) -> bool:
        """Whether this names a company or a university whose name may stand where a venue does."""
        words = re.split(r"[\s/,&+-]{1,5}", name.strip().lower())
        return all(word in self.organisations for word in words)

    def canonical(self, name: str) -> str | None:
        """The canonical short name; None where the name is not known."""
        return self.lookup(name)[0]

    def kind(self, name: str) -> str | None:
        """preprint, workshop, conference or journal; None where the name is not known."""
        return self.kinds.get(self.canonical(name) or "")

    def phrase(self, name: str) -> str:
        """The venue as a citation writes it: journals by their long name."""
        return self.phrases.get(name, name)

    def tag(self, name: str) -> str:
        """The venue as a label writes it: one word."""
        return self.tags.get(name) or "".join(name.split())


@lru_cache(maxsize=1)
def packaged() -> Venues:
    """The table that comes with kb."""
    source = resources.files("kb.lists").joinpath("venues.yaml")
    venues = Venues()
    venues.add(
        yamlfile.parse(source.read_text(encoding="utf-8"), "kb/lists/venues.yaml"), "kb/lists"
    )
    return venues
