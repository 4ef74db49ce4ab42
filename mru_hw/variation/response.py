"""What a shift that all devices of a die share does to the constants of its chip.

It cancels in ratios of mirrors. At a given current gate voltages move by it, and with them the
drain voltages that legs see and where comparators decide.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.gains import flip_gain
from mru_hw.errors import LawError, UserError
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.die import Die
from mru_hw.variation.spread import Spread


def die_calibration(calibration: Calibration, die: Die) -> Calibration:
    """Return the constants on a die: those given, moved by what its devices share.

    Raises
    ------
    LawError
        They are moved so far that no current is left.

    Notes
    -----
    The comparators' trips are the gate voltages of the two devices that u and d drive: a PMOS
    that raises the domino's node within the step, an NMOS that empties the other's
    (circuits/step_control). A signed node's voltage moves as between the
    technology's corners, linearly with the gate voltages of a unit device; what its splitter
    carries at rest, by `_rest`.
    """
    if die.spread is None or not die.spread.shifts:
        return calibration
    moved = {
        f"{polarity}_{use}": _gate_shift(calibration, die.spread, f"{polarity}_{use}")
        for polarity in "np"
        for use in ("mirror", "logic")
    }
    found: dict[str, Any] = {
        "v_signed": calibration.v_signed + _signed(calibration, moved),
        "v_trip_up": calibration.v_trip_up - moved["p_logic"],
        "v_trip_down": calibration.v_trip_down + moved["n_logic"],
    }
    for polarity in "np":
        mirror, shift = getattr(calibration, polarity), moved[f"{polarity}_mirror"]
        found[polarity] = mirror.model_copy(update={"v_gate": mirror.v_gate + shift})
        less = math.exp(-shift / calibration.thermal(polarity, calibration.temperature))
        leaks = getattr(calibration, f"leak_{polarity}")
        found[f"leak_{polarity}"] = tuple(less * current for current in leaks)
    shifted = calibration.model_copy(update=found)
    ratio = _rest(shifted) / _rest(calibration)
    return shifted.model_copy(update={"rest": tuple(ratio * r for r in calibration.rest)})


def refuse_unknown_response(
    technology: Technology, calibration: Calibration, field: str, factor: float
) -> None:
    """Refuse a factor on what a die's devices share where no constants say what it does.

    Parameters
    ----------
    field, factor
        What the user calls it, and what it is; 0 is never refused.

    Raises
    ------
    UserError
        A corner of the technology is missing among the constants, or its corners do not tell what
        NMOS and what PMOS do to a signed node.
    """
    if not factor:
        return
    known = calibration.grid.corners
    missing = [corner for corner in technology.corners if corner not in known]
    if missing:
        expected = (
            f"0 with constants of {', '.join(known)} alone, for process spread is interpolated "
            f"between corners and {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} "
            f"missing: mru-hw characterize of {technology.name} at all corners makes them"
        )
        raise UserError(field, factor, expected)
    if np.linalg.matrix_rank(_corner_offsets(calibration)[:, :2]) < 2:
        expected = (
            f"0, for process spread is interpolated between corners, and {', '.join(known)} of "
            f"{technology.name} do not tell NMOS from PMOS"
        )
        raise UserError(field, factor, expected)


def _gate_shift(calibration: Calibration, spread: Spread, device: str) -> float:
    """Return by how much a device's gate voltage moves at a given current [V]."""
    thermal = calibration.thermal(device[0], calibration.temperature)
    if spread.beta[device[0]] <= -1:
        raise LawError("What the die's devices share leaves them no current.")
    return spread.common(device) - thermal * math.log1p(spread.beta[device[0]])


def _signed(calibration: Calibration, moved: dict[str, float]) -> float:
    """Return what v_signed moves by [V]: between corners, by least squares."""
    off = _corner_offsets(calibration)
    slopes, *_ = np.linalg.lstsq(off[:, :2], off[:, 2], rcond=None)
    return float(np.array([moved["n_mirror"], moved["p_mirror"]]) @ slopes)


def _corner_offsets(calibration: Calibration) -> NDArray[np.float64]:
    """Return (corner, 3) gate voltages n and p and v_signed [V], less those of the first corner."""
    grid = calibration.grid
    usual = grid.supplies.index(grid.v_dd)
    names = ("n.v_gate", "p.v_gate", "v_signed")
    rows = [[corner.supplies[name][usual] for name in names] for corner in grid.corners.values()]
    values = np.array(rows, dtype=np.float64)
    off: NDArray[np.float64] = values[1:] - values[0]
    # A unit that did not work there left no voltages.
    return off[~np.isnan(off).any(axis=1)]


def _rest(calibration: Calibration) -> float:
    """Return the quiescent current of a splitter up to a constant: its systematic mirror gains.

    Only the ratio of two results counts. With g(V) the gain of a device that has V across it, V_n
    and V_p the usual gate voltages, V_x that of a signed node and b the body factor::

        flip  g_p(V_dd - b V_x - V_n)  sqrt( g_n(V_dd - V_p - V_x)  g_p(V_x - V_n) / g_p(V_x) )

    *flip* is the gain of the bias tree's copy into its PMOS diode. The first g_p is the PMOS that
    feeds the reference chain (circuits/bias_tree), whose NMOS diode has its source at V_x and so
    its gate at ``b V_x + V_n``. Under the root are the splitter's own devices over the chain's:
    the NMOS lies between the minus rail, at ``V_dd - V_p``, and the node; the PMOS between the
    node and the plus rail, at V_n, where the chain's ends at ground. The root is the translinear
    loop's (`mru_hw.circuits.nodes.supply.quiescent`).
    """
    i, node, v_dd = calibration.i_usual, calibration.v_signed, calibration.v_dd
    n, p = calibration.n.v_gate, calibration.p.v_gate
    source = calibration.gain("p", v_dd - calibration.n.body * node - n, i)
    own = calibration.gain("n", v_dd - p - node, i)
    own *= calibration.gain("p", node - n, i) / calibration.gain("p", node, i)
    if own <= 0 or source <= 0:
        raise LawError("What the die's devices share leaves its splitters no supply.")
    return flip_gain(calibration, "n", i) * source * math.sqrt(own)
