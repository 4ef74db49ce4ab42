"""The nine-transistor hysteretic loop as BMRU and FQ-BMRU unit (arXiv 2605.07936).

The node V0 gains the candidate's copy and loses I_thresh; once high it gains I_width back. It
rises at I_thresh and falls at I_thresh - I_width, so the falling edge carries the errors of both
currents. An FQ-BMRU sets I_width under I_thresh; a BMRU sets it to twice I_thresh, so that the
edges lie at +beta and -beta.
"""

from __future__ import annotations

from mru_hw.cells.base import Devices
from mru_hw.cells.ladder import LadderLaw, bias_rails, cumulative
from mru_hw.mapping.design import Bank
from mru_hw.mapping.gains import leg_gain, threshold_gains
from mru_hw.model.structure import CellKind


def loop_law(devices: Devices, bank: Bank) -> LadderLaw:
    """Return the laws of a bank's loops on a die.

    ``up`` is the rail current at which a loop rises. ``down`` is where it falls: of the plus
    rail for an FQ-BMRU, of the minus rail for a BMRU.
    """
    owner, i_lsb = f"bank{bank.layer}", devices.i_unit_device
    cal = devices.calibration
    up_gain, down_gain, level_gain = threshold_gains(cal, bank.cell)
    candidate = devices.design.buses[bank.candidate]
    rail_n, _ = bias_rails(devices)
    hold = bank.up_units * i_lsb * devices.factor(owner, "hold", "n")[:, 0] * rail_n
    width = bank.loop_width * i_lsb * devices.factor(owner, "width", "n")[:, 0] * rail_n
    feedback = devices.factor(owner, "feedback", "p")[:, 0]
    width = width * feedback / devices.factor(owner, "feedback_diode", "p")[:, 0]
    name = candidate.name
    copy_plus = (
        devices.factor(owner, "copy_plus", "p")
        * devices.factor(name, "flip_plus", "n")
        / devices.factor(name, "diode_plus", "n")
        / devices.factor(name, "flip_plus_diode", "p")
    )
    if bank.cell is CellKind.BMRU:
        copy_minus = (
            devices.factor(owner, "copy_minus", "n")
            * devices.factor(name, "flip_minus", "p")
            / devices.factor(name, "diode_minus", "p")
            / devices.factor(name, "flip_minus_diode", "n")
        )
        down = (width - hold) * down_gain / copy_minus
    else:
        down = (hold - width) * down_gain / copy_plus
    gain = devices.factor(owner, "gain", "n") * bank.gain_units[:, None]
    saturated = leg_gain(cal, "n", cal.v_dd)
    drawn = hold * saturated + width * level_gain
    return LadderLaw(
        up=hold * up_gain / copy_plus,
        down=down,
        level=cumulative(gain * (i_lsb * level_gain) * rail_n),
        held=cumulative(drawn[:, None]),
        up_leg=hold,
        down_leg=0 * hold,
    )
