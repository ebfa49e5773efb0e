"""What a model is trained on before its own data: the clips of another dataset."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.cutting import cut
from kb.repro.batches import Views, views
from kb.repro.vocabulary import Vocabulary
from models.parts.contract import Pretraining, Recipe

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class First:
    """The data of a pre-training, cut into clips, and what is told of it."""

    corpus: Corpus
    plan: Pretraining

    def vocabulary(self, corpus: Corpus) -> Vocabulary:
        """The words of both training sets: a word has one number before and after."""
        both = (self.corpus, corpus)
        return Vocabulary.build(c.text for one in both for c in one.splits["train"].captions)

    def recipe(self, recipe: Recipe) -> Recipe:
        """How it trains: for so many epochs, without patience, since nothing is validated."""
        rate = self.plan.learning_rate or recipe.learning_rate
        return replace(
            recipe,
            learning_rate=rate,
            epochs=self.plan.epochs,
            halve_after=None,
            stop_after=None,
            per_video=None,
            pretraining=None,
        )

    def sides(self, words: Vocabulary, needs: Any, device: torch.device) -> tuple[Views, Views]:
        """Its training side, and a validation side of nothing."""
        train = views(self.corpus, "train", words, needs, device)
        if self.plan.together is not None:
            train.source, train.together = self._sources(), self.plan.together
        return train, replace(train, words=train.words[:0], owner=train.owner[:0])

    def _sources(self) -> Tensor:
        """(clips,) number of the video each clip was cut from."""
        number: dict[str, int] = {}
        clips = self.corpus.splits["train"].videos
        videos = [self.corpus.cut_from[clip] for clip in clips]
        return torch.tensor([number.setdefault(video, len(number)) for video in videos])


def first(recipe: Recipe, size: str | None, progress: Progress) -> First | None:
    """The data a recipe trains on first, at this size; None where it does not."""
    if recipe.pretraining is None:
        return None
    key = (recipe.pretraining.data, size)
    if key not in _LOADED:
        name = recipe.pretraining.data
        _LOADED[key] = cut(datasets.load(name, size=size, progress=progress))
    return First(_LOADED[key], recipe.pretraining)


_LOADED: dict[tuple[str, str | None], Corpus] = {}
