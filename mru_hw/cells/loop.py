"""The nine-transistor hysteretic loop as FQ-BMRU unit (arXiv 2605.07936).

The node V0 gains the candidate's copy and loses I_thresh; once high it gains I_width back. It
rises near I_thresh and falls near I_thresh - I_width (`mru_hw.mapping.edges` says how near), so
the falling edge carries the errors of both currents.

V0 rests low or high. Low, the sinks are starved and the supply gives the plus rail's copy; high,
the sources are, and it gives the threshold and the minus rail's copy.
"""

from __future__ import annotations

from dataclasses import dataclass

from mru_hw.cells.base import Array, Devices
from mru_hw.cells.drains import feedback_gain, level_gains
from mru_hw.cells.ladder import LadderLaw, bias_rails, cumulative
from mru_hw.mapping.design import Bank, NodeKind
from mru_hw.mapping.edges import loop_edges
from mru_hw.mapping.gains import flip_gain, leg_gain


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCurrents:
    """What meets at V0 on one die, each (n_units,).

    Attributes
    ----------
    hold, width
        I_thresh and I_width [A].
    feedback
        Ratio of the pair M9 : M7.
    copy_plus, copy_minus
        Relative currents of the copies of the candidate's rails.
    """

    hold: Array
    width: Array
    feedback: Array
    copy_plus: Array
    copy_minus: Array


def loop_currents(devices: Devices, bank: Bank) -> LoopCurrents:
    """Return the currents that meet in a bank's loops."""
    owner, i_lsb = f"bank{bank.layer}", devices.i_unit_device
    candidate = devices.design.buses[bank.candidate]
    name = candidate.name
    rail_n, _ = bias_rails(devices)
    feedback = devices.factor(owner, "feedback", "p") / devices.factor(owner, "feedback_diode", "p")
    copy_plus = (
        devices.factor(owner, "copy_plus", "p")
        * devices.factor(name, "flip_plus", "n")
        / devices.factor(name, "diode_plus", "n")
        / devices.factor(name, "flip_plus_diode", "p")
    )
    copy_minus = 0 * copy_plus
    if candidate.kind is NodeKind.SIGNED:
        copy_minus = (
            devices.factor(owner, "copy_minus", "n")
            * devices.factor(name, "flip_minus", "p")
            / devices.factor(name, "diode_minus", "p")
            / devices.factor(name, "flip_minus_diode", "n")
        )
    return LoopCurrents(
        hold=(bank.up_units * i_lsb) * devices.factor(owner, "hold", "n")[:, 0] * rail_n,
        width=(bank.loop_width * i_lsb) * devices.factor(owner, "width", "n")[:, 0] * rail_n,
        feedback=feedback[:, 0],
        copy_plus=copy_plus,
        copy_minus=copy_minus,
    )


def loop_law(devices: Devices, bank: Bank) -> LadderLaw:
    """Return the laws of a bank's loops on a die.

    ``up`` is the candidate at which a loop rises; ``down`` is where it falls. Both rails meet at
    V0, so a signed node's quiescent current cancels there.
    """
    owner, i_lsb = f"bank{bank.layer}", devices.i_unit_device
    cal = devices.calibration
    candidate = devices.design.buses[bank.candidate]
    i = candidate.i_device
    rail_n, _ = bias_rails(devices)
    loop = loop_currents(devices, bank)
    hold, width = loop.hold, loop.width
    rise, fall = loop_edges(
        cal,
        hold,
        width,
        i_lsb=i_lsb,
        feedback=loop.feedback,
        temperature=devices.temperature,
    )
    # High, the loop draws what its threshold takes and what its feedback's diode carries.
    drawn = hold * leg_gain(cal, "n", cal.v_dd, i_lsb) + width * feedback_gain(devices, bank)[:, 0]
    output = devices.factor(owner, "gain", "n") * (bank.gain_units[:, None] * i_lsb) * rail_n
    return LadderLaw(
        up=rise / loop.copy_plus,
        down=fall / loop.copy_plus,
        level=cumulative(output) * level_gains(devices, bank),
        held=cumulative(drawn[:, None]),
        up_copy=loop.copy_plus * (flip_gain(cal, "n", i) * leg_gain(cal, "p", 0.0, i)),
        down_copy=loop.copy_minus * (flip_gain(cal, "p", i) * leg_gain(cal, "n", cal.v_dd, i)),
        up_leg=0 * hold,
        down_leg=0 * hold,
    )
