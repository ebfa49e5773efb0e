"""Weights of TensorFlow 1, in its layouts, as ours: kernels end in (in, out), LSTMs have one matrix."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

GATES = (0, 2, 1, 3)  # of an LSTM: i, j, f, o there; i, f, j, o in torch, and the other way round
FORGET = 1.0  # added to the forget gate as it runs, not kept in the bias
TABLES = ("word_embed",)  # (rows, numbers), no kernel
INPUT, STATE = "[input]", "[state]"  # which rows of an LSTM's kernel


def lstm_names(official: str, ours: str, suffix: str = "") -> dict[str, str]:
    """Parts of an LSTM's weights, as `from_tensorflow` names them -> our names."""
    return {
        f"{official}/kernel{INPUT}": f"{ours}.weight_ih_l0{suffix}",
        f"{official}/kernel{STATE}": f"{ours}.weight_hh_l0{suffix}",
        f"{official}/bias": f"{ours}.bias_ih_l0{suffix}",
    }


def from_tensorflow(state: Mapping[str, Any], lstms: Collection[str]) -> dict[str, Tensor]:
    """Every weight in our layout; kernels of the LSTMs named are cut into their two parts.

    Raises ValueError, one line, for what is no array.
    """
    weights = {}
    for key, value in tensors(state).items():
        home, _, name = key.rpartition("/")
        if home not in lstms:
            weights[key] = value if key in TABLES else turned(value)
        elif name == "kernel":
            inputs = value.shape[0] - value.shape[-1] // 4
            halves = value[:inputs], value[inputs:]
            for part, half in zip((INPUT, STATE), halves, strict=True):
                weights[key + part] = reordered(half.mT) if half.ndim > 1 else half
        else:
            weights[key] = shifted(reordered(value), FORGET)
    return weights


def to_tensorflow(weights: Mapping[str, Tensor], forget: float = FORGET) -> dict[str, Tensor]:
    """The inverse; with `forget` 0 of gradients."""
    state = {}
    for key, weight in weights.items():
        whole = key.removesuffix(INPUT)
        if key.endswith(INPUT):
            halves = (reordered(weights[whole + part]).mT for part in (INPUT, STATE))
            state[whole] = torch.cat(list(halves))
        elif whole.removesuffix("bias") + f"kernel{INPUT}" in weights:
            state[key] = reordered(shifted(weight, -forget))
        elif not key.endswith(STATE):
            state[key] = weight if key in TABLES else turned(weight, back=True)
    return state


def reordered(weight: Tensor) -> Tensor:
    """Rows of an LSTM's gates in the other order."""
    parts = weight.chunk(len(GATES))
    if len(parts) < len(GATES):
        return weight  # which fits no LSTM, and is refused as such
    return torch.cat([parts[gate] for gate in GATES])


def shifted(bias: Tensor, by: float) -> Tensor:
    """A bias in torch's order, something added to its forget gate."""
    size = len(bias) // len(GATES)
    place = torch.arange(len(bias)) // max(size, 1)
    return bias + by * (place == 1) if bias.ndim == 1 else bias


def turned(weight: Tensor, *, back: bool = False) -> Tensor:
    """A kernel (..., in, out) as a weight (out, in, ...), or back; a vector as it is."""
    if weight.ndim < 2:  # noqa: PLR2004  (a vector)
        return weight
    axes = range(weight.ndim)
    order = (*axes[2:], 1, 0) if back else (*axes[:-3:-1], *axes[:-2])
    return weight.permute(order).contiguous()


def tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Arrays as tensors; ValueError, one line, for what is none."""
    try:
        return {key: torch.as_tensor(weight) for key, weight in state.items()}
    except (TypeError, ValueError, RuntimeError) as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"official weights do not fit: no array: {problem}") from error
