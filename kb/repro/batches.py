"""One split as tensors, and the batches a model reads from it: nothing is looped over item by item."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kb.datasets.corpus import Corpus, Features, SplitData
from kb.datasets.readers.roles import FILE as ROLES_FILE
from kb.records.errors import Exit, KBError
from kb.repro import concepts
from kb.repro.graphs import Graphs
from kb.repro.vocabulary import PAD, SPECIAL, Vocabulary
from models.parts.batch import Captions, Clips, RoleGraph

FITS = 8 << 30  # bytes of features that are held in memory, an expert
TEXT = frozenset({"words", "bow", "graph", "concepts"})  # views that are no experts


@dataclass
class Steps:
    """Feature sequences of one expert, end to end: no padding is stored.

    `start` and `count` stay on the CPU: a batch is laid out there, and no step waits for a device
    to say how long its longest video is.
    """

    flat: Tensor  # (steps of all videos, dim)
    start: Tensor  # (videos,)
    count: Tensor  # (videos,) 0: the expert does not have this video

    def gather(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """(v, steps, dim) features, zero at the padding, and their (v, steps) mask."""
        count = self.count[video]
        step = torch.arange(max(int(count.max()), 1))
        mask = step < count[:, None]
        # The last row is of zeros: what the padding points at.
        row = torch.where(mask, self.start[video][:, None] + step, len(self.flat) - 1)
        device = self.flat.device
        return self.flat[_sent(row, device)], _sent(mask, device)


class StepsOnDisk:
    """The same for features that do not fit: read when they are asked for."""

    def __init__(self, features: Features, videos: list[str], device: torch.device) -> None:
        self.features, self.videos, self.device = features, videos, device

    def gather(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """(v, steps, dim) features, zero at the padding, and their (v, steps) mask."""
        names = [self.videos[row] for row in video.tolist()]
        parts = list(_each(self.features, names))
        part = Steps(*_flat(parts, self.features.dim))
        found, mask = part.gather(torch.arange(len(names)))
        return _sent(found, self.device), _sent(mask, self.device)


def _sent(x: Tensor, device: torch.device) -> Tensor:
    """On the device; a copy to a GPU goes from pinned memory and nobody waits for it."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x.to(device)


@dataclass
class Views:
    """One split: every caption encoded, every video's features at hand. Indices are CPU tensors.

    A test that is asked with topics has those for captions, and no owners.
    """

    words: Tensor  # (captions, longest) ids, 0 at the padding; on the CPU
    owner: Tensor  # (captions,) row of the caption's video; on the CPU
    experts: dict[str, Steps | StepsOnDisk]
    bow_size: int | None  # None: no model asked for bags
    videos: int
    device: torch.device  # of the batches
    source: Tensor | None = None  # (videos,) of which one each clip was cut; on the CPU
    together: int | None = None  # clips of one source that stand side by side in a batch
    graphs: Graphs | None = None  # None: no model asked for roles
    concepts: Tensor | None = None  # (videos, concepts), of training; on the CPU

    def __len__(self) -> int:
        return len(self.words)

    def captions(self, index: Tensor) -> Captions:
        """A batch of captions, as wide as its longest."""
        words = self.words[index]
        words = words[:, : max(int((words != PAD).sum(1).max()), 1)]
        sent = _sent(words, self.device)
        bow = None if self.bow_size is None else _bags(sent, self.bow_size)
        graph = self._graph(index, words.shape[1])
        return Captions(sent, sent != PAD, bow, self._vectors(index), graph)

    def _vectors(self, index: Tensor) -> dict[str, Tensor]:
        if self.concepts is None:
            return {}
        return {"concepts": _sent(self.concepts[self.owner[index]], self.device)}

    def _graph(self, index: Tensor, width: int) -> RoleGraph | None:
        if self.graphs is None:
            return None
        found = self.graphs.gather(index, width)
        parts = (found.members, found.role, found.argument)
        return RoleGraph(*(_sent(part, self.device) for part in parts))

    def clips(self, video: Tensor) -> Clips:
        """A batch of videos."""
        found = {name: steps.gather(video) for name, steps in self.experts.items()}
        return Clips(
            {n: f for n, (f, _) in found.items()},
            {n: m for n, (_, m) in found.items()},
            None if self.source is None else _sent(self.source[video], self.device),
        )

    def parts(
        self, batch_size: int, per_video: int | None, shuffle: torch.Generator
    ) -> list[Tensor]:
        """Batches of captions for one epoch: each once, or so many drawn of each video.

        A last batch of one caption is left out: nothing in it is wrong.
        """
        if per_video is None:
            order = self._grouped(torch.randperm(len(self), generator=shuffle), shuffle)
        else:
            order = torch.cat([self._drawn(shuffle) for _ in range(per_video)])
        return [part for part in torch.split(order, batch_size) if len(part) > 1]

    def _grouped(self, order: Tensor, shuffle: torch.Generator) -> Tensor:
        """The same captions, up to `together` of one source side by side, groups in random order."""
        if self.source is None or self.together is None:
            return order
        source, by_source = self.source[self.owner[order]].sort(stable=True)
        at = torch.arange(len(order))
        begins = torch.full_like(source, len(order)).scatter_reduce_(0, source, at, "amin")
        turn = (at - begins[source]) // self.together  # of a source's groups, in its own order
        key = source * len(order) + turn  # of a group, rising
        group = (key.diff(prepend=key[:1]) > 0).cumsum(0)
        place = torch.randperm(int(group.max()) + 1, generator=shuffle)[group]
        return order[by_source[place.sort(stable=True).indices]]

    def _drawn(self, shuffle: torch.Generator) -> Tensor:
        """(videos with captions,) one caption of each video, both in random order."""
        mixed = torch.randperm(len(self), generator=shuffle)
        first = torch.full((self.videos,), len(self)).scatter_reduce_(
            0, self.owner[mixed], torch.arange(len(self)), "amin"
        )
        return mixed[first[first < len(self)].sort().values]


