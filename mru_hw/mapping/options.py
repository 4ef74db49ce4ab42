"""DesignOptions: what a designer may choose of a mapping, each with its unit, range and effect."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from mru_hw.documents import Document, mistake
from mru_hw.units import Amperes, render


def _between(least: float, most: float, unit: str, why: str) -> AfterValidator:
    """Return a validator of a quantity in SI units between two bounds, which says why they are."""

    def check(value: float) -> float:
        if not least <= value <= most:
            raise ValueError(f"expected {render(least, unit)} to {render(most, unit)}: {why}")
        return value

    return AfterValidator(check)


class DesignOptions(Document):
    """The choices of a mapping; the defaults are those that the project's figures are taken with.

    Lengths and shapes of devices belong to the technology; supply, corner and temperature of a run
    are conditions.

    Raises
    ------
    UserError
        A field is unknown, of another kind or out of range; the sentence names it.
    """

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise mistake(error.errors(include_url=False)[0], fields) from None

    i_unit: Annotated[
        Amperes,
        _between(
            1e-12,
            1e-6,
            "A",
            "below, a unit device carries less than its leakage; above, it leaves weak inversion",
        ),
    ] = Field(
        default=1e-9,
        description="current that stands for 1.0 of the network [A]. Power and speed grow with it; "
        "1 pA to 1 uA, and within that what the calibration knows of a unit device",
    )


DEFAULTS = DesignOptions()
