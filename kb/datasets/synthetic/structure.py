"""Semantic roles, parts of speech and dependencies of a generated dataset's captions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kb.datasets.corpus import Syntax
from kb.datasets.readers.roles import Roles
from kb.datasets.synthetic.truth import Table, structures
from kb.datasets.synthetic.words import NO_EVENT, PARTS, ROLES

OTHER = "NOUN"  # role of a noun phrase that has none: "next to [a red ball]"
_OF_NOUNS = {PARTS.index(part) for part in ("DET", "ADJ", "NOUN")}
Key = tuple[str, int]  # role and event; OTHER and its noun


def read_roles(root: Path, rows: Mapping[str, range], split: str) -> Iterator[Roles]:
    """Roles of a split's captions; `rows` are their rows in the sidecar."""
    tables = structures(root)
    return (roles(tables[row]) for row in rows[split])


def roles(sentences: Sequence[Table]) -> Roles:
    """Roles of one caption, from the (words, COLUMNS) table of each sentence."""
    nodes: list[tuple[str, tuple[int, ...]]] = []
    arguments: list[tuple[int, int]] = []
    first = 0
    for table in sentences:
        words = table.tolist()
        phrases = _phrases(words)
        row = {key: number for number, key in enumerate(phrases, len(nodes))}
        nodes += [
            (key[0], tuple(first + at for at in positions)) for key, positions in phrases.items()
        ]
        for key, positions in phrases.items():
            verb = ("V", _event(words, positions[0]))
            if key[0] != "V" and verb in row:
                arguments.append((row[verb], row[key]))
        first += len(words)
    return Roles(tuple(nodes), tuple(arguments))


def _phrases(words: list[list[int]]) -> dict[Key, list[int]]:
    """The words of each predicate and of each phrase, in reading order."""
    phrases: dict[Key, list[int]] = {}
    for at, (part, head, _, role, event) in enumerate(words):
        noun = at if PARTS[part] == "NOUN" else head - 1
        if role:
            phrases.setdefault((ROLES[role], event), []).append(at)
        elif part in _OF_NOUNS and noun >= 0 and PARTS[words[noun][0]] == "NOUN":
            phrases.setdefault((OTHER, noun), []).append(at)
    return phrases


def _event(words: list[list[int]], at: int) -> int:
    """The event that a word is part of, or else the word it hangs from."""
    _, head, _, _, event = words[at]
    return event if event != NO_EVENT or not head else _event(words, head - 1)


def read_syntax(root: Path, rows: Mapping[str, range], split: str) -> Iterator[Syntax]:
    """Syntax of a split's captions, sentences of a paragraph end to end."""
    tables = structures(root)
    for row in rows[split]:
        tags: list[str] = []
        heads: list[int] = []
        for table in tables[row]:
            first = len(tags)
            tags += [PARTS[part] for part in table[:, 0].tolist()]
            heads += [first + head - 1 if head else -1 for head in table[:, 1].tolist()]
        yield Syntax(tuple(tags), tuple(heads))
