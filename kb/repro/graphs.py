"""Semantic roles of a split's captions as tensors: kept end to end, laid out batch by batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from kb.datasets.readers.roles import Roles
from kb.records.errors import KBError
from kb.repro.vocabulary import tokenise
from models.parts.batch import ROLES, RoleGraph

_ID = {role: number for number, role in enumerate(ROLES)}
Pair = tuple[int, int]


@dataclass
class Pairs:
    """Pairs of numbers, as many for each caption as there are; all on the CPU."""

    flat: Tensor  # (pairs of all captions, 2) int32
    start: Tensor  # (captions,)
    count: Tensor  # (captions,)

    @classmethod
    def of(cls, rows: Sequence[Sequence[Pair]]) -> "Pairs":
        """From a list a caption."""
        count = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        every = np.array([pair for row in rows for pair in row], np.int32).reshape(-1, 2)
        return cls(torch.from_numpy(every), count.cumsum(0) - count, count)

    def gather(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of these captions: the place in `index`, and both numbers, of every pair: (pairs,) each."""
        count = self.count[index]
        place = torch.repeat_interleave(torch.arange(len(index)), count)
        first = self.start[index] - (count.cumsum(0) - count)
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

    def gather(self, index: Tensor, width: int) -> RoleGraph:
        """These captions' graphs, over `width` columns of words; on the CPU."""
        size = max(int(self.nodes.count[index].max()), 1)
        role = torch.zeros(len(index), size, dtype=torch.int64)
        members = torch.zeros(len(index), size, width, dtype=torch.bool)
        argument = torch.zeros(len(index), size, size, dtype=torch.bool)
        place, node, value = self.nodes.gather(index)
        role[place, node] = value
        members[self.members.gather(index)] = True
        argument[self.arguments.gather(index)] = True
        return RoleGraph(members, role, argument)


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
