"""Systematic gains of the mirror chains between nodes: what a ratio m/n is multiplied with.

A leg's gain follows from the drain voltage it sees (`Calibration.gain`). The table of node
voltages stands here alone; the mapping compensates these gains and the behavioral array applies
them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import NodeView, Rail, leg_of
from mru_hw.technology.calibration import Calibration, temperature_voltage


def pin_voltage(v_dd: float) -> float:
    """Return the voltage [V] at which a bench holds the output pins: half the supply."""
    return v_dd / 2


def node_voltage(calibration: Calibration, target: NodeView) -> float:
    """Return the usual voltage [V] of the nodes that legs into a bus drive."""
    if target.circuit.rectifies:
        return calibration.v_gate("n", target.i_rail(("plus", "n")))
    return pin_voltage(calibration.v_dd) if target.circuit.outside else calibration.v_signed


def gate_voltages(
    calibration: Calibration, polarity: str, current: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`Calibration.v_gate` of many currents."""
    m = calibration.n if polarity == "n" else calibration.p
    thermal = calibration.thermal(polarity, calibration.temperature)
    found: NDArray[np.float64] = m.v_gate + thermal * np.log(current / calibration.i_usual)
    return found


def at_usual(calibration: Calibration, polarity: str, gate: NDArray[Any] | float) -> Any:
    """Return the gain of a 1:1 mirror whose leg has the usual gate voltage `v_gate` across it.

    ``(1 + lambda v_gate) / (1 + lambda V_GS)``: 1 where its diode carries the usual current too.

    Parameters
    ----------
    gate
        The diode's own V_GS [V], any shape.
    """
    m = calibration.n if polarity == "n" else calibration.p
    return (1 + m.conductance * m.v_gate) / (1 + m.conductance * gate)


def leg_gain(calibration: Calibration, polarity: str, voltage: float, current: float) -> float:
    """Gain of a leg whose drain sits at `voltage` [V], off a diode of `current` [A] a device."""
    across = voltage if polarity == "n" else calibration.v_dd - voltage
    return calibration.gain(polarity, across, current)


def flip_gain(
    calibration: Calibration, polarity: str, current: float, passed: float | None = None
) -> float:
    """Return the gain of a flip: of its leg, whose drain sits at a diode of the other polarity.

    The leg has ``V_dd - V_GS`` of that diode across it.

    Parameters
    ----------
    polarity
        Of the leg, and so of the diode that it copies.
    current
        Of one transistor unit of the leg and of its diode [A].
    passed
        Of one of the diode that the leg drives, which may be wider; as `current` when None.
    """
    ends = current if passed is None else passed
    other = calibration.v_gate("p" if polarity == "n" else "n", ends)
    return calibration.gain(polarity, calibration.v_dd - other, current)


def node_flip(calibration: Calibration, node: NodeView, sign: str) -> float:
    """Return the gain of a node's flip: from the diode of a sign to its other rail."""
    direct = node.circuit.direct(sign)
    other = "p" if direct == "n" else "n"
    own, passed = node.i_rail((sign, direct)), node.i_rail((sign, other))
    return flip_gain(calibration, direct, own, passed)


def path_gains(calibration: Calibration, source: NodeView, target: NodeView) -> dict[str, float]:
    """Gain of each kind of leg, by its role, from the source's diode to the target's node.

    What a diode carries directly passes one mirror; what needs the other polarity passes two.
    """
    voltage = node_voltage(calibration, target)
    gains = {}
    for rail in source.circuit.rails if source.circuit.copied else ():
        sign, polarity = rail
        direct = source.circuit.direct(sign)
        gain = leg_gain(calibration, polarity, voltage, source.i_rail(rail))
        if direct != polarity:
            gain = node_flip(calibration, source, sign) * gain
        gains[leg_of(rail)] = gain
    return gains


def gain_slope(calibration: Calibration, polarity: str, v_ds: float) -> float:
    """Relative change [1/V] of a leg's current with the voltage across it: ``g_ds / I``."""
    m = calibration.n if polarity == "n" else calibration.p
    return m.conductance / (1 + m.conductance * v_ds)


def leg_slopes(calibration: Calibration, target: NodeView) -> dict[str, float]:
    """By polarity, the relative change [1/V] of legs into a bus with the voltage across them."""
    at = node_voltage(calibration, target)
    return {
        "n": gain_slope(calibration, "n", at),
        "p": gain_slope(calibration, "p", calibration.v_dd - at),
    }


def node_thermal(calibration: Calibration, target: NodeView, temperature: float) -> float:
    """By how much a bus's nodes rise per factor e of their current [V]."""
    if target.circuit.rectifies:
        return calibration.thermal("n", temperature)
    return signed_thermal(calibration, temperature)


def signed_thermal(calibration: Calibration, temperature: float) -> float:
    """``s kT/q`` [V] of a signed node."""
    return calibration.signed_slope * temperature_voltage(temperature)


def mirror_exponent(
    calibration: Calibration, source: NodeView, rail: Rail, temperature: float
) -> float:
    """Return ``-d ln gain / d ln i`` of legs on a rail, off its own diode at the usual current."""
    gate = calibration.v_gate(rail[1], source.i_rail(rail))
    return calibration.thermal(rail[1], temperature) * gain_slope(calibration, rail[1], gate)


def path_exponents(
    calibration: Calibration, source: NodeView, temperature: float
) -> dict[str, float]:
    """Return ``-d ln gain / d ln i`` of the path behind each role, at the usual current i.

    The gain of a leg is ``(1 + lambda V_DS) / (1 + lambda V_GS)``, and V_GS of its diode rises by
    ``n kT/q`` per factor e of current, so the gain falls by ``n kT/q lambda / (1 + lambda V_GS)``.
    Behind a flip two diodes do so, and the second one's V_GS also comes off the voltage across
    the flip's leg.
    """

    def flipped(first: Rail, rail: Rail) -> float:
        left = calibration.v_dd - calibration.v_gate(rail[1], source.i_rail(rail))
        thermal = calibration.thermal(rail[1], temperature)
        passed = thermal * gain_slope(calibration, first[1], left)
        return own(first) + passed + own(rail)

    def own(rail: Rail) -> float:
        return mirror_exponent(calibration, source, rail, temperature)

    exponents = {}
    for rail in source.circuit.rails if source.circuit.copied else ():
        sign, polarity = rail
        direct = source.circuit.direct(sign)
        first = (sign, direct)
        exponents[leg_of(rail)] = own(rail) if direct == polarity else flipped(first, rail)
    return exponents


def comparator_gains(
    calibration: Calibration, candidate: NodeView, bias: NodeView
) -> tuple[float, float]:
    """Return a ladder's rising and falling threshold over what unit devices alone would give.

    In a comparator a bias leg (with `up_units` or `down_units` devices) works against a copy of the
    candidate's rail at one node. It decides where both currents are equal with that node at the
    trip voltage of the gate behind it, so a threshold is multiplied by the gain of the bias leg
    over the gain of the copy, both at that voltage. A loop's edges: `mru_hw.circuits.loop.edges`.
    """
    up, down = calibration.v_trip_up, calibration.v_trip_down
    i_n, i_p = (bias.i_rail(("plus", polarity)) for polarity in "np")
    source = leg_gain(calibration, "p", up, i_p) * node_flip(calibration, bias, "plus")
    sink = leg_gain(calibration, "n", down, i_n)
    return (
        source / leg_gain(calibration, "n", up, candidate.i_rail(("plus", "n"))),
        sink / leg_gain(calibration, "p", down, candidate.i_rail(("minus", "p"))),
    )
