"""Pre-training on the clips of another dataset."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.cutting import cut
from kb.repro.split_tensors import SplitTensors, load_split
from kb.repro.vocabulary import Vocabulary
from models.parts.recipe import PretrainingStage, Recipe

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LoadedStage:
    """A pre-training stage with its data, cut into clips."""

    corpus: Corpus
    stage: PretrainingStage

    def vocabulary(self, corpus: Corpus) -> Vocabulary:
        """The words of both training sets: a word has one number before and after."""
        both = (self.corpus, corpus)
        return Vocabulary.build(c.text for one in both for c in one.splits["train"].captions)

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe of the stage: its epochs, no patience, since nothing is validated."""
        changes = (
            {} if self.stage.learning_rate is None else {"learning_rate": self.stage.learning_rate}
        )
        return recipe.but(
            epochs=self.stage.epochs,
            lr_patience=None,
            early_stopping_patience=None,
            select="last",
            captions_per_video=None,
            clips_per_video=self.stage.clips_per_video,
            stages=(),
            **changes,
        )

    def splits(
        self, words: Vocabulary, names: Collection[str], device: torch.device
    ) -> tuple[SplitTensors, SplitTensors]:
        """Its training split and an empty validation split."""
        train = load_split(self.corpus, "train", words, names, device)
        train.source = self._sources()
        return train, replace(train, words=train.words[:0], owner=train.owner[:0])

    def _sources(self) -> Tensor:
        """(clips,) number of the video each clip was cut from."""
        number: dict[str, int] = {}
        clips = self.corpus.splits["train"].videos
        videos = [self.corpus.cut_from[clip] for clip in clips]
        return torch.tensor([number.setdefault(video, len(number)) for video in videos])


def load_stage(recipe: Recipe, size: str | None, progress: Progress) -> LoadedStage | None:
    """The pre-training data of a recipe, at this size; None without a stage."""
    if not recipe.stages:
        return None
    stage = recipe.stages[0]
    key = (stage.data, size)
    if key not in _LOADED:
        _LOADED[key] = cut(datasets.load(stage.data, size=size, progress=progress))
    return LoadedStage(_LOADED[key], stage)


_LOADED: dict[tuple[str, str | None], Corpus] = {}
