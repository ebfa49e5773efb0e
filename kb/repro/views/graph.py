"""`graph`: semantic roles of the captions, stored end to end, collated batch by batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.datasets.readers.roles import FILE, Roles
from kb.records.errors import KBError
from kb.repro.views.view import WORDS, Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import tokenise
from models.parts.batch import PREDICATE, ROLES, Captions, RoleGraph

NODES = 5  # of a toy graph, at most
_ID = {role: number for number, role in enumerate(ROLES)}
Pair = tuple[int, int]


@dataclass
class Pairs:
    """Pairs of numbers of each caption, end to end; all on the CPU."""

    flat: Tensor  # (pairs of all captions, 2) int32
    start: Tensor  # (captions,)
    count: Tensor  # (captions,)

    @classmethod
    def of(cls, rows: Sequence[Sequence[Pair]]) -> "Pairs":
        """From one list per caption."""
        count = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        every = np.array([pair for row in rows for pair in row], np.int32).reshape(-1, 2)
        return cls(torch.from_numpy(every), count.cumsum(0) - count, count)

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of these captions: the place in `rows`, and both numbers, of every pair: (pairs,) each."""
        count = self.count[rows]
        place = torch.repeat_interleave(torch.arange(len(rows)), count)
        first = self.start[rows] - (count.cumsum(0) - count)
        pairs = self.flat[first[place] + torch.arange(len(place))].long()
        return place, pairs[:, 0], pairs[:, 1]


@dataclass
class Graphs:
    """Role graphs of all captions of a split."""

    nodes: Pairs  # node, role
    members: Pairs  # node, column of the word
    arguments: Pairs  # predicate, argument

    @classmethod
    def of(cls, roles: Iterable[Roles], texts: Sequence[str]) -> "Graphs":
        """From the roles of each text. KBError where a word is named that a text does not have."""
        nodes, members, arguments = [], [], []
        for one, text in zip(roles, texts, strict=True):
            nodes.append([(n, _role(role)) for n, (role, _) in enumerate(one.nodes)])
            members.append(_members(one, text))
            arguments.append(one.arguments)
        return cls(Pairs.of(nodes), Pairs.of(members), Pairs.of(arguments))

    def collate(self, rows: Tensor, width: int) -> RoleGraph:
        """These captions' graphs, over `width` columns of words; on the CPU."""
        size = max(int(self.nodes.count[rows].max()), 1)
        role = torch.zeros(len(rows), size, dtype=torch.int64)
        members = torch.zeros(len(rows), size, width, dtype=torch.bool)
        argument = torch.zeros(len(rows), size, size, dtype=torch.bool)
        place, node, value = self.nodes.take(rows)
        role[place, node] = value
        members[self.members.take(rows)] = True
        argument[self.arguments.take(rows)] = True
        return RoleGraph(members, role, argument)


class Graph(View):
    """Who does what to whom, from the benchmark's own structure or the authors' file."""

    name, side = "graph", "captions"

    def lacks(self, corpus: Corpus, split: str) -> str | None:
        """Roles of captions only, where a file or the generator has them."""
        if corpus.roles is None:
            return f"it has no semantic roles of its captions (put {FILE} beside the annotations)"
        if split == "test" and corpus.topics:
            return "its test has topics for queries, which have no semantic roles"
        return None

    def load(self, source: Source) -> Fill:
        """As wide as the batch's words."""
        assert source.corpus.roles is not None
        texts = [caption.text for caption in source.captions]
        graphs = Graphs.of(source.corpus.roles(source.split), texts)

        def fill(captions: Captions, rows: Tensor) -> None:
            graph = graphs.collate(rows, captions.words.shape[1])
            parts = (graph.members, graph.role, graph.argument)
            captions.graph = RoleGraph(*(to_device(part, source.device) for part in parts))

        return fill

    def toy(self, toy: Toy) -> None:
        """Two predicates of one word, the first with an object, up to three phrases of several."""
        nodes = toy.integers(3, NODES + 1, (toy.n,))
        real = torch.arange(NODES) < nodes[:, None]
        role = toy.integers(1, len(ROLES), (toy.n, NODES))
        role[:, [0, 2]] = PREDICATE
        role[:, 1] = _ID["ARG1"]
        members = toy.uniform(toy.n, NODES, WORDS) < 0.4  # noqa: PLR2004  (a share of the words)
        members[:, :, 1] |= True
        members[:, [0, 2]] = torch.nn.functional.one_hot(torch.tensor([1, 2]), WORDS) > 0
        argument = toy.uniform(toy.n, NODES, NODES) < 0.5  # noqa: PLR2004  (a share of the pairs)
        argument[:, 0, 1] |= True
        argument &= (role[:, :, None] == PREDICATE) & (role[:, None] != PREDICATE)
        members &= real[..., None] & toy.captions.mask[:, None]
        argument &= real[:, None] & real[..., None]
        toy.captions.graph = RoleGraph(members, role * real, argument)


def _role(name: str) -> int:
    """Row of ROLES; what goes on or refers to an argument is one, what is unknown a noun phrase."""
    return _ID.get(name.removeprefix("C-").removeprefix("R-"), _ID["NOUN"])


def _members(roles: Roles, text: str) -> list[Pair]:
    """(node, column) of every word of every node."""
    columns = _columns(text)
    try:
        return [
            (node, column)
            for node, (_, words) in enumerate(roles.nodes)
            for word in words
            for column in columns[word]
        ]
    except IndexError as error:
        what = f"the roles of {text!r} name a word that it does not have"
        raise KBError(what, hint="they must be of the same release as the captions") from error


def _columns(text: str) -> list[range]:
    """Of each word as white space parts them: its columns in a batch, where <start> is column 0."""
    words = text.split()
    if [word.lower() for word in words] == tokenise(text):
        return [range(at, at + 1) for at in range(1, len(words) + 1)]
    sizes = [len(tokenise(word)) for word in words]
    starts = accumulate(sizes, initial=1)
    return [range(start, start + size) for start, size in zip(starts, sizes, strict=False)]
