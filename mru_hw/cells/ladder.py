"""Memory units: thresholds, levels and supply current of a bank on one die.

A comparator weighs a copy of the candidate's rail against a bias leg at one node; the unit steps
up where the copy wins. Its branch carries the smaller of the two. A cell that is set draws its
hold current and its width current, and its output leg feeds the state node. A cell that is not
set draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mru_hw.cells.base import Array, Devices
from mru_hw.cells.leakage import bus_leak, candidate_leaks
from mru_hw.cells.window import window_law, window_legs
from mru_hw.mapping.design import Bank
from mru_hw.mapping.gains import comparator_gains, flip_gain, leg_gain


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderLaw:
    """A bank on one die; currents in A.

    Attributes
    ----------
    up, down
        (n_units,) rail current at which the comparator decides.
    level
        (n_units, n_cells + 1) output current by the number of set cells.
    held
        (n_units, n_cells + 1) supply current of the cells by the same number.
    up_copy, down_copy
        (n_units,) current of the copies of the plus and the minus rail per ampere of the rail,
        with the whole supply across them.
    up_leg, down_leg
        (n_units,) the same of the bias legs that a ladder's comparators weigh them against [A];
        of a window comparator per ampere of what its copies weigh.
    copies
        What a window comparator's copies weigh (`mru_hw.cells.window`); `up` and `down` are NaN
        then. Empty for thresholds that a bias leg sets.
    """

    up: Array
    down: Array
    level: Array
    held: Array
    up_copy: Array
    down_copy: Array
    up_leg: Array
    down_leg: Array
    copies: Mapping[str, Array] = field(default_factory=dict)


def ladder_law(devices: Devices, bank: Bank) -> LadderLaw:
    """Return the laws of a bank's units on a die."""
    owner, i_lsb = bank.name, devices.i_unit_device
    cal = devices.calibration
    candidate = devices.design.buses[bank.candidate]
    rail_n, _ = bias_rails(devices)
    # A threshold from the input is met near the usual current.
    rising, falling = (
        devices.deciding(bank, units) if bank.window is None else None
        for units in (bank.up_units, bank.down_units)
    )
    up_copy = devices.factor(owner, "up_copy", "n")
    up_copy = up_copy / devices.factor(candidate.name, "diode_plus", "n", current=rising)
    down_copy = np.zeros(bank.n_units)
    if candidate.circuit.splits:
        down_copy = devices.factor(owner, "down_copy", "p")
        down_copy = down_copy / devices.factor(candidate.name, "diode_minus", "p", current=falling)
    if bank.window is None:
        up, down, up_leg, down_leg = _bias_legs(devices, bank, up_copy, down_copy)
    else:
        up = down = np.full(bank.n_units, np.nan)
        up_leg, down_leg = window_legs(devices, bank, up_copy, down_copy)
    output = devices.factor(owner, "gain", "n") * (bank.gain_units[:, None] * i_lsb) * rail_n
    saturated = i_lsb * leg_gain(cal, "n", cal.v_dd, i_lsb)
    hold = devices.factor(owner, "hold", "n") * (bank.hold_units * saturated)
    width = devices.factor(owner, "width", "n") * (bank.width_units * i_lsb)
    width = width * devices.cell_legs(bank).feedback_gain()
    return LadderLaw(
        up=up,
        down=down,
        level=cumulative(output) * devices.level_gains(bank),
        held=cumulative((hold + width) * rail_n),
        up_copy=up_copy * leg_gain(cal, "n", cal.v_dd, candidate.i_device),
        down_copy=down_copy * leg_gain(cal, "p", 0.0, candidate.i_device),
        up_leg=up_leg,
        down_leg=down_leg,
        copies=window_law(devices, bank, up_copy, down_copy),
    )


def _bias_legs(
    devices: Devices, bank: Bank, up_copy: Array, down_copy: Array
) -> tuple[Array, Array, Array, Array]:
    """Return `up`, `down`, `up_leg` and `down_leg` of thresholds that bias legs set.

    Where rails leak, the bias legs carry more than their share and so do the copies.
    """
    owner, i_lsb, cal = bank.name, devices.i_unit_device, devices.calibration
    candidate = devices.design.buses[bank.candidate]
    up_gain, down_gain = comparator_gains(cal, candidate, i_lsb)
    rail_n, rail_p = bias_rails(devices)
    legs_n, legs_p = biased_legs(devices)
    rail_n, rail_p = rail_n * legs_n, rail_p * legs_p
    leaks, scale = candidate_leaks(cal, candidate), candidate.scale
    up_bias = bank.up_units * i_lsb * rail_p * devices.factor(owner, "up_threshold", "p")
    down, down_bias = np.full(bank.n_units, np.inf), np.zeros(bank.n_units)
    if candidate.circuit.splits:
        down_bias = bank.down_units * i_lsb * rail_n
        down_bias = down_bias * devices.factor(owner, "down_threshold", "n")
        down = leaks["minus"].carried(down_bias * down_gain / down_copy / scale) * scale
    return (
        leaks["plus"].carried(up_bias * up_gain / up_copy / scale) * scale,
        down,
        up_bias * flip_gain(cal, "n", i_lsb) * leg_gain(cal, "p", 0.0, i_lsb),
        down_bias * leg_gain(cal, "n", cal.v_dd, i_lsb),
    )


def biased_legs(devices: Devices) -> tuple[float, float]:
    """Return what NMOS and PMOS legs of the bias rails carry over their share, leakage and all."""
    leak = bus_leak(devices.calibration, devices.design.buses["bias"])
    if not leak.legs:
        return 1.0, 1.0
    direct, passed = leak.copied("plus", np.ones(1))
    return float(direct[0]), float(passed[0])


def bias_rails(devices: Devices) -> tuple[Array, Array]:
    """Relative current (1,) of the bias tree's NMOS rail and of its PMOS rail."""
    rail_n = 1.0 / devices.factor("bias", "diode_plus", "n")
    copied = devices.factor("bias", "flip_plus", "n") * rail_n
    return rail_n, copied / devices.factor("bias", "flip_plus_diode", "p")


def cumulative(per_cell: Array) -> Array:
    """Sum of the lowest k cells, k = 0 … n: the thermometer code."""
    return np.concatenate([np.zeros((len(per_cell), 1)), np.cumsum(per_cell, axis=1)], axis=1)
