"""What every cell law works with: the devices of one die, at one temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import Carried
from mru_hw.circuits.cell.drains import fed_current
from mru_hw.circuits.ladder.law import deciding
from mru_hw.errors import MruHwError
from mru_hw.mapping.design import Bus, Design
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.die import Die

Array = NDArray[np.float64]


def mismatch_kind(carried: Carried, polarity: str) -> str:
    """Return which of `Calibration.mismatch` devices have: splitters' sources are off the rails."""
    return f"split_{polarity}" if carried is Carried.REST else polarity


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
        if self.design.strobed and math.isnan(self.calibration.v_trip_up):
            raise MruHwError("These constants are for loops alone: no ladder worked there.")

    def factor(
        self, owner: str, role: str, polarity: str, *, current: Array | float | None = None
    ) -> Array:
        """Relative current of each device of a group: 1 is nominal.

        ``exp(-dVt / (n kT/q)) (1 + dbeta)``, the weak-inversion law with the slope factor at
        the group's current.

        Parameters
        ----------
        current
            [A] of a unit device of the mirrors; `current` where it is None.
        """
        key = (owner, role)
        return self.calibration.current_factor(
            mismatch_kind(self.design.carried(owner, role), polarity),
            self.die.dvt[key],
            self.die.dbeta[key],
            self.temperature,
            self.current(owner, role) if current is None else current,
        )

    def current(self, owner: str, role: str) -> Array | float:
        """Return what one of a group's transistor units carries: `usual` over its area's multiple.

        Returns
        -------
        Array or float
            Amperes, as `usual` has them.
        """
        return self.usual(owner, role) / self.design.times(owner, role)

    def usual(self, owner: str, role: str) -> Array | float:
        """Return the current at which a group's threshold mismatch is converted into current.

        The slope factor in ``exp(-dVt / (n kT/q))`` depends on how strongly a device is inverted,
        so each role names the current that counts (`Carried`):

        * ``DIODE``: the usual current of the bus that the group belongs to or copies;
        * ``REST``: the quiescent current of a splitter's unit device;
        * ``TAIL``: ``i_lsb``, of the bias rail;
        * ``FEEDBACK``: the width current through the cell's feedback pair;
        * ``RISING``, ``FALLING``: the candidate at the unit's threshold, where it decides;
        * ``CANDIDATE``, ``THRESHOLD``: the usual current of the bus that is copied.

        Returns
        -------
        Array or float
            Amperes in one unit device of a mirror (of another geometry, those of a mirror's unit
            device as strongly inverted): one number, (n_units,), or (n_units, 1) for cells.
        """
        design, carried = self.design, self.design.carried(owner, role)
        if carried is Carried.REST:
            return design.bias.rest_units * design.i_lsb
        if carried is Carried.TAIL:
            return design.i_lsb
        if carried is Carried.DIODE:
            return design.read_by(owner).i_device
        bank = design.bank(owner)
        if carried is Carried.FEEDBACK:
            return fed_current(self, bank)[:, None]
        if carried in (Carried.RISING, Carried.FALLING):
            rises = carried is Carried.RISING
            return deciding(self, bank, bank.up_units if rises else bank.down_units)
        read = bank.threshold if carried is Carried.THRESHOLD else None
        return design.buses[read or bank.candidate].i_device

    @property
    def bias(self) -> Bus:
        """The bias rail."""
        return self.design.bias

    @property
    def reference(self) -> Array | float:
        """Relative error of the current into the reference pin; (n_die, 1) of several dies."""
        return self.die.reference

    def node(self, name: str) -> Bus:
        """Return a bus."""
        return self.design.buses[name]

    @property
    def technology(self) -> Technology:
        """The process."""
        return self.design.technology

    @property
    def i_lsb(self) -> float:
        """Current [A] of one unit device of the bias rail."""
        return self.design.i_lsb
