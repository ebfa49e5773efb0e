"""Recordings of wayne980/PolyLoss: the loss on given scores, and on SCAN."""

from torch import Tensor

from models.official.universal_weighting_polyloss import Config, PolyLoss, config_of, load
from models.parts.batch import Batch
from tests.parity import host
from tests.parity.cases import Case
from tests.parity.host import LOSS, official

__all__ = ["LOSS", "build", "official", "outputs", "skipped"]


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def build(case: Case) -> tuple[PolyLoss, Batch]:
    """The loss alone where no weights were recorded."""
    if not case.state:
        config = Config(margin=float(case.config["margin"]))
        return host.given_scores(PolyLoss, config, case)
    return load(case.state, config_of(case.state, case.config)[0]), host.host_batch(case)


def outputs(model: PolyLoss, batch: Batch, case: Case) -> dict[str, Tensor]:
    """The loss is an array of one number."""
    arrays = host.outputs(model, batch, case)
    return arrays | {LOSS: arrays[LOSS][None]}
