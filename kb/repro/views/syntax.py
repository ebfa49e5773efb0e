"""`tags`, `heads`, `verb`, `noun`, `adverb`, `antonym`: syntax of the captions.

Tags are those of Universal Dependencies 2. A caption's verb is its first; classes are the words
themselves, numbered over training: -1 where a caption has none or one that training does not have.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus, Syntax
from kb.repro.views.view import WORDS, Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary, tokenise
from models.parts.batch import TAGS, WORD_CLASSES, Captions

OPPOSITES = (  # of manner and degree: the pairs of HowTo100M Adverbs, and synonyms of theirs
    (("quickly", "rapidly", "hastily", "fast"), ("slowly", "gently", "calmly")),
    (("finely", "thinly"), ("coarsely", "roughly")),
    (("completely", "fully", "entirely"), ("partially", "partly")),
)


class OfSyntax(View):
    """What is computed from the syntax of the captions."""

    side = "captions"

    def lacks(self, corpus: Corpus, split: str) -> str | None:
        """Syntax of captions only, where the generator or a file has it."""
        if corpus.syntax is None:
            return "it has no parts of speech of its captions"
        if split == "test" and corpus.topics:
            return "its test has topics for queries, which have no parts of speech"
        return None


class PerWord(OfSyntax):
    """A number for each token: `column` gives those of one caption."""

    def __init__(self, name: str, column: Callable[[Syntax, str], list[int]]) -> None:
        self.name, self.column = name, column

    def load(self, source: Source) -> Fill:
        """(t, words), 0 at the padding and at special tokens."""
        syntax = _of_split(source.corpus, source.split)
        texts = [caption.text for caption in source.captions]
        rows_of = [self.column(one, text) for one, text in zip(syntax, texts, strict=True)]

        def fill(captions: Captions, rows: Tensor) -> None:
            table = torch.zeros(captions.words.shape, dtype=torch.long)
            for place, row in enumerate(rows.tolist()):
                values = rows_of[row]
                table[place, : len(values)] = torch.tensor(values)
            setattr(captions, self.name, to_device(table, source.device))

        return fill

    def toy(self, toy: Toy) -> None:
        """Random tags, a noun and a verb among them; heads are tokens of the sentence."""
        top = len(TAGS) if self.name == "tags" else 3
        values = toy.integers(1, top, (toy.n, WORDS))
        if self.name == "tags":
            values[:, 1:3] = torch.tensor([TAGS.index("NOUN"), TAGS.index("VERB")])
        setattr(toy.captions, self.name, values * toy.captions.mask)


def tags(syntax: Syntax, text: str) -> list[int]:
    """TAGS of <start>, the tokens, <end>."""
    number = {tag: row for row, tag in enumerate(TAGS)}
    words = zip(syntax.tags, text.split(), strict=True)
    each = (number.get(tag, number["X"]) for tag, word in words for _ in tokenise(word))
    return [0, *each, 0]


def heads(syntax: Syntax, text: str) -> list[int]:
    """The column of each token's head; its own for the root and for special tokens."""
    sizes = [len(tokenise(word)) for word in text.split()]
    first = [1 + sum(sizes[:word]) for word in range(len(sizes))]
    columns = [0]
    for word, size in enumerate(sizes):
        head = syntax.heads[word]
        target = word if head < 0 or not sizes[head] else head
        columns += [first[target]] * size
    return [*columns, len(columns)]


class WordClass(OfSyntax):
    """The class of the caption's first verb, noun or adverb, among those of training."""

    def __init__(self, name: str) -> None:
        self.name = name

    def load(self, source: Source) -> Fill:
        """(t,) classes; -1 for none."""
        number = {word: row for row, word in enumerate(classes(source.corpus, self.name))}
        words = _words(source.corpus, source.split, self.name)
        table = torch.tensor([number.get(first[0], -1) if first else -1 for first in words])

        def fill(captions: Captions, rows: Tensor) -> None:
            captions.classes[self.name] = to_device(table[rows], source.device)

        return fill

    def toy(self, toy: Toy) -> None:
        """Any class."""
        toy.captions.classes[self.name] = toy.integers(0, toy.sizes.classes[self.name], (toy.n,))

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """How many."""
        return {"classes": {self.name: len(classes(corpus, self.name))}}


class Antonym(OfSyntax):
    """The adverb class of the opposite of the caption's adverb."""

    name, training_only = "antonym", True

    def load(self, source: Source) -> Fill:
        """(t,) adverb classes: of its opposites the most frequent in training; -1 for none."""
        number = {word: row for row, word in enumerate(classes(source.corpus, "adverb"))}
        words = _words(source.corpus, source.split, "adverb")
        table = torch.tensor([_opposite(first[0], number) if first else -1 for first in words])

        def fill(captions: Captions, rows: Tensor) -> None:
            captions.classes[self.name] = to_device(table[rows], source.device)

        return fill

    def toy(self, toy: Toy) -> None:
        """Adverbs 0 and 1, 2 and 3, ... are opposites; drawn where the captions have no adverbs."""
        drawn = toy.integers(0, toy.sizes.classes["adverb"], (toy.n,))
        toy.captions.classes[self.name] = toy.captions.classes.get("adverb", drawn) ^ 1


def _opposite(word: str, number: Mapping[str, int]) -> int:
    """The first class among the opposites of a word."""
    others = {o for pair in OPPOSITES for a, b in (pair, pair[::-1]) if word in a for o in b}
    return min((number[other] for other in others if other in number), default=-1)


def classes(corpus: Corpus, name: str) -> list[str]:
    """The classes of a kind of word in training, most frequent first, then by spelling."""
    seen = Counter(words[0] for words in _words(corpus, "train", name) if words)
    return sorted(seen, key=lambda word: (-seen[word], word))


def _words(corpus: Corpus, split: str, name: str) -> list[list[str]]:
    """Each caption's words of a kind, lower-case."""
    wanted = WORD_CLASSES[name]
    texts = [caption.text.lower().split() for caption in corpus.splits[split].captions]
    return [
        [word.strip(".,;:!?") for word, tag in zip(text, one.tags, strict=True) if tag in wanted]
        for text, one in zip(texts, _of_split(corpus, split), strict=True)
    ]


def _of_split(corpus: Corpus, split: str) -> Sequence[Syntax]:
    assert corpus.syntax is not None
    return _read(corpus.syntax, split)


@lru_cache(maxsize=6)
def _read(read: Callable[[str], Any], split: str) -> tuple[Syntax, ...]:
    return tuple(read(split))


VIEWS = (
    PerWord("tags", tags),
    PerWord("heads", heads),
    *(WordClass(name) for name in WORD_CLASSES),
    Antonym(),
)
