"""Memory units: thresholds, levels and supply current of a bank on one die.

A comparator weighs a copy of the candidate's rail against a bias leg at one node; the unit steps
up where the copy wins. Its branch carries the smaller of the two. A cell that is set draws its
hold current and its width current, and its output leg feeds the state node. A cell that is not
set draws nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import Array, DeviceView, IntArray, leg_of
from mru_hw.circuits.cell.drains import CellLegs
from mru_hw.circuits.ladder.roles import DOWN_COPY, UP_COPY
from mru_hw.circuits.legs.gains import comparator_gains, leg_gain, node_flip
from mru_hw.circuits.legs.leakage import candidate_leaks
from mru_hw.circuits.legs.rails import copied_factor
from mru_hw.circuits.nodes.bias import bias_rails, biased_legs
from mru_hw.circuits.nodes.signed import MINUS, PLUS
from mru_hw.circuits.units import PlacedView, UnitLaw, UnitView
from mru_hw.circuits.window.law import window_law, window_legs
from mru_hw.technology.calibration import Calibration


def ladder_falls(c: NDArray[Any], down: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell whether candidates ask for a step down: at ``-down`` and below."""
    found: NDArray[np.bool_] = np.less_equal(c, -down)
    return found


def ladder_law(devices: DeviceView, bank: UnitView) -> UnitLaw:
    """Return the laws of a bank's units on a die."""
    owner, i_lsb = bank.name, devices.i_lsb
    cal, legs = devices.calibration, CellLegs.of(devices, bank)
    candidate = devices.node(bank.candidate)
    rail_n, _ = bias_rails(devices)
    # A threshold from the input is met near the usual current.
    rising, falling = (
        deciding(devices, bank, units) / candidate.times(leg_of(rail))
        if bank.window is None
        else None
        for units, rail in ((bank.up_units, PLUS), (bank.down_units, MINUS))
    )
    up_copy = copied_factor(devices, bank, UP_COPY, current=rising)
    down_copy = np.zeros(bank.n_units)
    if candidate.circuit.splits:
        down_copy = copied_factor(devices, bank, DOWN_COPY, current=falling)
    if bank.window is None:
        up, down, up_leg, down_leg = _bias_legs(devices, bank, up_copy, down_copy)
    else:
        up = down = np.full(bank.n_units, np.nan)
        up_leg, down_leg = window_legs(devices, bank, up_copy, down_copy)
    rail = rail_n[..., None]
    output = devices.factor(owner, "gain", "n") * (bank.gain_units[:, None] * i_lsb) * rail
    saturated = i_lsb * leg_gain(cal, "n", cal.v_dd, devices.bias.i_rail(PLUS))
    hold = devices.factor(owner, "hold", "n") * (bank.hold_units * saturated)
    width = devices.factor(owner, "width", "n") * (bank.width_units * i_lsb)
    width = width * legs.feedback_gain()
    return UnitLaw(
        up=up,
        down=down,
        output=output,
        level_gains=legs.level_gains(),
        drawn=(hold + width) * rail,
        up_copy=up_copy * leg_gain(cal, "n", cal.v_dd, candidate.i_rail(PLUS)),
        down_copy=down_copy * leg_gain(cal, "p", 0.0, candidate.i_rail(MINUS)),
        up_leg=up_leg,
        down_leg=down_leg,
        copies=window_law(devices, bank, up_copy, down_copy),
    )


def _bias_legs(
    devices: DeviceView, bank: UnitView, up_copy: Array, down_copy: Array
) -> tuple[Array, Array, Array, Array]:
    """Return `up`, `down`, `up_leg` and `down_leg` of thresholds that bias legs set.

    Where rails leak, the bias legs carry more than their share and so do the copies.
    """
    owner, i_lsb, cal = bank.name, devices.i_lsb, devices.calibration
    candidate = devices.node(bank.candidate)
    bias = devices.bias
    up_gain, down_gain = comparator_gains(cal, candidate, bias)
    rail_n, rail_p = bias_rails(devices)
    legs = biased_legs(devices)
    rail_n, rail_p = rail_n * legs.n, rail_p * legs.p
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
        up_bias
        * node_flip(cal, bias, "plus")
        * leg_gain(cal, "p", 0.0, bias.i_rail(("plus", "p"))),
        down_bias * leg_gain(cal, "n", cal.v_dd, bias.i_rail(PLUS)),
    )


def deciding(devices: DeviceView, bank: UnitView, units: IntArray) -> Array:
    """Return what a unit device of the candidate's diode carries (n_units,) at a threshold [A].

    Of one whose area is not multiplied.

    Parameters
    ----------
    units
        Of the bias leg that sets it, (n_units,).
    """
    diode = devices.node(bank.candidate).units
    current: Array = np.maximum(units, 1) * (devices.i_lsb / diode)
    return current


def ladder_thresholds(
    placed: PlacedView, bank: UnitView, calibration: Calibration
) -> tuple[Array, Array]:
    """Return the nominal rail currents [A] (n_units,) of thresholds that bias legs set."""
    gains = comparator_gains(calibration, placed.node(bank.candidate), placed.bias)
    up: Array = bank.up_units.astype(np.float64) * (placed.i_lsb * gains[0])
    down: Array = bank.down_units.astype(np.float64) * (placed.i_lsb * gains[1])
    return up, down
