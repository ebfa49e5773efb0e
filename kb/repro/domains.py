"""Domain adaptation: pairs of other datasets train, those of the data themselves are not used."""

from collections.abc import Collection
from dataclasses import dataclass

import torch

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.records.errors import Exit, KBError
from kb.repro.pretraining import Progress
from kb.repro.split_tensors import SplitTensors, load_split
from kb.repro.vocabulary import Vocabulary
from models.parts.recipe import Recipe

MOST = 2  # labelled domains


@dataclass(frozen=True)
class SourceDomains:
    """The labelled datasets of a recipe."""

    corpora: tuple[Corpus, ...]

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the first one: what only the others say is unknown."""
        return Vocabulary.build(
            caption.text for caption in self.corpora[0].splits["train"].captions
        )

    def train(
        self,
        unpaired: SplitTensors,
        words: Vocabulary,
        names: Collection[str],
        device: torch.device,
    ) -> SplitTensors:
        """The training split of the first source; beside its batches those of the others."""
        first, *others = (
            load_split(corpus, "train", words, names, device) for corpus in self.corpora
        )
        first.unpaired = unpaired
        first.second_source = others[0] if others else None
        return first


def load_sources(recipe: Recipe, corpus: Corpus, progress: Progress) -> SourceDomains | None:
    """The source domains of a recipe, at the size of the data; None without one.

    KBError where there are too many, where one is the data themselves, and for real ones.
    """
    names = [_counterpart(name, corpus) for name in recipe.sampling.source_domains]
    if not names:
        return None
    if len(names) > MOST:
        raise KBError(f"{len(names)} source domains: {', '.join(names)}", hint=f"at most {MOST}")
    if corpus.name in names:
        what = f"{corpus.name} is a source domain of the recipe and the data to retrieve from"
        raise KBError(what, hint="choose other data: `kb data list`")
    if missing := [name for name in names if name not in COUNTERPARTS]:
        what = f"the source domain {missing[0]} is read from its synthetic counterpart only"
        hint = f"retrieve from a synthetic dataset: --data diorama-{corpus.name}"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE)
    return SourceDomains(tuple(_loaded(name, corpus.size, progress) for name in names))


def _counterpart(name: str, corpus: Corpus) -> str:
    """The dataset of this name, or its synthetic counterpart where the data are synthetic."""
    counterpart = f"diorama-{name}"
    return counterpart if corpus.size is not None and counterpart in COUNTERPARTS else name


def _loaded(name: str, size: str | None, progress: Progress) -> Corpus:
    if (name, size) not in _LOADED:
        _LOADED[name, size] = datasets.load(name, size=size, progress=progress)
    return _LOADED[name, size]


_LOADED: dict[tuple[str, str | None], Corpus] = {}
