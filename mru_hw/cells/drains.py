"""Drain voltages of the bias legs in a cell that is set, and the gains that they give.

A leg (M5 of the output, M8 of the feedback) stands under a switch (M3, M6) whose gate is the
cell's node v. The switch's source is the leg's drain. In weak inversion its forward current goes
as ``exp(-V_s / U_T)`` and what comes back from its own drain as ``exp(-V_d / U_T)`` (Enz and
Vittoz, Charge-Based MOS Transistor Modeling, chapter 4), so

    V_s = -U_T ln(exp(-V_f / U_T) + exp(-V_d / U_T)),     V_f = (v - V_gate(I)) / b

V_f is where it ends as a follower. V_d is the gate voltage of the PMOS diode above it: of the state
node for the output, so it falls with the level, and of M7 for the feedback. b is by how much the
gate of an NMOS must rise with its source, measured (`calibration.n.body`).

A set ladder cell's v is short of the supply by what its feedback needs to hold it,
``U_T ln(width / (width - hold))``, for M9 is then in its triode region.

The mapping has a guess of its own for V_s (`mru_hw.mapping.gains.switched_voltage`), which decks
rest on; what it misses is an error of the circuit (docs/decisions/0018-guesses-in-the-mapping.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mru_hw.cells.base import Array, Devices
from mru_hw.mapping.design import Bank
from mru_hw.technology.calibration import Calibration, temperature_voltage

ROUNDS = 3  # of a leg's current, which moves its own drain by little


def level_gains(devices: Devices, bank: Bank) -> Array:
    """Effective current over nominal of the output legs, by the number of set cells.

    Returns
    -------
    Array
        (n_units, n_cells + 1); the first, with none set, is of no use.
    """
    cal = devices.calibration
    per_cell = bank.gain_units[:, None] * np.float64(devices.i_unit_device)
    cells = np.maximum(np.arange(bank.n_cells + 1), 1)[None]
    state = devices.design.buses[bank.state].units

    def drain(current: Array) -> Array:
        return cal.v_dd - v_gate(cal, "p", cells * current / state)

    return _gains(devices, bank, per_cell, drain)


def feedback_gain(devices: Devices, bank: Bank) -> Array:
    """Effective current over nominal (n_units, 1) of the feedback's leg M8 while a cell is set."""
    cal = devices.calibration
    wider = devices.design.technology.shape("p_cell", "p_mirror")

    def drain(current: Array) -> Array:
        return cal.v_dd - v_gate(cal, "p", current / wider)

    nominal: Array = np.maximum(bank.cell_width, 1)[:, None] * devices.i_unit_device
    return _gains(devices, bank, nominal, drain)


def _gains(devices: Devices, bank: Bank, nominal: Array, drain: Callable[[Array], Array]) -> Array:
    """Return the gains of legs of `nominal` current [A] under switches that end at `drain` [V]."""
    cal, technology = devices.calibration, devices.design.technology
    u_t = temperature_voltage(devices.temperature)
    v, body = _high(devices, bank), cal.n.body
    switch = technology.shape("n_cell", "n_mirror")
    # The leg at 0 V over its diode.
    diode = cal.gain("n", 0.0, devices.i_unit_device)
    gain: Array = np.ones(np.shape(drain(nominal)))
    for _ in range(ROUNDS):
        current = nominal * gain
        follower = (v - v_gate(cal, "n", current / switch)) / body
        source = -u_t * np.logaddexp(-follower / u_t, -drain(current) / u_t)
        gain = diode * (1 + cal.n.conductance * source)
    return gain


def _high(devices: Devices, bank: Bank) -> float:
    """Return v [V] of a cell that is set; a loop's candidate holds it at the supply."""
    v_dd = devices.calibration.v_dd
    if not bank.clocked:
        return v_dd
    held = bank.width_units / (bank.width_units - bank.hold_units)
    return v_dd - temperature_voltage(devices.temperature) * float(np.log(held))


def v_gate(calibration: Calibration, polarity: str, current: Array) -> Array:
    """`Calibration.v_gate` of many currents."""
    m = calibration.n if polarity == "n" else calibration.p
    thermal = calibration.thermal(polarity, calibration.temperature)
    found: Array = m.v_gate + thermal * np.log(current / calibration.i_usual)
    return found
