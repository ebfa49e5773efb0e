"""Toy batches: a few ragged captions and clips for all views that a model reads."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kb.datasets.synthetic.world import EXPERTS
from kb.repro import views
from kb.repro.views.boxes import EXPERT, TOY_WIDTH
from models.parts.batch import Batch, Nested
from models.parts.contract import DataSizes, RetrievalModel

FRAMES = 6  # width of `frames`; the other experts are told apart by theirs
SIZES = DataSizes(
    vocabulary=30,
    bow=12,
    vectors={"concepts": 12, "mentions": 11, "w2v": 5, "bert": 6, "web": 7},
    classes={"verb": 4, "noun": 5, "adverb": 4, "tags": 6},
    captions=9,
    videos=8,
)


def config_of(model: Any, **changes: Any) -> Any:
    """A small configuration of this class."""
    return dataclasses.replace(model.Config.small(), **changes)


def dims(model: Any, config: Any) -> dict[str, int]:
    """Expert -> feature width, of those that are needed and of every optional one."""
    read = (model.needs(config) | (model.optional & set(EXPERTS))) - {views.WORDS}
    others = sorted(name for name in read if name not in views.VIEWS and name != "frames")
    widths = {name: 4 + 3 * place for place, name in enumerate(others)}
    widths |= {EXPERT: TOY_WIDTH} if "boxes" in read else {}
    return dict(sorted((widths | ({"frames": FRAMES} if "frames" in read else {})).items()))


def sizes(model: Any, config: Any, **changes: Any) -> DataSizes:
    """DataSizes of the toy data for this model."""
    return dataclasses.replace(SIZES, **({"dims": dims(model, config)} | changes))


def build(model: Any, data: DataSizes | None = None, **changes: Any) -> RetrievalModel:
    """A small model of this class, in evaluation mode, always from the same seed."""
    torch.manual_seed(0)
    config = config_of(model, **changes)
    built: RetrievalModel = model(config, data or sizes(model, config))
    return built.eval()


def batch(net: RetrievalModel, n: int = 4, seed: int = 1) -> Batch:
    """N pairs for a built model; the first of each side is the longest, no expert lacks it.

    A model of domain adaptation gets an unpaired domain and a second source beside them.
    """
    generator = torch.Generator().manual_seed(seed)
    toy = _pairs(net, n, generator)
    if net.small_recipe.sampling.source_domains:
        toy.unpaired, toy.second_source = (_pairs(net, n, generator) for _ in range(2))
    return toy


def _pairs(net: RetrievalModel, n: int, generator: torch.Generator) -> Batch:
    """One domain of a batch."""
    toy = views.Toy(n, generator, net.data)
    names = (net.needs(net.config) | net.data.dims.keys()) - {views.WORDS}
    for name in sorted(names, key=lambda name: (name in views.VIEWS, name)):  # experts first
        views.view(name).toy(toy)
    return Batch(toy.captions, toy.clips)


def narrated(items: Batch) -> Batch:
    """The same batch as in pre-training: its clips were cut from videos, two from each."""
    clips = dataclasses.replace(items.clips, video=torch.arange(len(items.captions.words)) // 2)
    return dataclasses.replace(items, clips=clips)


def take(items: Batch, rows: Sequence[int]) -> Batch:
    """These pairs of a batch in which caption i describes clip i, in this order."""
    taken: Batch = _take(items, torch.as_tensor(rows))
    return taken


def _take(value: Any, rows: Tensor) -> Any:
    """Rows of every tensor; nested items go with their owners."""
    if isinstance(value, Nested):
        chosen = [(value.owner == row).nonzero()[:, 0] for row in rows]
        owner = [torch.full_like(parts, place) for place, parts in enumerate(chosen)]
        at = torch.cat(chosen)
        return Nested(_take(value.items, at), torch.cat(owner), value.span[at])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return type(value)(**{name: _take(getattr(value, name), rows) for name in names})
    if isinstance(value, dict):
        return {name: _take(part, rows) for name, part in value.items()}
    return value if value is None else value[rows]
