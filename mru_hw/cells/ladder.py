"""Memory units: thresholds, levels and supply current of a bank on one die.

A comparator weighs a copy of the candidate's rail against a bias leg at one node; the unit steps
up where the copy wins. A cell that is set draws its hold current and its width current, and its
output leg feeds the state node. A cell that is not set draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mru_hw.cells.base import Array, Devices
from mru_hw.mapping.design import Bank, NodeKind
from mru_hw.mapping.gains import leg_gain, threshold_gains


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
    up_leg, down_leg
        (n_units,) currents of the comparators' bias legs, which limit their branches.
    """

    up: Array
    down: Array
    level: Array
    held: Array
    up_leg: Array
    down_leg: Array


def ladder_law(devices: Devices, bank: Bank) -> LadderLaw:
    """Return the laws of a bank's units on a die."""
    owner, i_lsb = f"bank{bank.layer}", devices.i_unit_device
    cal = devices.calibration
    up_gain, down_gain, level_gain = threshold_gains(cal, bank.cell)
    candidate = devices.design.buses[bank.candidate]
    rail_n, rail_p = bias_rails(devices)
    n = leg_gain(cal, "n", cal.v_trip)
    up_bias = bank.up_units * i_lsb * rail_p * devices.factor(owner, "up_threshold", "p")
    copy_n = devices.factor(owner, "up_copy", "n")
    up = up_bias * up_gain * devices.factor(candidate.name, "diode_plus", "n") / copy_n
    down, down_bias = np.full(bank.n_units, np.inf), np.zeros(bank.n_units)
    if candidate.kind is NodeKind.CANDIDATE:
        down_bias = bank.down_units * i_lsb * rail_n
        down_bias = down_bias * devices.factor(owner, "down_threshold", "n")
        copy_p = devices.factor(owner, "down_copy", "p")
        down = down_bias * down_gain * devices.factor(candidate.name, "diode_minus", "p") / copy_p
    gain = devices.factor(owner, "gain", "n") * bank.gain_units[:, None]
    output = gain * (i_lsb * level_gain) * rail_n
    saturated = leg_gain(cal, "n", cal.v_dd)
    hold = devices.factor(owner, "hold", "n") * (bank.hold_units * i_lsb * saturated)
    width = devices.factor(owner, "width", "n") * (bank.width_units * i_lsb * level_gain)
    return LadderLaw(
        up=up,
        down=down,
        level=cumulative(output),
        held=cumulative((hold + width) * rail_n),
        up_leg=up_bias * up_gain * n,
        down_leg=down_bias * n,
    )


def bias_rails(devices: Devices) -> tuple[Array, Array]:
    """Relative current (1,) of the bias tree's NMOS rail and of its PMOS rail."""
    rail_n = 1.0 / devices.factor("bias", "diode_plus", "n")
    copied = devices.factor("bias", "flip_plus", "n") * rail_n
    return rail_n, copied / devices.factor("bias", "flip_plus_diode", "p")


def cumulative(per_cell: Array) -> Array:
    """Sum of the lowest k cells, k = 0 … n: the thermometer code."""
    return np.concatenate([np.zeros((len(per_cell), 1)), np.cumsum(per_cell, axis=1)], axis=1)
