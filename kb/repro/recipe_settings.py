"""Settings of a recipe that a command changes: `learning_rate=1e-4`."""

import math
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from kb.records.errors import KBError
from kb.repro.optimisers import OPTIMISERS, PLATEAUS, SHAPES
from kb.repro.plan import OPTIONS
from models.parts.recipe import Optimiser, Sampling, Schedule

PIECES = (Optimiser, Schedule, Sampling)
TYPES = {
    field.name: get_type_hints(piece)[field.name] for piece in PIECES for field in fields(piece)
}
CHOICES = {"optimiser": [*OPTIMISERS], "shape": [*SHAPES], "lr_rule": [*PLATEAUS]}
CHANGEABLE = sorted(TYPES.keys() - {*OPTIONS, "lr_multipliers", "source_domains"})
ABOVE_ZERO = {"batch_size", "captions_per_video", "clips_per_video", "accumulate", "decay_every"}


def parse(words: list[str] | None) -> dict[str, Any]:
    """The values of `NAME=VALUE`, each of its setting's type; `none` is None.

    Raises KBError for a name that no recipe has, and for a value that its setting cannot take.
    """
    return dict(_setting(word) for word in words or ())


def _setting(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals:
        raise KBError(f"{word!r} is not NAME=VALUE", hint="write learning_rate=1e-4")
    if name not in CHANGEABLE:
        near = get_close_matches(name, CHANGEABLE, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(CHANGEABLE)}"
        raise KBError(f"no recipe has a setting {name!r} to change", hint=hint)
    try:
        value = TypeAdapter(TYPES[name]).validate_python(None if text == "none" else text)
    except ValidationError as error:
        raise KBError(f"{word}: {error.errors()[0]['msg'].lower()}") from error
    if name in CHOICES and value not in CHOICES[name]:
        raise KBError(f"{word}: unknown", hint=f"choose from {', '.join(CHOICES[name])}")
    if isinstance(value, int | float):
        _refuse_out_of_range(name, value, word)
    return name, value


def _refuse_out_of_range(name: str, value: float, word: str) -> None:
    """KBError for a number that no training can use."""
    if not math.isfinite(value) or value < 0:
        raise KBError(f"{word}: not a number from zero up")
    if name in ABOVE_ZERO and value < 1:
        raise KBError(f"{word}: at least 1")
