"""Word ids for text encoders."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from models.parts.words import SPECIAL

PAD, START, END, UNKNOWN = 0, 1, 2, 3
LEAST = 5  # a word seen less often is unknown


def tokenise(text: str) -> list[str]:
    """Lower-case words, split at everything but ASCII letters and digits."""
    return re.sub(r"[^a-z0-9]", " ", text.lower()).split()


@dataclass(frozen=True)
class Vocabulary:
    """Words seen often enough in training, most frequent first, then by spelling."""

    words: tuple[str, ...]

    @classmethod
    def build(cls, texts: Iterable[str], least: int = LEAST) -> "Vocabulary":
        """The words that occur at least `least` times in `texts`."""
        seen = Counter(word for text in texts for word in tokenise(text))
        often = [word for word, times in seen.items() if times >= least]
        return cls(tuple(sorted(often, key=lambda word: (-seen[word], word))))

    def __len__(self) -> int:
        """Word ids, the four special ones included."""
        return len(self.words) + SPECIAL

    @property
    def bow_size(self) -> int:
        """Number of words in the bag of words, which has no special ids."""
        return len(self.words)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, SPECIAL)}

    def encode(self, text: str) -> list[int]:
        """`<start>`, the words, `<end>`."""
        return [START, *(self._ids.get(word, UNKNOWN) for word in tokenise(text)), END]