def _bags(words: Tensor, size: int) -> Tensor:
    """(t, bow) counts of the words; the special ids fall into columns that are cut off."""
    counts = torch.zeros(len(words), size + SPECIAL, device=words.device)
    return counts.scatter_add_(1, words, torch.ones_like(words, dtype=torch.float32))[:, SPECIAL:]


def views(
    corpus: Corpus, split: str, vocabulary: Vocabulary, needs: Collection[str], device: torch.device
) -> Views:
    """What a model with these needs reads of a split. KBError for what the data lack."""
    data = corpus.splits[split]
    experts = {
        name: _steps(corpus.features[name], data.videos, device)
        for name in experts_of(corpus, needs)
    }
    words = _padded([vocabulary.encode(text) for text in queries(corpus, split)])
    owner = torch.from_numpy(owners(data))
    bow_size = vocabulary.bow_size if "bow" in needs else None
    found = Views(words, owner, experts, bow_size, len(data.videos), device)
    found.graphs = _graphs(corpus, data) if "graph" in needs else None
    if "concepts" in needs and split == "train":
        found.concepts = concepts.named(data, vocabulary.bow_size)
    return found


def _graphs(corpus: Corpus, data: SplitData) -> Graphs:
    if corpus.roles is None:
        raise KBError(
            f"{corpus.name} has no semantic roles of its captions, which the model reads",
            hint=f"a generated world has them; beside real annotations put {ROLES_FILE}",
            code=Exit.UNREACHABLE,
        )
    if data.name == "test" and corpus.topics:
        raise KBError(
            f"{corpus.name} is asked with topics, which have no semantic roles for the model to read",
            hint="choose data that are asked with captions",
            code=Exit.UNREACHABLE,
        )
    return Graphs.of(corpus.roles(data.name), [caption.text for caption in data.captions])


def queries(corpus: Corpus, split: str) -> list[str]:
    """What a split is asked with: its captions, or the topics of a test that has them."""
    if split == "test" and corpus.topics:
        return [topic.text for topic in corpus.topics]
    return [caption.text for caption in corpus.splits[split].captions]


def owners(data: SplitData) -> NDArray[np.int64]:
    """(captions,) row of each caption's video."""
    row = {video: number for number, video in enumerate(data.videos)}
    return np.array([row[caption.video] for caption in data.captions], dtype=np.int64)


def reads(model: Any, corpus: Corpus) -> frozenset[str]:
    """The views that a model class reads of these data: what it needs and what it finds besides."""
    found: frozenset[str] = model.needs | (model.optional & corpus.features.keys())
    return found


def experts_of(corpus: Corpus, needs: Collection[str]) -> list[str]:
    """The experts among these views. KBError for what the data lack."""
    wanted = sorted(set(needs) - TEXT)
    missing = [name for name in wanted if name not in corpus.features]
    if missing:
        raise KBError(
            f"{corpus.name} has no features {', '.join(missing)}, which the model reads",
            hint=f"it has {', '.join(sorted(corpus.features)) or 'none'}",
            code=Exit.UNREACHABLE,
        )
    return wanted


def _padded(rows: list[list[int]]) -> Tensor:
    """(rows, longest), PAD at the end."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    table = np.full((len(rows), lengths.max(initial=1)), PAD, dtype=np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate([*rows, []])
    return torch.from_numpy(table)


def _steps(features: Features, videos: list[str], device: torch.device) -> Steps | StepsOnDisk:
    parts, held = [], 0
    for part in _each(features, videos):
        parts.append(part)
        held += part.nbytes
        if held > FITS:
            return StepsOnDisk(features, videos, device)
    flat, start, count = _flat(parts, features.dim)
    return Steps(flat.to(device), start, count)


def _each(features: Features, videos: Iterable[str]) -> Iterator[NDArray[np.float32]]:
    """(steps, dim) features of each video; no step where the expert lacks it."""
    nothing = np.zeros((0, features.dim), np.float32)
    return (features.read(video) if video in features else nothing for video in videos)


def _flat(parts: list[NDArray[np.float32]], dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features of the videos end to end, where each begins, how many steps it has."""
    count = np.array([len(part) for part in parts], dtype=np.int64)
    # One row more, of zeros: what the padding points at.
    flat = np.concatenate([*parts, np.zeros((1, dim), np.float32)]).astype(np.float32)
    start = np.cumsum(count) - count
    return torch.from_numpy(flat), torch.from_numpy(start), torch.from_numpy(count)
