"""The nine-transistor hysteretic loop as FQ-BMRU unit (arXiv 2605.07936).

The node V0 gains the candidate's copy and loses I_thresh; once high it gains I_width back. It
rises near I_thresh and falls near I_thresh - I_width (`mru_hw.circuits.loop.edges` says how near),
so the falling edge carries the errors of both currents.

V0 rests low or high. Low, the sinks are starved and the supply gives the plus rail's copy; high,
the sources are, and it gives the threshold and the minus rail's copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import Array, DeviceView, NodeView, Rail
from mru_hw.circuits.cell.drains import CellLegs
from mru_hw.circuits.legs.gains import at_usual, leg_gain, node_flip
from mru_hw.circuits.legs.rails import copied_factor
from mru_hw.circuits.loop.edges import LoopSettings, LoopSizes, Way, loop_edges
from mru_hw.circuits.loop.roles import COPY_MINUS, COPY_PLUS
from mru_hw.circuits.nodes.bias import bias_rails
from mru_hw.circuits.units import PlacedView, UnitLaw, UnitView
from mru_hw.technology.calibration import Calibration


def loop_falls(c: NDArray[Any], down: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell whether candidates let loops fall: below ``down``."""
    found: NDArray[np.bool_] = ~np.greater_equal(c, down)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCurrents:
    """The currents into and out of V0 of each loop on one die, each (n_units,).

    Attributes
    ----------
    hold, width
        I_thresh and I_width [A], each with the usual gate voltage of a unit device across its leg.
    feedback
        Current of M9 over that of M7, with the same voltage across M9.
    reach
        Current [A] of the follower M6 at the usual gate voltage of a unit device, its source at
        ground.
    copy_plus, copy_minus
        Current of the copy of the candidate's plus and minus rail over the nominal copy: the
        product of all device factors on its path. Minus is 0 for a rectified candidate.
    way
        The same path's gain without mismatch, by the candidate's current.
    """

    hold: Array
    width: Array
    feedback: Array
    reach: float
    copy_plus: Array
    copy_minus: Array
    way: Way

    def copied(self, candidate: Array) -> Array:
        """Return the nominal candidate [A] that puts the same current into V0 as one of this die.

        ``candidate gain(candidate) copy_plus``: `loop_edges` knows no mismatch on the path from the
        candidate's diode to V0, so a die's candidate is converted before it is compared.

        Parameters
        ----------
        candidate
            Current of the candidate's plus rail [A], (n_units, ...); the result has its shape.
        """
        own = self.copy_plus.reshape(-1, *(1,) * (candidate.ndim - 1))
        found: Array = candidate * self.way.gain(candidate) * own
        return found

    def candidate(self, copied: Array) -> Array:
        """Return the candidate [A] of a copy, (n_units,): the inverse of `copied`."""
        return self.way.candidate(copied, self.copy_plus)


def loop_currents(devices: DeviceView, bank: UnitView) -> LoopCurrents:
    """Return the currents that meet in a bank's loops."""
    owner, i_lsb = bank.name, devices.i_lsb
    candidate = devices.node(bank.candidate)
    rail_n, _ = bias_rails(devices)
    copy_plus = copied_factor(devices, bank, COPY_PLUS)
    copy_minus = 0 * copy_plus
    if candidate.circuit.splits:
        copy_minus = copied_factor(devices, bank, COPY_MINUS)
    nominal = LoopSettings.of(
        devices.calibration,
        devices.technology,
        bank.up_units.astype(np.float64),
        bank.loop_width.astype(np.float64),
        i_lsb=i_lsb,
        sizes=LoopSizes.of(devices, bank),
    )
    return LoopCurrents(
        hold=nominal.hold * devices.factor(owner, "hold", "n")[..., 0] * rail_n,
        width=nominal.width * devices.factor(owner, "width", "n")[..., 0] * rail_n,
        feedback=nominal.feedback * feedback_ratio(devices, bank)[..., 0],
        reach=nominal.reach,
        copy_plus=copy_plus,
        copy_minus=copy_minus,
        way=nominal.way,
    )


def feedback_ratio(devices: DeviceView, bank: UnitView) -> Array:
    """Return the ratio of each cell's pair M9 : M7, (n_units, n_cells)."""
    feedback, diode = (
        devices.factor(bank.name, role, "p") for role in ("feedback", "feedback_diode")
    )
    ratio: Array = feedback / diode
    return ratio


def loop_law(devices: DeviceView, bank: UnitView) -> UnitLaw:
    """Return the laws of a bank's loops on a die.

    ``up`` is the candidate at which a loop rises; ``down`` is where it falls. Both rails meet at
    V0, so a signed node's quiescent current cancels there.
    """
    owner, i_lsb = bank.name, devices.i_lsb
    cal = devices.calibration
    candidate = devices.node(bank.candidate)
    rail_n, _ = bias_rails(devices)
    loop, legs = loop_currents(devices, bank), CellLegs.of(devices, bank)
    hold, width = loop.hold, loop.width
    rise, fall = loop_edges(
        cal,
        hold,
        width,
        i_lsb=i_lsb,
        feedback=loop.feedback,
        temperature=devices.temperature,
        reach=loop.reach,
    )
    # High, the loop draws what its threshold takes and what its feedback's diode carries.
    i_n = devices.bias.i_rail(("plus", "n"))
    nominal = at_usual(cal, "n", cal.v_gate("n", i_n))
    tail = legs.feedback_gain()[:, 0]
    drawn = (hold * leg_gain(cal, "n", cal.v_dd, i_n) + width * tail) / nominal
    output = devices.factor(owner, "gain", "n") * (bank.gain_units[:, None] * i_lsb)
    return UnitLaw(
        up=loop.candidate(rise),
        down=loop.candidate(fall),
        output=output * rail_n[..., None],
        level_gains=legs.level_gains(),
        drawn=drawn[..., None],
        up_copy=loop.copy_plus * _copy_gain(cal, candidate, ("plus", "p"), 0.0),
        down_copy=loop.copy_minus * _copy_gain(cal, candidate, ("minus", "n"), cal.v_dd),
        up_leg=0 * hold,
        down_leg=0 * hold,
    )


def _copy_gain(calibration: Calibration, candidate: NodeView, rail: Rail, voltage: float) -> float:
    """Return the gain of a copy of a flipped rail of the candidate, at V0 [V]; 0 without one."""
    sign, polarity = rail
    if sign not in candidate.circuit.signs:
        return 0.0
    flip = node_flip(calibration, candidate, sign)
    return flip * leg_gain(calibration, polarity, voltage, candidate.i_rail(rail))


def loop_thresholds(
    placed: PlacedView, bank: UnitView, calibration: Calibration
) -> tuple[Array, Array]:
    """Return the nominal candidates [A] (n_units,) at which loops rise and fall, at least 0."""
    rise, fall = LoopSettings.of(
        calibration,
        placed.technology,
        bank.up_units.astype(np.float64),
        bank.loop_width.astype(np.float64),
        i_lsb=placed.i_lsb,
        sizes=LoopSizes.of(placed, bank),
    ).edges()
    return rise, np.maximum(fall, 0.0)
