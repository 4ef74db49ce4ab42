"""What every cell law works with: the devices of one die, at one temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import MruHwError
from mru_hw.mapping.design import Design
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.die import Die

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Relative currents of a die's devices.

    Attributes
    ----------
    design, calibration, die
        What was placed, its constants, its mismatch.
    temperature
        [degC].
    """

    design: Design
    calibration: Calibration
    die: Die
    temperature: float

    def __post_init__(self) -> None:
        clocked = any(bank.clocked for bank in self.design.banks)
        if clocked and math.isnan(self.calibration.v_trip_up):
            raise MruHwError("These constants are for loops alone: no ladder worked there.")

    def factor(self, owner: str, role: str, polarity: str) -> Array:
        """Relative current of each device of a group: 1 is nominal.

        ``exp(-dVt / (n kT/q)) (1 + dbeta)``, the weak-inversion law.
        """
        key = (owner, role)
        return self.calibration.current_factor(
            polarity, self.die.dvt[key], self.die.dbeta[key], self.temperature
        )

    @property
    def i_unit_device(self) -> float:
        """Current [A] of one unit device of the bias rail."""
        return self.design.i_lsb
