"""Semantic roles of sentences: predicates, and the phrases that are their arguments.

A generated world knows its own. For a real dataset they come from the file that HGR's authors
publish, `sent2rolegraph.augment.json`, where it lies beside the annotations:
{sentence: [{id: {role, spans}}, [[id, id], ...]]}, the sentence itself being the node ROOT.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from kb.datasets.readers.textfiles import read_json
from kb.records.errors import KBError

FILE = "sent2rolegraph.augment.json"
_AGAIN = "fetch it again"


@dataclass(frozen=True)
class Roles:
    """Roles of one sentence. Words count from 0, split at white space."""

    nodes: tuple[tuple[str, tuple[int, ...]], ...]  # role (V: a predicate), words
    arguments: tuple[tuple[int, int], ...]  # (predicate, argument): rows of `nodes`


ReadRoles = Callable[[str], Iterator[Roles]]  # split -> roles of its captions, in their order


def from_file(path: Path, texts: Mapping[str, list[str]]) -> ReadRoles:
    """A lazy reader of the authors' file; `texts` are the captions by split."""
    return partial(_looked_up, path, texts)


def _looked_up(path: Path, texts: Mapping[str, list[str]], split: str) -> Iterator[Roles]:
    document = read_json(path, sha256())
    if not isinstance(document, dict):
        raise KBError("is no object", where=path, hint="is it another file?")
    known = {_plain(sentence): sentence for sentence in document}
    for text in texts[split]:
        sentence = known.get(_plain(text))
        if sentence is None:
            hint = "the file must be of the same release as the captions"
            raise KBError(f"has no roles of {text!r}", where=path, hint=hint)
        yield _parsed(document[sentence], sentence, path)


def _plain(text: str) -> str:
    """A sentence in lower case with single spaces."""
    return " ".join(text.lower().split())


def _parsed(entry: Any, sentence: str, path: Path) -> Roles:
    try:
        described, edges = entry
        nodes = {
            name: (str(node["role"]), tuple(int(word) for word in node["spans"]))
            for name, node in described.items()
            if node["role"] != "ROOT"
        }
        row = {name: number for number, name in enumerate(nodes)}
        arguments = [(row[a], row[b]) for a, b in edges if a in row]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"roles of {sentence!r} are no nodes and edges"
        raise KBError(what, where=path, hint=_AGAIN) from error
    size = len(sentence.split())
    if any(not 0 <= word < size for _, words in nodes.values() for word in words):
        what = f"roles of {sentence!r} name a word that it does not have"
        raise KBError(what, where=path, hint=_AGAIN)
    return Roles(tuple(nodes.values()), tuple(arguments))
