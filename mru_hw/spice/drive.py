"""How strong a layer's strobe driver is: unit devices by the load of its two lines."""

from __future__ import annotations

import math

from mru_hw.cells.wires import line_wires
from mru_hw.mapping.design import Bank, Design
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

PER_UNIT = 0.5e-12
"""Load [F] that one unit of the driver's output devices moves within some 20 ns."""

# Gates on a line, by device class: in each unit (circuits/phase_tap, circuits/step_control), and in
# each of its ladder cells (circuits/ladder_cell).
HOLD_UNIT = {"n_logic": 1, "p_logic": 1}
HOLD_CELL = {"p_switch": 1}
STEP_UNIT = {"n_logic": 3, "p_logic": 3}
STEP_CELL = {"p_switch": 1}


def line_loads(technology: Technology, bank: Bank) -> tuple[float, float]:
    """Return the gates' capacitance [F] on a layer's hold and step lines, at the whole oxide's."""

    def load(unit: dict[str, int], cell: dict[str, int]) -> float:
        gates = list(unit.items())
        gates += [(name, bank.n_cells * count) for name, count in cell.items()]
        area = 0.0
        for name, count in gates:
            device = technology.devices[name]
            area += count * device.w * device.l
        return bank.n_units * area * technology.flicker.c_ox

    return load(HOLD_UNIT, HOLD_CELL), load(STEP_UNIT, STEP_CELL)


def drive_units(design: Design, bank: Bank) -> tuple[int, int]:
    """Return the unit devices that drive a layer's hold and step lines, wires and all."""
    wires = line_wires(design, bank)
    loads = line_loads(design.technology, bank)
    hold, step = (max(1, math.ceil((load + wires) / PER_UNIT)) for load in loads)
    return hold, step


def strobe_capacitance(design: Design, calibration: Calibration, bank: Bank) -> float:
    """Return the capacitance [F] that a strobe charges from the clock's supply.

    What is calibrated of the driver and for each ladder cell, and both lines' wires.
    """
    cells = bank.n_units * bank.n_cells
    lines = 2 * line_wires(design, bank)
    return calibration.c_driver + cells * calibration.c_clock + lines
