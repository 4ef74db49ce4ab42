"""What a calibration was measured at, and the refusal of a mapping that leaves it.

A calibration's curves (`Calibration.i_curve`) reach from the least to the largest current of a unit
device that was measured; beyond, their ends would stand in for what nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mru_hw.circuits.nodes.bias import VIEW_REST_UNITS
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.cells import CLOCKED
from mru_hw.mapping.draft import Draft
from mru_hw.units import render

CELL_FACTOR = 2
"""How far a cell's currents over i_unit may lie from the measured unit's. A strobed gate has to
beat them, so the voltage at which it steps goes with their logarithm: n kT/q ln 2, some 25 mV, in
which a comparator's current changes by half a percent (its conductance, some 0.17 per volt)."""

_ROUNDING = 1e-9  # relative


def refuse_unmeasured(draft: Draft) -> None:
    """Refuse unit devices whose usual current, and cells whose size, the calibration lacks.

    Raises
    ------
    UserError
        It names `i_unit`, or the cell's option, and what the calibration has.
    """
    _refuse_cells(draft)
    curve, name = draft.calibration.i_curve, draft.calibration.technology
    low, high = curve[0] * (1 - _ROUNDING), curve[-1] * (1 + _ROUNDING)
    currents = sorted((current, device) for device, current in _usual_currents(draft))
    for current, device in (currents[0], currents[-1]):
        if not low <= current <= high:
            least = draft.i_unit * curve[0] / currents[0][0]
            most = draft.i_unit * curve[-1] / currents[-1][0]
            fits = f"{render(least, 'A')} to {render(most, 'A')} with these unit devices"
            raise UserError(
                "i_unit",
                Bare(render(draft.i_unit, "A")),
                f"{fits if least <= most else 'other diode_units or bias_units'}: a unit device of "
                f"{device} would usually carry {render(current, 'A')}, and the calibration of "
                f"{name} was measured from {render(curve[0], 'A')} to {render(curve[-1], 'A')}",
            )


def _usual_currents(draft: Draft) -> Iterator[tuple[str, float]]:
    """List unit devices and what they usually carry [A]."""
    for name, bus in draft.buses.items():
        whose = f"the diodes of node {name}" if bus.circuit.moves else "the bias rail"
        for rail in bus.circuit.rails:
            yield whose, bus.i_rail(rail)
        if bus.circuit.splits:
            wide = max(bus.times(part.name) for part in bus.circuit.splitters)
            yield f"the splitters of node {name}", bus.rest_units * draft.i_lsb / wide


def _refuse_cells(draft: Draft) -> None:
    options, measured = draft.options, draft.calibration.measured
    least, most = VIEW_REST_UNITS // CELL_FACTOR, VIEW_REST_UNITS * CELL_FACTOR
    if not least <= options.split_units <= most:
        raise UserError(
            "split_units",
            options.split_units,
            f"{least} to {most}, for calibrations are measured with {VIEW_REST_UNITS}",
        )
    if not any(layer.cell.name in CLOCKED for layer in draft.model.spec.layers):
        return
    for name in ("hold", "width"):
        found, there = getattr(options, name), getattr(measured, name)
        usual = there * options.bias_units / measured.bias_units
        least, most = max(1, math.ceil(usual / CELL_FACTOR)), math.floor(usual * CELL_FACTOR)
        if not least <= found <= most:
            raise UserError(
                name,
                found,
                f"{least} to {most}, for the calibration of {draft.calibration.technology} was "
                f"measured with {there} in a ladder cell, where bias_units is "
                f"{measured.bias_units}",
            )
