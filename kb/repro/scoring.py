"""A model's scores of a whole split, and what they are worth."""

from collections.abc import Iterator

import torch
from torch import Tensor

from kb.repro.batches import Views
from kb.retrieval import Evaluation, evaluate
from models.parts.contract import RetrievalModel

BATCH = 256


@torch.no_grad()
def similarity(model: RetrievalModel, views: Views) -> Tensor:
    """(captions, videos) scores of a split. The model is left in the mode it came in."""
    training = model.training
    model.eval()
    videos = [model.encode_video(views.clips(part)) for part in _parts(views.videos)]
    rows = []
    for part in _parts(len(views)):
        text = model.encode_text(views.captions(part))
        rows.append(torch.cat([model.similarity(text, video) for video in videos], dim=1))
    model.train(training)
    return torch.cat(rows)


def score(model: RetrievalModel, views: Views) -> Evaluation:
    """Both directions: each caption asks for its video, each video for the best of its captions."""
    return evaluate(similarity=similarity(model, views), relevance=views.owner)


def _parts(size: int) -> Iterator[Tensor]:
    return iter(torch.split(torch.arange(size), BATCH))
