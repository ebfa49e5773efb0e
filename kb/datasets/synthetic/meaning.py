"""Facts that a caption states, errors included, and the same fields for a script."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.script import Script

UNSTATED = -1
_KINDS = (s.SHAPES, s.COLOURS, s.SIZES, s.TEXTURES)
EVENT_FIELDS = (
    "action",
    "manner",
    *(
        f"{role}.{a}"
        for role in ("agent", "patient")
        for a in ("shape", "colour", "size", "texture")
    ),
)
_BEFORE = ("place", *(f"bystander.{a}" for a in ("shape", "colour", "size", "texture")))
HEAD = len(_BEFORE)  # fields before the events


def fields(events: int) -> tuple[str, ...]:
    """Field names of a row with room for `events` events."""
    return _BEFORE + tuple(f"event{i}.{name}" for i in range(events) for name in EVENT_FIELDS)


@dataclass(frozen=True)
class Mention:
    """Attributes of a figure, None where unstated."""

    shape: str | None = None
    colour: str | None = None
    size: str | None = None
    texture: str | None = None


@dataclass(frozen=True)
class EventMention:
    """An event as a caption states it; None for what it leaves out."""

    action: str
    manner: str | None
    agent: Mention
    patient: Mention | None


@dataclass(frozen=True)
class Meaning:
    """Facts that a caption states; events in the order it claims."""

    place: str | None
    bystander: Mention | None
    events: tuple[EventMention, ...]


def merged(meanings: Sequence[Meaning]) -> Meaning:
    """The facts of several sentences together, in the order of time."""
    place = next((m.place for m in meanings if m.place is not None), None)
    aside = next((m.bystander for m in meanings if m.bystander is not None), None)
    return Meaning(place, aside, tuple(event for m in meanings for event in m.events))


def whole(script: Script) -> Meaning:
    """All facts of a script."""
    cast = [Mention(e.shape, e.colour, e.size, e.texture) for e in script.cast]
    events = tuple(
        EventMention(
            e.action, e.manner, cast[e.agent], None if e.patient is None else cast[e.patient]
        )
        for e in script.events
    )
    aside = script.bystanders
    return Meaning(script.place, cast[aside[0]] if aside else None, events)


def row(meaning: Meaning, events: int) -> list[int]:
    """A meaning as one number per field, UNSTATED for facts it omits."""
    numbers = [_code(s.PLACES, meaning.place), *_figure(meaning.bystander)]
    for event in meaning.events:
        numbers += [_code(s.ACTIONS, event.action), _code(s.MANNERS, event.manner)]
        numbers += [*_figure(event.agent), *_figure(event.patient)]
    return numbers + [UNSTATED] * (len(fields(events)) - len(numbers))


def rows(meanings: Sequence[Meaning], events: int) -> NDArray[np.int8]:
    """(meanings, fields) table."""
    width = len(fields(events))
    return np.array([row(m, events) for m in meanings], np.int8).reshape(len(meanings), width)


def _figure(mention: Mention | None) -> list[int]:
    stated = mention or Mention()
    values = (stated.shape, stated.colour, stated.size, stated.texture)
    return [_code(kind, value) for kind, value in zip(_KINDS, values, strict=True)]


def _code(kind: tuple[str, ...], value: str | None) -> int:
    return UNSTATED if value is None else kind.index(value)
