"""What a chip is run at: process corner, temperature, supply."""

from __future__ import annotations

from dataclasses import dataclass

from mru_hw.errors import Bare, UserError
from mru_hw.technology.technology import Technology
from mru_hw.units import render

TEMPERATURES = (-40.0, 125.0)  # degC, the range of the map of valid currents
SUPPLY_RANGE = 0.2  # relative, either side of the nominal supply
_ROUNDING = 1e-9  # V


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the chip is run at.

    Attributes
    ----------
    corner
        Section of the model library.
    temperature
        [degC].
    v_dd
        Supply [V].
    """

    corner: str
    temperature: float
    v_dd: float

    def __str__(self) -> str:
        """Say it as reports do."""
        return f"{self.corner}, {self.temperature:g} degC and {render(self.v_dd, 'V')}"

    def as_data(self) -> dict[str, str | float]:
        """Return plain data for JSON."""
        return {
            "corner": self.corner,
            "temperature_degC": self.temperature,
            "v_dd_V": self.v_dd,
        }


def nominal_conditions(technology: Technology) -> Conditions:
    """Return the technology's first corner, its temperature and its supply."""
    return Conditions(
        corner=technology.corners[0],
        temperature=technology.temperature,
        v_dd=technology.v_dd,
    )


def checked_conditions(
    technology: Technology, *, corner: str, temperature: float, v_dd: float, constants: bool = False
) -> Conditions:
    """Check conditions against a technology.

    Parameters
    ----------
    constants
        Whether calibrated constants say themselves at which temperatures and supplies they hold.

    Raises
    ------
    UserError
        The corner is none of the technology's, or temperature or supply lie out of range.
    """
    if corner not in technology.corners:
        raise UserError("corner", corner, "one of " + ", ".join(technology.corners))
    if constants:
        return Conditions(corner=corner, temperature=temperature, v_dd=v_dd)
    low, high = TEMPERATURES
    if not low <= temperature <= high:
        raise UserError("temperature", temperature, f"{low:g} to {high:g} degC")
    least, most = (technology.v_dd * (1 + s) for s in (-SUPPLY_RANGE, SUPPLY_RANGE))
    # The product that an end is may miss it by a rounding.
    if not least - _ROUNDING <= v_dd <= most + _ROUNDING:
        raise UserError(
            "v_dd", Bare(f"{v_dd:.9g} V"), f"{render(least, 'V')} to {render(most, 'V')}"
        )
    return Conditions(corner=corner, temperature=temperature, v_dd=v_dd)
