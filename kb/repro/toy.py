"""A few ragged captions and clips for any model: what its checks are run on."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from kb.datasets.synthetic.world import EXPERTS
from kb.repro import views
from models.parts.batch import Batch, Nested
from models.parts.contract import DataSizes, RetrievalModel

VOCABULARY, BOW, VECTORS, WIDTH = 30, 12, 12, 6  # words, words of the bag, columns of a vector
CLASSES = {"verb": 5, "noun": 5, "adverb": 4}

T = TypeVar("T")


def read(model: Any, config: Any) -> frozenset[str]:
    """Views of a toy batch: what the configuration needs, and every optional expert."""
    names: frozenset[str] = model.needs(config) | (model.optional & set(EXPERTS))
    return names - {views.WORDS}


def data_sizes(model: Any, config: Any) -> DataSizes:
    """Sizes of the toy data; each expert has its own width, `frames` is 6 wide."""
    names = read(model, config)
    experts = sorted(names - set(views.VIEWS) - {"frames"})
    dims = {name: 4 + 3 * place for place, name in enumerate(experts)}
    if "frames" in names:
        dims["frames"] = WIDTH
    return DataSizes(
        vocabulary=VOCABULARY,
        bow=BOW,
        dims=dims,
        vectors=dict.fromkeys(sorted(names & set(views.VIEWS)), VECTORS),
        classes=CLASSES,
        captions=8,
        videos=8,
    )


def build(model: Any, data: DataSizes | None = None, **changes: Any) -> RetrievalModel:
    """The model at the benchmark's sizes, in evaluation mode, always from the same seed."""
    torch.manual_seed(0)
    config = replace(model.Config.small(), **changes)
    built: RetrievalModel = model(config, data or data_sizes(model, config))
    return built.eval()


def batch(model: RetrievalModel, n: int = 4, seed: int = 1) -> Batch:
    """Captions and clips of n pairs for a built model; the first of each is the longest.

    Where a model reads several experts, each but the first lacks one of the other clips.
    """
    toy = views.Toy(n, torch.Generator().manual_seed(seed), model.data)
    names = read(type(model), model.config)
    for name in sorted(names):
        if name in views.VIEWS or name in model.data.dims:
            views.view(name).toy(toy)
    return Batch(toy.captions, toy.clips)


def rows(items: T, index: list[int]) -> T:
    """These captions or clips of a batch, in this order; parts go with their wholes."""
    if isinstance(items, Tensor):
        return items[index]  # type: ignore[return-value]  (a Tensor is what came in)
    if isinstance(items, dict):
        return {name: rows(x, index) for name, x in items.items()}  # type: ignore[return-value]
    if isinstance(items, Nested):
        chosen = [(items.owner == row).nonzero()[:, 0] for row in index]
        at = torch.cat(chosen)
        owner = torch.arange(len(index)).repeat_interleave(torch.tensor([len(c) for c in chosen]))
        return Nested(rows(items.items, at.tolist()), owner, items.span[at])  # type: ignore[return-value]
    if is_dataclass(items) and not isinstance(items, type):
        parts = {one.name: rows(getattr(items, one.name), index) for one in fields(items)}
        return replace(items, **parts)  # type: ignore[return-value]
    return items


def pairs(items: Batch, index: list[int]) -> Batch:
    """These pairs of a batch in which caption i describes clip i."""
    return Batch(rows(items.captions, index), rows(items.clips, index))
