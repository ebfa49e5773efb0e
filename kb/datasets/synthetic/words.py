"""A sentence as words with their structure: parts of speech, dependencies, who does what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Universal Dependencies 2 (de Marneffe, Manning, Nivre, Zeman, CL 2021), as far as the world speaks
PARTS = ("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "NOUN", "PRON", "PROPN", "SCONJ", "VERB", "X")
RELATIONS = (
    "root",
    "advcl",
    "advmod",
    "amod",
    "aux",
    "aux:pass",
    "case",
    "cc",
    "compound:prt",
    "conj",
    "cop",
    "det",
    "fixed",
    "mark",
    "nsubj",
    "nsubj:pass",
    "obj",
    "obl",
    "obl:agent",
    "discourse",
    "dep",
)
# PropBank's numbered arguments and modifiers (Palmer, Gildea, Kingsbury, CL 2005)
ROLES = ("", "V", "ARG0", "ARG1", "ARGM-MNR", "ARGM-LOC")
COLUMNS = ("part", "head", "relation", "role", "event")
NO_EVENT = -1


@dataclass(eq=False)
class Word:
    """One word. `head` is the word it depends on, None for the sentence's root."""

    text: str
    part: str
    relation: str = "root"
    head: "Word | None" = None
    role: str = ""
    event: int = NO_EVENT  # which of the told events it belongs to, in the order of time claimed

    def under(self, head: "Word", relation: str) -> "Word":
        """Attach this word to a head."""
        self.head, self.relation = head, relation
        return self


@dataclass
class Phrase:
    """Words in order, and their root."""

    words: list[Word]
    root: Word

    def under(self, head: Word, relation: str) -> "Phrase":
        """Attach the phrase to a head."""
        self.root.under(head, relation)
        return self

    def led(self, *words: Word) -> "Phrase":
        """The phrase with words before it."""
        return Phrase([*words, *self.words], self.root)

    def plays(self, role: str, event: int) -> "Phrase":
        """Give every word a role in an event."""
        for word in self.words:
            word.role, word.event = role, event
        return self

    @property
    def text(self) -> str:
        """The words with single spaces."""
        return " ".join(word.text for word in self.words)

    def table(self) -> NDArray[np.int8]:
        """(words, 5) as COLUMNS names them; heads count from 1, 0 is no head."""
        number = {id(word): at for at, word in enumerate(self.words, start=1)}
        rows = [
            (
                PARTS.index(word.part),
                0 if word.head is None else number[id(word.head)],
                RELATIONS.index(word.relation),
                ROLES.index(word.role),
                word.event,
            )
            for word in self.words
        ]
        return np.array(rows, np.int8).reshape(-1, len(COLUMNS))
