"""`sentences`, `segments`: the parts of paragraphs and videos, each with its span in seconds."""

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus, Moment
from kb.repro.views.view import WORDS, Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import PAD
from models.parts.batch import Captions, Clips, Nested


class Parts(View):
    """What both sides share: a video's moments in order of time."""

    def lacks(self, corpus: Corpus, split: str) -> str | None:
        """Moments of every video, and its length."""
        videos = corpus.splits[split].videos
        absent = sum(not corpus.moments.get(v) or v not in corpus.durations for v in videos)
        return f"{absent} videos of {split} have no moments with times" if absent else None


def moments(source: Source, videos: list[str]) -> list[list[Moment]]:
    """The moments of each video, by their start."""
    return [sorted(source.corpus.moments[v], key=lambda one: (one.start, one.end)) for v in videos]


def _spans(parts: list[list[Moment]]) -> Tensor:
    return torch.tensor([[m.start, m.end] for part in parts for m in part]).view(-1, 2)


def _owners(parts: list[list[Moment]]) -> Tensor:
    return torch.tensor([row for row, part in enumerate(parts) for _ in part], dtype=torch.long)


class Sentences(Parts):
    """Each paragraph's sentences, encoded as captions of their own."""

    name, side = "sentences", "captions"

    def load(self, source: Source) -> Fill:
        """A sentence per moment of the caption's video."""
        parts = moments(source, [caption.video for caption in source.captions])
        encoded = [[source.vocabulary.encode(m.text) for m in part] for part in parts]

        def fill(captions: Captions, rows: Tensor) -> None:
            chosen = rows.tolist()
            ids = [sentence for row in chosen for sentence in encoded[row]]
            width = max(1, *(len(one) for one in ids))
            words = torch.full((len(ids), width), PAD)
            for place, one in enumerate(ids):
                words[place, : len(one)] = torch.tensor(one)
            words = to_device(words, source.device)
            own = [parts[row] for row in chosen]
            owner, span = (to_device(x, source.device) for x in (_owners(own), _spans(own)))
            captions.sentences = Nested(Captions(words, words != PAD), owner, span)

        return fill

    def toy(self, toy: Toy) -> None:
        """One to three sentences per paragraph."""
        owner = _toy_owner(toy.n)
        words = toy.integers(1, toy.sizes.vocabulary, (len(owner), WORDS))
        mask = torch.arange(WORDS) < toy.integers(3, WORDS + 1, (len(owner), 1))
        toy.captions.sentences = Nested(Captions(words * mask, mask), owner, _toy_span(owner))


class Segments(Parts):
    """Each video's steps within its moments; a segment has at least the step of its middle."""

    name, side = "segments", "clips"

    def load(self, source: Source) -> Fill:
        """Cut from the experts that were filled in before."""
        parts = moments(source, source.data.videos)
        lengths = [source.corpus.durations[video] for video in source.data.videos]

        def fill(clips: Clips, rows: Tensor) -> None:
            own = [parts[row] for row in rows.tolist()]
            owner, span = (to_device(x, source.device) for x in (_owners(own), _spans(own)))
            length = torch.tensor([lengths[row] for row in rows.tolist()], device=span.device)
            items = Clips()
            for name, x in clips.features.items():
                cut = within(x, clips.mask[name], owner, span / length[owner][:, None])
                items.features[name], items.mask[name] = cut
            clips.segments = Nested(items, owner, span)

        return fill

    def toy(self, toy: Toy) -> None:
        """One to three segments per video, of two steps each."""
        owner, items = _toy_owner(toy.n), Clips()
        for name, dim in toy.sizes.dims.items():
            items.features[name] = toy.normal(len(owner), 2, dim)
            items.mask[name] = torch.ones(len(owner), 2, dtype=torch.bool)
        toy.clips.segments = Nested(items, owner, _toy_span(owner))


def within(x: Tensor, mask: Tensor, owner: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """(n, steps, dim) the steps of (v, steps, dim) videos within (n, 2) shares of them, and mask."""
    count = mask.sum(1)[owner]
    middle = (share.mean(1) * count).long().clamp(min=0)
    first = torch.minimum((share[:, 0] * count).long(), middle).clamp(min=0)
    last = torch.maximum((share[:, 1] * count).ceil().long(), middle + 1)
    last = torch.minimum(last, count)
    step = first[:, None] + torch.arange(max(int((last - first).max()), 1), device=x.device)
    present = step < last[:, None]
    rows = step.clamp(max=x.shape[1] - 1)
    return x[owner[:, None], rows] * present[..., None], present


def _toy_owner(n: int) -> Tensor:
    return torch.tensor([row for row in range(n) for _ in range(1 + row % 3)])


def _toy_span(owner: Tensor) -> Tensor:
    start = torch.arange(float(len(owner)))
    return torch.stack([start, start + 2], dim=1)
