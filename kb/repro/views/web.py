"""`web`: the images that a search with a caption finds, in place of a web image search.

A search engine over captions: its images are stills of the training videos, one of each, ranked by
how many concepts their captions share with the query. Images of the query's own video, and of what
is cut from the same video, are left out, so that a result is an engine's: near, and often wrong.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro.views.features import Expert
from kb.repro.views.mentions import columns, mentioned
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Captions

EXPERT = "frames"
RESULTS = 5  # images of each query
SEED = 0  # of the stills, and of the order of equally good results
QUERIES = 1024  # ranked at a time


class Web(View):
    """Features of the first results, as `Captions.images`."""

    name, side = "web", "captions"

    def lacks(self, corpus: Corpus, split: str) -> str | None:
        """Stills of training videos, more than a query has results."""
        if (reason := Expert(EXPERT).lacks(corpus, split)) is not None:
            return reason
        few = len(corpus.splits["train"].videos) <= RESULTS
        return f"training has no more than {RESULTS} videos to search" if few else None

    def load(self, source: Source) -> Fill:
        """(t, results, dim) of the captions or topics."""
        still = stills(source.corpus).to(source.device)
        found = torch.cat(list(results(source)))

        def fill(captions: Captions, rows: Tensor) -> None:
            captions.images = still[to_device(found[rows], source.device)]

        return fill

    def toy(self, toy: Toy) -> None:
        """Random images."""
        toy.captions.images = toy.normal(toy.n, RESULTS, toy.sizes.vectors[self.name])

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """The width of a frame."""
        return {"vectors": {self.name: corpus.features[EXPERT].dim}}


def stills(corpus: Corpus) -> Tensor:
    """(training videos, dim) one frame of each; zeros where a video has none."""
    features, videos = corpus.features[EXPERT], corpus.splits["train"].videos
    table = np.zeros((len(videos), features.dim), np.float32)
    draws = np.random.default_rng(SEED)
    for row, (video, share) in enumerate(zip(videos, draws.random(len(videos)), strict=True)):
        steps = features.read(video) if video in features else table[:0]
        if len(steps):
            table[row] = steps[int(share * len(steps))]
    return torch.from_numpy(table)


def results(source: Source) -> Iterator[Tensor]:
    """(queries, results) rows of training videos, best first, for the queries in turn."""
    train = source.corpus.splits["train"]
    row = {video: number for number, video in enumerate(train.videos)}
    _, width = columns(source.vocabulary)
    index = torch.zeros(len(train.videos), width)
    owner = torch.tensor([row[caption.video] for caption in train.captions])
    for part in torch.split(torch.arange(len(owner)), QUERIES):
        texts = [train.captions[i].text for i in part.tolist()]
        index.index_add_(0, owner[part], mentioned(texts, source.vocabulary))
    index = index.clamp(max=1)
    origin = source.corpus.cut_from
    number = {name: n for n, name in enumerate(dict.fromkeys(origin.get(v, v) for v in row))}
    of_video = torch.tensor([number[origin.get(video, video)] for video in row])
    draws = torch.Generator().manual_seed(SEED)
    for start in range(0, len(source.captions), QUERIES):
        queries = source.captions[start : start + QUERIES]
        shared = mentioned([query.text for query in queries], source.vocabulary) @ index.mT
        shared += 0.5 * torch.rand(shared.shape, generator=draws)  # orders equal counts alone
        own = [number.get(origin.get(query.video, query.video), -1) for query in queries]
        shared[torch.tensor(own)[:, None] == of_video] = -1.0
        yield shared.topk(RESULTS, dim=1).indices
