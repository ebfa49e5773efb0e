"""Weights of an official code, renamed to ours."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from torch import Tensor, nn

NAMED = 4  # faults a message names; the rest are counted

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def flatten_checkpoint(state: Mapping[str, Any], prefixes: Sequence[str]) -> Mapping[str, Tensor]:
    """A checkpoint {"model": [part, part]} or {prefix: part} as one; anything else as it is."""
    named = [state.get(prefix.rstrip(".")) for prefix in prefixes]
    whole = all(isinstance(part, Mapping) for part in named)
    parts = named if whole else state.get("model")
    if parts is None:
        return state
    if not isinstance(parts, Sequence) or len(parts) != len(prefixes):
        raise ValueError(f"official weights do not fit: model is not a list of {len(prefixes)}")
    by_prefix = zip(prefixes, parts, strict=True)
    return {prefix + key: value for prefix, part in by_prefix for key, value in part.items()}


def matrix_shape(official: Mapping[str, Any], key: str) -> tuple[int, ...]:
    """Shape of one weight; ValueError where it is missing or not a matrix."""
    weight = official.get(key)
    if not isinstance(weight, Tensor) or weight.ndim != 2:  # noqa: PLR2004  (a matrix)
        raise ValueError(f"official weights do not fit: {key} is missing or not a matrix")
    return tuple(weight.shape)


def official_names(model: nn.Module, prefixes: Mapping[str, str]) -> dict[str, str]:
    """Official name -> our name of every entry of the model's state dict.

    `prefixes` maps the beginnings of official names to the beginnings of ours. A name of ours that
    stands there in full is not the beginning of a longer one.
    """
    names, whole = model.state_dict().keys(), set(prefixes.values())
    return {
        official + name.removeprefix(ours): name
        for official, ours in prefixes.items()
        for name in names
        if name == ours or (name.startswith(ours) and name not in whole)
    }


def as_ours(weight: Tensor, like: Tensor) -> Tensor:
    """A Conv2d weight (filters, 1, k, dim) as the Conv1d weight (filters, dim, k) it equals."""
    return weight.squeeze(1).mT if weight.ndim == like.ndim + 1 else weight


def as_official(weight: Tensor, like: Tensor) -> Tensor:
    """The inverse of `as_ours`, to compare gradients with the official ones."""
    return weight.mT.unsqueeze(1) if weight.ndim + 1 == like.ndim else weight


def load_renamed(
    model: AnyModule, official: Mapping[str, Any], prefixes: Mapping[str, str]
) -> AnyModule:
    """The model with the official weights in it.

    Counters of batches seen, which old checkpoints lack, may be missing. Raises ValueError, one
    line, naming keys that are unknown, missing or of another shape.
    """
    names, own = official_names(model, prefixes), model.state_dict()
    faults = [f"{key} is unknown" for key in official if key not in names]
    for key, name in names.items():
        if key in official and not isinstance(official[key], Tensor):
            faults.append(f"{key} is not a tensor")
        elif key in official:
            own[name] = as_ours(official[key], fresh := own[name])
            if own[name].shape != fresh.shape:
                faults.append(f"{key} is {tuple(own[name].shape)}, not {tuple(fresh.shape)}")
        elif not key.endswith("num_batches_tracked"):
            faults.append(f"{key} is missing")
    if faults:
        more = f" and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        raise ValueError(f"official weights do not fit: {'; '.join(faults[:NAMED])}{more}")
    model.load_state_dict(own)
    return model
