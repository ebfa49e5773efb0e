"""Batches of a few ragged captions and clips, for whatever views a model reads."""

import dataclasses
import re
import typing

import torch

from kb.datasets.synthetic.world import EXPERTS
from kb.repro import views
from models.parts.batch import Batch, Captions, Clips, Nested
from models.parts.contract import DataSizes

FRAMES = 6  # width of `frames`; the other experts are told apart by theirs
EXTRA = ("words", "steps", "nodes", "n", "frames", "boxes")  # axes that may be padded
JUNK = {True: 1e3, False: 9}  # of floats, of integers: what must not be read


def config_of(model, **change):
    """A small configuration of this class."""
    return dataclasses.replace(model.Config.small(), **change)


def dims(model, config):
    """Expert -> feature width."""
    read = (model.needs(config) | (model.optional & set(EXPERTS))) - {views.WORDS}
    others = sorted(name for name in read if name not in views.VIEWS and name != "frames")
    widths = {name: 4 + 3 * i for i, name in enumerate(others)}
    return dict(sorted((widths | ({"frames": FRAMES} if "frames" in read else {})).items()))


def sizes(model, config, **change):
    """What toy data decide of this model."""
    data = DataSizes(
        vocabulary=30,
        bow=12,
        dims=dims(model, config),
        vectors={"concepts": 12, "w2v": 5, "bert": 6},
        classes={"verb": 4, "noun": 5, "adverb": 3, "tags": 6},
        captions=9,
        videos=8,
    )
    return dataclasses.replace(data, **change)


def built(model, data=None, **change):
    """A small model of this class, in evaluation mode, always from the same seed."""
    torch.manual_seed(0)
    config = config_of(model, **change)
    return model(config, data or sizes(model, config)).eval()


def batch(net, n=4, seed=1):
    """N pairs for a built model; the first of each side is the longest, no expert lacks it."""
    g = torch.Generator().manual_seed(seed)
    toy = views.Toy(n, g, net.data)
    for name in sorted(
        net.needs(net.config) | net.data.dims.keys(), key=lambda name: (name in views.VIEWS, name)
    ):
        if name != views.WORDS:
            views.view(name).toy(toy)
    return Batch(toy.captions, toy.clips)


def picked(batch, rows):
    """These rows of a batch, in this order."""
    index = torch.as_tensor(rows)
    return Batch(_taken(batch.captions, index), _taken(batch.clips, index))


def _taken(value, rows):
    if isinstance(value, Nested):
        keep = torch.cat([torch.nonzero(value.owner == row)[:, 0] for row in rows])
        owner = torch.cat(
            [torch.full_like(keep[value.owner[keep] == r], i) for i, r in enumerate(rows)]
        )
        return Nested(_taken(value.items, keep), owner, value.span[keep])
    if dataclasses.is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return type(value)(**{name: _taken(part, rows) for name, part in parts.items()})
    if isinstance(value, dict):
        return {name: _taken(part, rows) for name, part in value.items()}
    return value if value is None else value[rows]


def padded(batch, extra=3):
    """The same batch with more padding on every axis that has any, filled with junk."""
    return Batch(_widened(batch.captions, extra), _widened(batch.clips, extra))


def _widened(value, extra):
    if dataclasses.is_dataclass(value):
        hints = typing.get_type_hints(type(value))
        parts = {}
        for f in dataclasses.fields(value):
            parts[f.name] = _part(getattr(value, f.name), repr(hints[f.name]), extra)
        return _junked(type(value)(**parts), value)
    return value


def _part(part, hint, extra):
    if part is None or isinstance(part, Nested):
        return part
    if isinstance(part, dict):
        return {name: _part(one, hint, extra) for name, one in part.items()}
    if not isinstance(part, torch.Tensor):
        return _widened(part, extra)
    axes = re.search(r"\[Tensor, '([^']+)'\]", hint)
    names = axes.group(1).split()
    for axis, name in enumerate(names):
        if axis and name in EXTRA:
            shape = list(part.shape)
            shape[axis] = extra
            fill = False if part.dtype == torch.bool else JUNK[part.is_floating_point()]
            part = torch.cat([part, torch.full(shape, fill, dtype=part.dtype)], dim=axis)
    return part


def _junked(wide, value):
    """Junk also where the batch itself has padding: features and words under a mask of False."""
    if isinstance(wide, Captions):
        wide.words = wide.words.masked_fill(~wide.mask, 9)
    if isinstance(wide, Clips):
        for name, x in wide.features.items():
            wide.features[name] = x.masked_fill(~wide.mask[name][..., None], JUNK[True])
    return wide
