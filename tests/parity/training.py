"""What our model gives where the official code was recorded, in evaluation or in train mode.

In train mode every drop-out probability is 0 and the model makes five steps of SGD on one batch.
An adapter says only how a recording becomes a model and a batch, and what its arrays are called.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from models.official._loading import as_official, official_names
from models.parts.batch import Batch
from models.parts.contract import RetrievalModel
from tests.parity.cases import Case

STEPS, RATE = 5, 0.01
PLAIN = {"name": "SGD", "lr": RATE, "steps": STEPS, "momentum": 0.0, "weight_decay": 0.0}
RUNNING = ("running_mean", "running_var")
COUNTER = "num_batches_tracked"
LOSS = "out/loss_total"  # unless the adapter has another name in LOSS


class Adapter(Protocol):
    """A module tests/parity/<slug with _>.py.

    It may also have `LOSS`, the array that evaluation sends back, and, where names alone do not
    lead from our weights to the official ones, `official(model, case, tensors)` in place of
    `prefixes`: `tensors`, by our names, under the official names and in the official layout.
    """

    def build(self, case: Case) -> tuple[RetrievalModel, Batch]:
        """The model with the recorded weights, and the recorded batch.

        What the official code does not train has `requires_grad` off.
        """

    def outputs(self, model: RetrievalModel, batch: Batch, case: Case) -> Mapping[str, Any]:
        """Every array `out/...` of one pass in the mode the model is in, and no other weights."""

    def prefixes(self, model: RetrievalModel) -> Mapping[str, str]:
        """Beginnings of the official names -> of ours."""

    def skipped(self, array: str) -> str | None:
        """Why an array is no concern of the model; None where it is."""


def run(case: Case, adapter: Adapter) -> dict[str, np.ndarray]:
    """Every array of the recording that concerns the model, computed by it in float32.

    A tool without a model has `arrays(case)` for all of them.
    """
    if hasattr(adapter, "arrays"):
        return dict(adapter.arrays(case))
    model, batch = adapter.build(case)
    arrays = _trained if case.optimiser else _evaluated
    return {name: _array(value) for name, value in arrays(model, batch, case, adapter).items()}


def without_dropout(model: nn.Module) -> None:
    """Set every drop-out probability to 0, that of recurrent and attention layers too."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0


def skipped(array: str) -> str | None:
    """Why an array of any recording is not compared; None where it is."""
    if array.endswith(COUNTER):
        return "how often a layer was called: the same numbers may come of other calls"
    return None


def _evaluated(model: RetrievalModel, batch: Batch, case: Case, adapter: Adapter) -> dict[str, Any]:
    arrays = dict(adapter.outputs(model.eval(), batch, case))
    arrays[getattr(adapter, "LOSS", LOSS)].backward()
    return arrays | _gradients(model, case, adapter)


def _trained(model: RetrievalModel, batch: Batch, case: Case, adapter: Adapter) -> dict[str, Any]:
    """Outputs come from a copy, so that they move no statistics of the run."""
    if {name: case.optimiser.get(name) for name in PLAIN} != PLAIN:
        raise ValueError(f"recorded with the optimiser {case.optimiser}, not {PLAIN}")
    without_dropout(model.train())
    arrays = dict(adapter.outputs(deepcopy(model), batch, case))
    sgd, losses = torch.optim.SGD(model.parameters(), RATE), []
    for step in range(1, STEPS + 1):
        sgd.zero_grad()
        losses.append(loss := model.loss(batch))
        loss.backward()
        if step == 1:
            arrays |= _gradients(model, case, adapter)
        sgd.step()
        model.after_step()
        if step in {1, STEPS}:
            arrays |= _state(model, case, adapter, f"out/running{step}/", RUNNING)
    arrays |= _state(model, case, adapter, f"out/after{STEPS}/")
    total = losses[0].reshape(np.shape(case.expected.get(LOSS, 0.0)))  # (1,) in some releases
    return arrays | {"out/train_losses": torch.stack(losses), LOSS: total}


def _gradients(model: RetrievalModel, case: Case, adapter: Adapter) -> dict[str, Tensor]:
    parameters = model.named_parameters()
    gradients = {name: p.grad for name, p in parameters if p.grad is not None}
    return _official(model, case, adapter, gradients, "grad/")


def _state(
    model: RetrievalModel, case: Case, adapter: Adapter, room: str, endings: Iterable[str] = ("",)
) -> dict[str, Tensor]:
    """Copies of weights and buffers whose names end so."""
    state = {n: t.clone() for n, t in model.state_dict().items() if n.endswith(tuple(endings))}
    return _official(model, case, adapter, state, room)


def _official(
    model: RetrievalModel, case: Case, adapter: Adapter, tensors: Mapping[str, Tensor], room: str
) -> dict[str, Tensor]:
    """The tensors, by our names, as the recording has them in this room."""
    if hasattr(adapter, "official"):
        renamed = adapter.official(model, case, tensors)
    else:
        names = official_names(model, adapter.prefixes(model))
        renamed = {
            key: as_official(tensors[name], case.state[key])
            for key, name in names.items()
            if name in tensors and key in case.state
        }
    return {room + key: tensor for key, tensor in renamed.items()}


def _array(value: Any) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
