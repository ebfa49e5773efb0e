"""Recordings of feiyuchen7/IRA: the loss on given scores, and on SCAN."""

from models.ira_loss import Config, IRALoss
from models.official.ira_loss import config_of, load, loss_settings
from models.parts.batch import Batch
from tests.parity.cases import Case
from tests.parity.host import LOSS, given_scores, host_batch, official, outputs

__all__ = ["LOSS", "build", "official", "outputs", "skipped"]


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def build(case: Case) -> tuple[IRALoss, Batch]:
    """The loss alone where no weights were recorded."""
    if not case.state:
        return given_scores(IRALoss, Config(**loss_settings(case.config)), case)
    return load(case.state, config_of(case.state, case.config)[0]), host_batch(case)
