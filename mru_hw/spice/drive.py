"""A layer's strobe: how strong its driver is, what a strobe charges, what the supply then needs."""

from __future__ import annotations

import math
from dataclasses import replace

from mru_hw.cells.settling import device_capacitance
from mru_hw.cells.wires import line_wires
from mru_hw.mapping.cells import CellKind
from mru_hw.mapping.design import Bank, Design
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

PER_UNIT = 0.5e-12
"""Load [F] that one unit of the driver's output devices moves within some 20 ns."""
MEASURED_CELLS = 4
"""Ladder cells of the unit that `Calibration.c_clock` and `c_unit` were measured with."""

# Gates on a line, by device class: in each unit (circuits/phase_tap, circuits/step_control), and in
# each of its ladder cells (circuits/ladder_cell).
HOLD_UNIT = {"n_logic": 1, "p_logic": 1}
HOLD_CELL = {"p_switch": 1}
STEP_UNIT = {"n_logic": 3, "p_logic": 3}
STEP_CELL = {"p_switch": 1}
# All gates of the same cells but the power-up switches'.
MOVED_UNIT = {"n_logic": 8, "p_logic": 8}
MOVED_CELL = {"n_switch": 3, "p_switch": 3, "n_guard": 1, "p_guard": 1}
# Of a cell those on the lines' complements.
STILL_CELL = {"n_switch": 2}
# Of a unit device of a line's driver (circuits/strobe_driver).
DRIVE_UNIT = {"n_driver": 1, "p_driver": 1}


def gate_load(technology: Technology, gates: dict[str, int]) -> float:
    """Return the capacitance [F] of gates, by device class, at the whole oxide's."""
    area = 0.0
    for name, count in gates.items():
        device = technology.devices[name]
        area += count * device.w * device.l
    return area * technology.flicker.c_ox


def unit_loads(technology: Technology, n_cells: int) -> tuple[float, float]:
    """Return the gates' capacitance [F] of one unit on the hold and step lines."""
    hold = gate_load(technology, HOLD_UNIT) + n_cells * gate_load(technology, HOLD_CELL)
    step = gate_load(technology, STEP_UNIT) + n_cells * gate_load(technology, STEP_CELL)
    return hold, step


def line_loads(technology: Technology, bank: Bank) -> tuple[float, float]:
    """Return the gates' capacitance [F] on a layer's hold and step lines, at the whole oxide's."""
    hold, step = unit_loads(technology, bank.n_cells)
    return bank.n_units * hold, bank.n_units * step


def drive_units(design: Design, bank: Bank) -> tuple[int, int]:
    """Return the unit devices that drive a layer's hold and step lines, wires and all."""
    wires = line_wires(design, bank)
    loads = line_loads(design.technology, bank)
    hold, step = (max(1, math.ceil((load + wires) / PER_UNIT)) for load in loads)
    return hold, step


def gate_share(technology: Technology, calibration: Calibration) -> float:
    """Return what of the whole oxide's capacitance a gate takes over a swing, as measured."""
    measured = sum(unit_loads(technology, MEASURED_CELLS))
    return MEASURED_CELLS * calibration.c_clock / measured


def crowbar_capacitance(design: Design, calibration: Calibration, bank: Bank) -> float:
    """Return what passes both transistors of a unit's phase tap in a strobe, over V_dd [F].

    Of an inverter behind a line's rise and fall, each ``t`` long, ``beta / 12 (V_dd - 2 V_T)^3 t /
    V_dd`` (Veendrick, JSSC 19(4), 1984). A drive unit of the same channels moves its share ``c`` of
    the line's load within ``t = c V_dd / (beta / 2 (V_dd - V_T)^2)``, so that ``beta`` drops out:
    ``c (V_dd - 2 V_T)^3 / (6 V_dd (V_dd - V_T)^2)``. Gate voltages of the usual current, below
    V_T, stand for it: that takes too much.
    """
    technology = design.technology
    v_dd, v_t = calibration.v_dd, (calibration.n.v_gate + calibration.p.v_gate) / 2
    share = max(v_dd - 2 * v_t, 0.0) ** 3 / (6 * v_dd * (v_dd - v_t) ** 2)
    share *= max(technology.shape(f"{p}_logic", f"{p}_driver") for p in "np")
    loads, drives = line_loads(technology, bank), drive_units(design, bank)
    wires = line_wires(design, bank)
    return share * sum((load + wires) / drive for load, drive in zip(loads, drives, strict=True))


def unit_capacitance(design: Design, calibration: Calibration, bank: Bank) -> float:
    """Return what a strobe charges in one unit whether or not it steps [F].

    As measured in a unit of `MEASURED_CELLS` by itself, and the gates of further cells that follow
    the lines' complements, and what slower lines let pass (`crowbar_capacitance`).
    """
    cells = bank.n_cells - MEASURED_CELLS
    alone = replace(
        bank, levels=MEASURED_CELLS // 2, cell=CellKind.CMRU, gain_units=bank.gain_units[:1]
    )
    slower = crowbar_capacitance(design, calibration, bank)
    slower -= crowbar_capacitance(design, calibration, alone)
    gates = gate_share(design.technology, calibration) * gate_load(design.technology, STILL_CELL)
    return calibration.c_unit + cells * gates + slower


def clock_capacitance(
    design: Design,
    calibration: Calibration,
    bank: Bank,
    drive: tuple[int, int] | None = None,
) -> float:
    """Return what a strobe charges in a layer's driver and its two lines [F].

    ``c_driver + share (load of the lines + gates of further drive units) + their drains + wires``:
    gates take a share of the whole oxide's capacitance over a swing, which the measured unit tells.

    Parameters
    ----------
    drive
        Unit devices that drive the hold and step lines; `drive_units` when None.
    """
    technology = design.technology
    share = gate_share(technology, calibration)
    further = sum(drive or drive_units(design, bank)) - 2
    load = sum(line_loads(technology, bank)) + further * gate_load(technology, DRIVE_UNIT)
    devices = device_capacitance(technology, calibration)
    drains = further * sum(count * devices[name][1] for name, count in DRIVE_UNIT.items())
    return calibration.c_driver + share * load + drains + 2 * line_wires(design, bank)
