"""data/error_rates.json: how often verdicts are wrong, simulated by `kb claims --error-rates`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, ValidationError

from kb.records import plainfile
from kb.records.errors import KBError
from kb.records.schema import Record

if TYPE_CHECKING:
    from pathlib import Path

WHERE = "data/error_rates.json"
Percent = Annotated[float, Field(ge=0, le=100)]


class ErrorRates(Record):
    """Shares of simulated verdicts; the deviations are those of the runs at that time."""

    claims: NonNegativeInt
    measured_deviations: NonNegativeInt  # differences between variants that have worlds enough
    pooled_deviation: NonNegativeFloat = 0.0  # points, over worlds
    draws: NonNegativeInt = 0  # of each claim under each truth
    wrong_per_claim: Percent = 0.0  # where nothing differs
    wrong_per_paper: Percent = 0.0  # at least one claim of it
    wrong_in_the_worst_paper: Percent = 0.0
    wrong_reason: Percent = 0.0  # where the mechanism changes nothing
    power: dict[str, Percent] = Field(default_factory=dict)  # true difference in points -> found


def read(root: Path) -> ErrorRates | None:
    """What was simulated last; None before the first time. KBError for a file that is not valid."""
    path = root / WHERE
    if not path.is_file():
        return None
    try:
        return ErrorRates.model_validate(plainfile.read_json(path, "a record of error rates"))
    except ValidationError as error:
        hint = "simulate again: kb claims --error-rates"
        raise KBError("not a record of error rates", where=path, hint=hint) from error
