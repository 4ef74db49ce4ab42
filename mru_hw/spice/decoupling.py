"""What a chip's strobes ask of its supply: their charge, and the capacitor that gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mru_hw.cells.wires import line_wires
from mru_hw.mapping.design import Bank, Design
from mru_hw.spice.drive import (
    DRIVE_UNIT,
    MOVED_CELL,
    MOVED_UNIT,
    crowbar_capacitance,
    drive_units,
    gate_load,
    line_loads,
)
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.units import render

RESISTANCE = 10e3
"""Resistance of the supply that is assumed [ohm]."""
RESISTANCES = (0.1, 10e6)
"""Resistances that a supply may have [ohm]: of a short wire, and of what feeds some 100 nA."""
DROOP = 50e-3
"""Fall of the supply in a strobe that is allowed [V]."""
DROOP_LEAST = 1e-3
"""The least fall that may be asked for [V]."""
RECOVERED = 5.0
"""Time constants of supply and capacitor after which it has recovered, to 0.7 % of its fall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoupling:
    """A capacitor between a chip's supply and ground, beside the gates of its cells.

    Attributes
    ----------
    conditions
        What the chip is run at.
    measured
        Whether the constants are those of these conditions; else they are the nominal ones, at
        the supply of these.
    charges
        What a strobe takes at most [C], by layer; none of layers without a clock.
    charge
        What is taken before the supply has recovered [C].
    droop
        Fall of the supply in a strobe that it is sized for [V].
    resistance
        Of the supply [ohm].
    capacitance
        ``charge / droop`` [F]: what the supply brings meanwhile is not counted.
    area
        Of MOS capacitors of it, at the gate oxide's capacitance per area [m^2].
    """

    conditions: Conditions
    measured: bool
    charges: dict[int, float]
    charge: float
    droop: float
    resistance: float
    capacitance: float
    area: float

    @property
    def alone(self) -> bool:
        """Whether the supply recovers between strobes, so that `charge` is that of one layer."""
        return self.charge == max(self.charges.values())

    @property
    def layer(self) -> int:
        """The layer whose strobe takes most."""
        return max(self.charges, key=lambda layer: self.charges[layer])

    @property
    def current(self) -> float:
        """What a strobe adds to the supply's own current at most [A]: the rest is stored."""
        return self.droop / self.resistance

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON has them; SI, the area in um2."""
        return {
            "conditions": self.conditions.as_data(),
            "measured": self.measured,
            "strobe_charge_C": {str(layer): charge for layer, charge in self.charges.items()},
            "charge_C": self.charge,
            "supply_ohm": self.resistance,
            "droop_V": self.droop,
            "supply_peak_A": self.current,
            "capacitance_F": self.capacitance,
            "area_um2": self.area * 1e12,
        }

    def line(self) -> str:
        """Return what a person reads."""
        lack = "" if self.measured else " (constants of the nominal condition: none known there)"
        return (
            f"Decoupling, not in the gate area: at {self.conditions}{lack} "
            f"{'the strobe of one layer takes' if self.alone else 'the strobes of a frame take'} "
            f"at most {render(self.charge, 'C')}. A supply behind "
            f"{render(self.resistance, 'ohm')} that falls by at most "
            f"{render(self.droop, 'V')} (assumptions: `supply_resistance`, `droop`) needs "
            f"{render(self.capacitance, 'F')} beside the chip's cells, "
            f"{self.area * 1e12:.0f} um2 of MOS capacitors at the gate oxide's density, and itself "
            f"gives at most {render(self.current, 'A')} more in a strobe."
        )


def strobe_capacitances(
    design: Design, calibration: Calibration, bank: Bank
) -> dict[str, tuple[int, float]]:
    """Return what one strobe charges at most: how many of each part, and what each is [F].

    The lines and all gates of the units' switches and logic count with the whole oxide's
    capacitance, as if each were charged in every strobe, and every unit of the layer steps.
    """
    technology = design.technology
    return {
        "driver": (1, calibration.c_driver),
        "gates on the two lines": (1, sum(line_loads(technology, bank))),
        "wires of the two lines": (1, 2 * line_wires(design, bank)),
        "further unit devices of the driver": (
            sum(drive_units(design, bank)) - 2,
            gate_load(technology, DRIVE_UNIT),
        ),
        "gates of a unit": (bank.n_units, gate_load(technology, MOVED_UNIT)),
        "gates of a ladder cell": (
            bank.n_units * bank.n_cells,
            gate_load(technology, MOVED_CELL),
        ),
        "crowbar current of a unit's phase tap, over V_dd": (
            bank.n_units,
            crowbar_capacitance(design, calibration, bank),
        ),
        "a step of a unit": (bank.n_units, calibration.c_step),
    }


def strobe_charge(design: Design, calibration: Calibration, bank: Bank) -> float:
    """Return what one strobe takes from the supply at most [C]: `strobe_capacitances` at V_dd."""
    parts = strobe_capacitances(design, calibration, bank)
    return calibration.v_dd * sum(count * each for count, each in parts.values())


def decoupling(
    design: Design,
    calibration: Calibration,
    conditions: Conditions,
    *,
    droop: float = DROOP,
    resistance: float = RESISTANCE,
) -> Decoupling | None:
    """Size the capacitor for the layer whose strobe takes most; None of a chip without strobes.

    Where the supply does not recover between two strobes, it holds the charge of all of them.
    """
    technology = design.technology
    banks = design.strobed
    if not banks:
        return None
    v_dd, temperature, corner = conditions.v_dd, conditions.temperature, conditions.corner
    there = calibration.at_or_nominal(v_dd, temperature=temperature, corner=corner)
    charges = {bank.layer: strobe_charge(design, there, bank) for bank in banks}
    charge = max(charges.values())
    if RECOVERED * resistance * charge / droop > _nearest(design):
        charge = sum(charges.values())
    capacitance = charge / droop
    return Decoupling(
        conditions=conditions,
        measured=calibration.known_at(v_dd, temperature=temperature, corner=corner),
        charges=charges,
        charge=charge,
        droop=droop,
        resistance=resistance,
        capacitance=capacitance,
        area=capacitance / technology.flicker.c_ox,
    )


def _nearest(design: Design) -> float:
    """Return the shortest time [s] from one strobe to the next, the next frame's included."""
    frame = design.timing.frame
    at = [design.timing.strobes[bank.layer] for bank in design.strobed]
    after = [*at[1:], *(t + frame for t in at[:1])]
    return min(b - a for a, b in zip(at, after, strict=True))
