"""`speech-tokens`, `ocr-tokens`: speech and on-screen text of a video, with times."""

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus, Line
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Clips, Tokens
from models.parts.words import SPECIAL

LONGEST = 256  # tokens of a video


class Transcript(View):
    """Ids of the captions' vocabulary; each token has its line, and a share of the line's time."""

    side = "clips"

    def __init__(self, kind: str) -> None:
        self.kind, self.name = kind, f"{kind}-tokens"

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """A dataset without a transcript of this kind."""
        if corpus.transcripts.get(self.kind):
            return None
        return f"it has no {self.kind} with times"

    def load(self, source: Source) -> Fill:
        """Tokens of each video; empty for one without a transcript."""
        lines = source.corpus.transcripts[self.kind]
        videos = [tokens(lines.get(v, []), source.vocabulary) for v in source.data.videos]

        def fill(clips: Clips, rows: Tensor) -> None:
            batch = [videos[row] for row in rows.tolist()]
            width = max(1, *(len(ids) for ids, _, _ in batch))
            ids = torch.zeros(len(batch), width, dtype=torch.long)
            seconds = torch.zeros(len(batch), width, 2)
            mask = torch.zeros(len(batch), width, dtype=torch.bool)
            line = torch.zeros_like(ids)
            for place, (words, times, numbers) in enumerate(batch):
                mask[place, : len(words)] = True
                ids[place, : len(words)] = torch.tensor(words, dtype=torch.long)
                seconds[place, : len(words)] = torch.tensor(times).view(-1, 2)
                line[place, : len(words)] = torch.tensor(numbers, dtype=torch.long)
            parts = (to_device(part, source.device) for part in (ids, mask, seconds, line))
            setattr(clips, self.kind, Tokens(*parts))

        return fill

    def toy(self, toy: Toy) -> None:
        """Up to six words, one per second, two to a line; the second video has none."""
        count = toy.integers(1, 7, (toy.n,))
        count[1:2] = 0
        mask = torch.arange(6) < count[:, None]
        ids = toy.integers(SPECIAL, toy.sizes.vocabulary, (toy.n, 6)) * mask
        start = torch.arange(6.0).expand(toy.n, 6)
        line = torch.arange(6).expand(toy.n, 6) // 2
        seconds = torch.stack([start, start + 1], dim=2)
        setattr(toy.clips, self.kind, Tokens(ids, mask, seconds, line))


def tokens(
    lines: list[Line], vocabulary: Vocabulary
) -> tuple[list[int], list[list[float]], list[int]]:
    """Ids of the words of these lines in order of time.

    Beside them (start, end) of each in seconds, and the number of its line, counted from 0.
    """
    ids: list[int] = []
    times: list[list[float]] = []
    numbers: list[int] = []
    for number, line in enumerate(sorted(lines, key=lambda line: line.start)):
        words = vocabulary.encode(line.text)[1:-1]
        step = (line.end - line.start) / max(len(words), 1)
        ids += words
        numbers += [number] * len(words)
        times += [
            [line.start + step * place, line.start + step * (place + 1)]
            for place in range(len(words))
        ]
    return ids[:LONGEST], times[:LONGEST], numbers[:LONGEST]


VIEWS = (Transcript("speech"), Transcript("ocr"))
