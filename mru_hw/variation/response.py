"""What a shift that all devices of a die share does to the constants of its chip.

It cancels in ratios of mirrors. At a given current gate voltages move by it, and with them the
drain voltages that legs see and where comparators decide.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mru_hw.technology.calibration import Calibration
from mru_hw.technology.grid import Corner
from mru_hw.variation.die import Die
from mru_hw.variation.spread import Spread

Array = NDArray[np.float64]


def die_calibration(calibration: Calibration, die: Die) -> Calibration:
    """Return the constants on a die: those given, moved by what its devices share.

    Notes
    -----
    The comparators' trips are sums of gate voltages. A step up needs two PMOS on, the gate that u
    drives and the cell's switch under it, so it comes two of them below the supply; a step down
    needs the NMOS that d drives, as a follower, to turn on the cell's PMOS switch
    (circuits/step_control, circuits/ladder_cell). A signed node's voltage and its rest move as
    between the technology's corners, linearly with the gate voltages of a unit device.
    """
    if die.spread is None:
        return calibration
    moved = {
        f"{polarity}_{use}": _gate_shift(calibration, die.spread, f"{polarity}_{use}")
        for polarity in "np"
        for use in ("mirror", "switch", "logic")
    }
    mirrors = np.array([moved["n_mirror"], moved["p_mirror"]])
    signed, rest = _between_corners(calibration, mirrors)
    found = {
        "v_signed": calibration.v_signed + signed,
        "v_trip_up": calibration.v_trip_up - moved["p_logic"] - moved["p_switch"],
        "v_trip_down": calibration.v_trip_down + moved["n_logic"] + moved["p_switch"],
        "rest": tuple(r * math.exp(x) for r, x in zip(calibration.rest, rest, strict=True)),
    }
    for polarity, shift in zip("np", mirrors.tolist(), strict=True):
        mirror = getattr(calibration, polarity)
        found[polarity] = mirror.model_copy(update={"v_gate": mirror.v_gate + shift})
        less = math.exp(-shift / calibration.thermal(polarity, calibration.temperature))
        leaks = getattr(calibration, f"leak_{polarity}")
        found[f"leak_{polarity}"] = tuple(less * current for current in leaks)
    return calibration.model_copy(update=found)


def _gate_shift(calibration: Calibration, spread: Spread, device: str) -> float:
    """Return by how much a device's gate voltage moves at a given current [V]."""
    thermal = calibration.thermal(device[0], calibration.temperature)
    return spread.common(device) - thermal * math.log1p(spread.beta[device[0]])


def _between_corners(calibration: Calibration, mirrors: Array) -> tuple[float, Array]:
    """Return what v_signed moves by [V] and, over its curve, the logarithm of rest.

    Parameters
    ----------
    mirrors
        (2,) by how much the gate voltages of a unit NMOS and PMOS move [V].
    """
    grid = calibration.grid
    usual = grid.supplies.index(grid.v_dd)

    def values(corner: Corner) -> list[float]:
        voltages = (corner.supplies[name][usual] for name in ("n.v_gate", "p.v_gate", "v_signed"))
        rest = np.log(corner.curves_supplies["rest"][usual])
        # A unit that did not work there left no voltages.
        return [*(np.nan if x is None else x for x in voltages), *rest.tolist()]

    first, *others = (values(corner) for corner in grid.corners.values())
    off = np.array(others) - np.array(first)
    off = off[~np.isnan(off).any(axis=1)]
    slopes, *_ = np.linalg.lstsq(off[:, :2], off[:, 2:], rcond=None)
    signed, *rest = mirrors @ slopes
    return float(signed), np.array(rest)
