"""`candidates`: captions of the same video near a clip, for narration that runs early or late."""

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import PAD
from models.parts.batch import Captions, Nested

COUNT = 5  # of a clip at most, its own caption among them


class Candidates(View):
    """A clip's own caption, then those that keep the stretch of time around it shortest.

    The first P of them are the window of P captions that Miech et al. (CVPR 2020) take. Only clips
    that were cut from longer videos have any.
    """

    name, side, training_only = "candidates", "captions", True

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Nothing: a caption without a time in a longer video has no other beside it."""
        return None

    def load(self, source: Source) -> Fill:
        """The captions of each window, encoded; none where clips are whole videos."""
        near = windows(source)
        encoded = [torch.tensor(source.vocabulary.encode(c.text)) for c in source.captions]

        def fill(captions: Captions, rows: Tensor) -> None:
            if not near:
                return
            chosen = [near[row] for row in rows.tolist()]
            ids = [encoded[row] for window in chosen for row in window]
            words = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=PAD)
            owner = [place for place, window in enumerate(chosen) for _ in window]
            captions.candidates = nested(
                to_device(words, source.device), to_device(torch.tensor(owner), source.device)
            )

        return fill

    def toy(self, toy: Toy) -> None:
        """Each caption itself, and for two of three the same without its last word."""
        owner = torch.tensor([row for row in range(toy.n) for _ in range(2 - (row % 3 == 0))])
        words = toy.captions.words[owner].clone()
        last = toy.captions.mask.sum(1)[owner] - 1
        other = owner.diff(prepend=owner[:1] - 1) == 0
        words[other, last[other]] = PAD
        toy.captions.candidates = nested(words, owner)


def nested(words: Tensor, owner: Tensor) -> Nested[Captions]:
    """Captions of padded ids, without a time of their own."""
    return Nested(Captions(words, words != PAD), owner, torch.zeros(len(owner), 2))


def windows(source: Source) -> list[list[int]]:
    """Rows of the candidates of each caption, its own first; none where nothing was cut."""
    spans, cut_from = source.corpus.cut_spans, source.corpus.cut_from
    if not cut_from:
        return []
    by_video: dict[str, list[int]] = {}
    for row, caption in enumerate(source.captions):
        by_video.setdefault(cut_from[caption.video], []).append(row)
    near: dict[int, list[int]] = {}
    for rows in by_video.values():
        rows.sort(key=lambda row: spans[source.captions[row].video])
        times = [spans[source.captions[row].video] for row in rows]
        for place, row in enumerate(rows):
            near[row] = [rows[at] for at in window(times, place)]
    return [near[row] for row in range(len(source.captions))]


def window(times: list[tuple[float, float]], place: int, count: int = COUNT) -> list[int]:
    """Places of at most `count` neighbours in the order in which they join, the given one first.

    The window grows to the side on which it stays shorter, and at an end to the other side.
    """
    first = last = place
    joined = [place]
    while len(joined) < min(count, len(times)):
        earlier = times[last][1] - times[first - 1][0] if first > 0 else float("inf")
        later = times[last + 1][1] - times[first][0] if last + 1 < len(times) else float("inf")
        if earlier < later:
            first -= 1
            joined.append(first)
        else:
            last += 1
            joined.append(last)
    return joined
