"""One split as tensors, and the batches a model reads from it: nothing is looped over item by item."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kb.datasets.corpus import Corpus, Features, SplitData
from kb.records.errors import Exit, KBError
from kb.repro.vocabulary import PAD, SPECIAL, Vocabulary
from models.parts.batch import Captions, Clips

FITS = 8 << 30  # bytes of features that are held in memory, an expert
TEXT = frozenset({"words", "bow"})  # views that are no experts


@dataclass
class Steps:
    """Feature sequences of one expert, end to end: no padding is stored."""

    flat: Tensor  # (steps of all videos, dim)
    start: Tensor  # (videos,)
    count: Tensor  # (videos,) 0: the expert does not have this video

    def gather(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """(v, steps, dim) features, zero at the padding, and their (v, steps) mask."""
        count = self.count[video]
        step = torch.arange(max(int(count.max()), 1), device=self.flat.device)
        mask = step < count[:, None]
        row = torch.where(mask, self.start[video][:, None] + step, 0)
        return self.flat[row] * mask[..., None], mask


class StepsOnDisk:
    """The same for features that do not fit: read when they are asked for."""

    def __init__(self, features: Features, videos: list[str], device: torch.device) -> None:
        self.features, self.videos, self.device = features, videos, device

    def gather(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """(v, steps, dim) features, zero at the padding, and their (v, steps) mask."""
        names = [self.videos[row] for row in video.tolist()]
        part = Steps(*_flat(self.features, names))
        found, mask = part.gather(torch.arange(len(names)))
        return found.to(self.device), mask.to(self.device)


@dataclass
class Views:
    """One split: every caption encoded, every video's features at hand."""

    words: Tensor  # (captions, longest) ids, 0 at the padding
    owner: Tensor  # (captions,) row of the caption's video
    experts: dict[str, Steps | StepsOnDisk]
    bow_size: int | None  # None: no model asked for bags
    videos: int

    def __len__(self) -> int:
        return len(self.words)

    def captions(self, index: Tensor) -> Captions:
        """A batch of captions, as wide as its longest."""
        words = self.words[index]
        mask = words != PAD
        words, mask = words[:, : int(mask.sum(1).max())], mask[:, : int(mask.sum(1).max())]
        return Captions(words, mask, None if self.bow_size is None else _bags(words, self.bow_size))

    def clips(self, video: Tensor) -> Clips:
        """A batch of videos."""
        found = {name: steps.gather(video) for name, steps in self.experts.items()}
        return Clips({n: f for n, (f, _) in found.items()}, {n: m for n, (_, m) in found.items()})


def _bags(words: Tensor, size: int) -> Tensor:
    """(t, bow) counts of the words; the special ids fall into columns that are cut off."""
    counts = torch.zeros(len(words), size + SPECIAL, device=words.device)
    return counts.scatter_add_(1, words, torch.ones_like(words, dtype=torch.float32))[:, SPECIAL:]


def views(
    corpus: Corpus, split: str, vocabulary: Vocabulary, needs: Collection[str], device: torch.device
) -> Views:
    """What a model with these needs reads of a split. Raises KBError for an expert the data lack."""
    data = corpus.splits[split]
    experts = {
        name: _steps(corpus.features[name], data.videos, device)
        for name in experts_of(corpus, needs)
    }
    words = _padded([vocabulary.encode(caption.text) for caption in data.captions])
    owner = torch.from_numpy(owners(data))
    bow_size = vocabulary.bow_size if "bow" in needs else None
    return Views(words.to(device), owner.to(device), experts, bow_size, len(data.videos))


def owners(data: SplitData) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """(captions,) row of each caption's video."""
    row = {video: number for number, video in enumerate(data.videos)}
    return np.array([row[caption.video] for caption in data.captions], dtype=np.int64)


def experts_of(corpus: Corpus, needs: Collection[str]) -> list[str]:
    """The experts that a model reads."""
    wanted = sorted(set(needs) - TEXT)
    missing = [name for name in wanted if name not in corpus.features]
    if missing:
        raise KBError(
            f"{corpus.name} has no features {', '.join(missing)}, which the model reads",
            mend=f"it has {', '.join(sorted(corpus.features)) or 'none'}",
            code=Exit.UNREACHABLE,
        )
    return wanted


def _padded(rows: list[list[int]]) -> Tensor:
    """(rows, longest), PAD at the end."""
    lengths = np.array([len(row) for row in rows])
    table = np.full((len(rows), lengths.max(initial=1)), PAD, dtype=np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate([*rows, []])
    return torch.from_numpy(table)


def _steps(features: Features, videos: list[str], device: torch.device) -> Steps | StepsOnDisk:
    steps = sum(len(features.read(video)) for video in videos if video in features)
    if steps * features.dim * 4 > FITS:
        return StepsOnDisk(features, videos, device)
    return Steps(*(part.to(device) for part in _flat(features, videos)))


def _flat(features: Features, videos: list[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Features of the videos end to end, where each begins, how many steps it has."""
    nothing = np.zeros((0, features.dim), np.float32)
    parts = [features.read(video) if video in features else nothing for video in videos]
    count = np.array([len(part) for part in parts], dtype=np.int64)
    # One row more, of zeros: what the padding of an empty expert points at.
    flat = np.concatenate([*parts, np.zeros((1, features.dim), np.float32)]).astype(np.float32)
    start = np.cumsum(count) - count
    return torch.from_numpy(flat), torch.from_numpy(start), torch.from_numpy(count)
