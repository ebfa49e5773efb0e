"""Batches of a few ragged captions and clips, and the same with more padding."""

import dataclasses
import re
import typing

import torch

from kb.repro.toy import FRAMES, batch, config_of, dims, sizes
from kb.repro.toy import build as built
from kb.repro.toy import take as picked
from models.parts.batch import Batch, Captions, Clips, Nested

__all__ = ["FRAMES", "batch", "built", "config_of", "dims", "padded", "picked", "sizes"]

EXTRA = ("words", "steps", "nodes", "n", "frames", "boxes")  # axes that may be padded
JUNK = {True: 1e3, False: 9}  # of floats, of integers: what must not be read


def padded(batch, extra=3):
    """The same batch with more padding on every axis that has any, filled with junk."""
    wide = Batch(_widened(batch.captions, extra), _widened(batch.clips, extra))
    for name in ("unpaired", "second_source"):
        beside = getattr(batch, name)
        setattr(wide, name, None if beside is None else padded(beside, extra))
    return wide


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
