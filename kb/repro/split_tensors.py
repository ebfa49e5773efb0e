"""One split as tensors, and its batches; no loop over single items."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro import views
from kb.repro.views.view import Fill, Source, to_device
from kb.repro.vocabulary import PAD, Vocabulary
from models.parts.batch import Batch, Captions, Clips
from models.parts.recipe import Sampling


@dataclass
class SplitTensors:
    """One split: its captions encoded, its views ready to fill batches. Indices are CPU tensors.

    Where the queries are topics, they take the captions' place and have no owners.
    """

    words: Tensor  # (captions, longest) ids, 0 at the padding; on the CPU
    owner: Tensor  # (captions,) row of the caption's video; on the CPU
    videos: int
    device: torch.device  # of the batches
    text: list[Fill] = field(default_factory=list)
    video: list[Fill] = field(default_factory=list)
    source: Tensor | None = None  # (videos,) which video each clip was cut from; on the CPU
    family: Tensor | None = None  # (videos,) which were generated together; on the CPU
    # Other domains, drawn at random beside every batch: one without pairs, a second one with them.
    unpaired: "SplitTensors | None" = None
    second_source: "SplitTensors | None" = None

    def __len__(self) -> int:
        return len(self.words)

    def captions(self, rows: Tensor) -> Captions:
        """A batch of captions, as wide as its longest."""
        words = self.words[rows]
        words = words[:, : max(int((words != PAD).sum(1).max()), 1)]
        sent = to_device(words, self.device)
        captions = Captions(sent, sent != PAD)
        for fill in self.text:
            fill(captions, rows)
        return captions

    def clips(self, rows: Tensor) -> Clips:
        """A batch of videos."""
        source = None if self.source is None else to_device(self.source[rows], self.device)
        clips = Clips(video=source)
        for fill in self.video:
            fill(clips, rows)
        return clips

    def batch(self, rows: Tensor, shuffle: torch.Generator | None = None) -> Batch:
        """Captions paired with their videos; equally many of each other domain, if there is one."""
        batch = Batch(self.captions(rows), self.clips(self.owner[rows]))
        for name, sampled in self.draw_beside(rows, shuffle).items():
            setattr(batch, name, getattr(self, name).batch(sampled))
        return batch

    def draw_beside(self, rows: Tensor, shuffle: torch.Generator | None) -> dict[str, Tensor]:
        """Caption rows of the other domains for a batch, drawn at random; as many as it has."""
        others = {"unpaired": self.unpaired, "second_source": self.second_source}
        return {
            name: torch.randint(len(domain), (len(rows),), generator=shuffle)
            for name, domain in others.items()
            if domain is not None
        }

    def batches(self, sampling: Sampling, shuffle: torch.Generator) -> list[Tensor]:
        """Caption rows of each batch of one epoch: each once, or a sample per video.

        Drops a last batch of one caption, which has no negative; with `drop_last` any incomplete
        one, unless it is the only batch.
        """
        if sampling.captions_per_video is None:
            rounds = [torch.randperm(len(self), generator=shuffle)]
        else:
            count = range(sampling.captions_per_video)
            rounds = [self._sample_one_caption_per_video(shuffle) for _ in count]
        if sampling.clips_per_video is not None:
            each = sampling.clips_per_video
            rounds = [self._group_by_video(order, each, shuffle) for order in rounds]
        order = torch.cat(rounds)
        parts = torch.split(order, sampling.batch_size)
        if sampling.drop_last and len(parts) > 1 and len(parts[-1]) < sampling.batch_size:
            parts = parts[:-1]
        return [part for part in parts if len(part) > 1]

    def batches_per_epoch(self, sampling: Sampling) -> int:
        """The number of batches per epoch."""
        each, size = sampling.captions_per_video, sampling.batch_size
        rows = len(self) if each is None else each * len(torch.unique(self.owner))
        full, rest = divmod(rows, size)
        return max(full + (not (sampling.drop_last and full) and rest > 1), 1)

    def _group_by_video(self, order: Tensor, size: int, shuffle: torch.Generator) -> Tensor:
        """The same captions, up to `size` of one source side by side, groups in random order.

        Videos of one family count as one source: minimal pairs meet in a batch.
        """
        sources = self.source if self.family is None else self.family
        if sources is None:
            return order
        source, by_source = sources[self.owner[order]].sort(stable=True)
        at = torch.arange(len(order))
        begins = torch.full_like(source, len(order)).scatter_reduce_(0, source, at, "amin")
        turn = (at - begins[source]) // size  # of a source's groups, in its own order
        key = source * len(order) + turn  # of a group, rising
        group = (key.diff(prepend=key[:1]) > 0).cumsum(0)
        place = torch.randperm(int(group.max()) + 1, generator=shuffle)[group]
        return order[by_source[place.sort(stable=True).indices]]

    def _sample_one_caption_per_video(self, shuffle: torch.Generator) -> Tensor:
        """(videos with captions,) one caption of each video, both in random order."""
        mixed = torch.randperm(len(self), generator=shuffle)
        first = torch.full((self.videos,), len(self)).scatter_reduce_(
            0, self.owner[mixed], torch.arange(len(self)), "amin"
        )
        return mixed[first[first < len(self)].sort().values]


def load_split(
    corpus: Corpus, split: str, vocabulary: Vocabulary, names: Iterable[str], device: torch.device
) -> SplitTensors:
    """A split with these views loaded. KBError for views that the data lack."""
    names = sorted(set(names) - {views.WORDS}, key=lambda name: (name in views.VIEWS, name))
    views.refuse_missing(names, corpus, [split])
    source = Source(corpus, split, vocabulary, device)
    words = _padded([vocabulary.encode(caption.text) for caption in source.captions])
    owner = torch.from_numpy(source.owners)
    tensors = SplitTensors(words, owner, len(source.data.videos), device)
    if corpus.probe is not None and corpus.families is not None:
        family_of = corpus.families()
        families = [family_of[video] for video in source.data.videos]
        tensors.family = torch.from_numpy(np.unique(families, return_inverse=True)[1])
    for name in names:
        view = views.view(name)
        if split == "train" or not view.training_only:
            getattr(tensors, {"captions": "text", "clips": "video"}[view.side]).append(
                view.load(source)
            )
    return tensors


def _padded(rows: list[list[int]]) -> Tensor:
    """(rows, longest), PAD at the end."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    table = np.full((len(rows), lengths.max(initial=1)), PAD, dtype=np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate([*rows, []])
    return torch.from_numpy(table)
