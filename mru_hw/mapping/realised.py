"""What rounded unit devices amount to, in the network's own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import LEGS, SPLIT_UNITS, Bank, Bus, Connection, NodeKind, leg_units
from mru_hw.mapping.edges import loop_edges
from mru_hw.mapping.gains import comparator_gains, flip_gain, level_gain, path_gains
from mru_hw.model.structure import CellKind
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]


def rail_weights(
    connection: Connection, source: Bus, target: Bus, calibration: Calibration
) -> tuple[Array, Array]:
    """Return what the plus and the minus rail's legs each amount to, (n_target, n_source)."""
    gains = path_gains(calibration, source, target)
    scale = source.scale / target.scale / source.units
    weights = {"plus": np.zeros(connection.plus.shape), "minus": np.zeros(connection.minus.shape)}
    for role, rail, sign, _ in LEGS:
        if role in gains:
            weights[rail] += sign * leg_units(connection, rail, sign) * (gains[role] * scale)
    return weights["plus"], weights["minus"]


def realised_weight(
    connection: Connection, source: Bus, target: Bus, calibration: Calibration
) -> Array:
    """Return the weight (n_target, n_source) that a connection's legs amount to.

    Where both rails are copied it is their mean: the two differ by rounding, which bends the
    weight at zero and which the behavioral level keeps.
    """
    plus, minus = rail_weights(connection, source, target, calibration)
    return (plus + minus) / 2 if connection.minus.any() else plus


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedBank:
    """Settings (n_units,) of a layer's units in the network's own units.

    Attributes
    ----------
    up, down
        Rising and falling threshold; for CMRU and BMRU both are magnitudes. NaN where they come
        from the input.
    alpha
        Size of one level, as in ``h = alpha s``.
    low
        What the circuit's output lacks: ``h = output - low`` (alpha K; zero for FQ-BMRU).
    """

    up: Array
    down: Array
    alpha: Array
    low: Array


def quiescent_current(bus: Bus, i_lsb: float, calibration: Calibration) -> float:
    """Return what each rail of a class-AB node at rest carries [A]."""
    return SPLIT_UNITS * i_lsb * bus.split * flip_gain(calibration, "n", i_lsb)


def net_threshold(rail: NDArray[Any], i_q: NDArray[Any] | float) -> NDArray[Any]:
    """Signed node's current at which one of its rails carries `rail`: ``rail - i_q^2 / rail``."""
    net: NDArray[Any] = rail - i_q * i_q / rail
    return net


def rail_thresholds(
    bank: Bank, candidate: Bus, i_lsb: float, calibration: Calibration
) -> tuple[Array, Array]:
    """Return the rail currents [A] (n_units,) of a bank's rising and falling threshold.

    NaN for a window comparator, whose thresholds no bias leg sets.
    """
    if bank.window is not None:
        return np.full(bank.n_units, np.nan), np.full(bank.n_units, np.nan)
    if not bank.clocked:
        hold: Array = bank.up_units * np.float64(i_lsb)
        width: Array = bank.loop_width * np.float64(i_lsb)
        rise, fall = loop_edges(calibration, hold, width, i_lsb=i_lsb)
        return rise, np.maximum(fall, 0.0)
    up_gain, down_gain = comparator_gains(calibration, candidate, i_lsb)
    up: Array = bank.up_units.astype(np.float64) * (i_lsb * up_gain)
    down: Array = bank.down_units.astype(np.float64) * (i_lsb * down_gain)
    return up, down


def realised_bank(
    bank: Bank, buses: Mapping[str, Bus], i_lsb: float, calibration: Calibration
) -> RealisedBank:
    """Return what a bank's unit devices amount to."""
    c, h = buses[bank.candidate].scale, buses[bank.state].scale
    candidate = buses[bank.candidate]
    up, down = rail_thresholds(bank, candidate, i_lsb, calibration)
    if candidate.kind is NodeKind.CANDIDATE:
        i_q = quiescent_current(candidate, i_lsb, calibration)
        up, down = net_threshold(up, i_q), net_threshold(down, i_q)
    step: Array = bank.gain_units.astype(np.float64) * (i_lsb * level_gain(calibration, i_lsb) / h)
    alpha = step / bank.cell_levels
    return RealisedBank(
        up=up / c,
        down=down / c,
        alpha=alpha,
        low=np.zeros_like(alpha) if bank.cell is CellKind.FQ_BMRU else bank.levels * alpha,
    )
