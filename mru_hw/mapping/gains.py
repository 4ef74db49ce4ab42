"""Systematic gains of the mirror chains between nodes: what a ratio m/n is multiplied with.

A leg's gain follows from the drain voltage it sees (`Calibration.gain`). The table of node
voltages stands here alone; the mapping compensates these gains and the behavioral array applies
them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Bus, NodeKind
from mru_hw.technology.calibration import Calibration, temperature_voltage


def pin_voltage(v_dd: float) -> float:
    """Return the voltage [V] at which a bench holds the output pins: half the supply."""
    return v_dd / 2


def node_voltage(calibration: Calibration, target: Bus) -> float:
    """Return the usual voltage [V] of the nodes that legs into a bus drive."""
    if target.kind is NodeKind.RECTIFIED:
        return calibration.v_gate("n", target.i_device)
    pin = target.kind is NodeKind.PIN
    return pin_voltage(calibration.v_dd) if pin else calibration.v_signed


def gate_voltages(
    calibration: Calibration, polarity: str, current: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`Calibration.v_gate` of many currents."""
    m = calibration.n if polarity == "n" else calibration.p
    thermal = calibration.thermal(polarity, calibration.temperature)
    found: NDArray[np.float64] = m.v_gate + thermal * np.log(current / calibration.i_usual)
    return found


def at_usual(calibration: Calibration, polarity: str, gate: NDArray[Any] | float) -> Any:
    """Return what a leg carries with the usual gate voltage across it, over its diode's current.

    ``(1 + lambda v_gate) / (1 + lambda V_GS)``, `gate` being the diode's own V_GS [V].
    """
    m = calibration.n if polarity == "n" else calibration.p
    return (1 + m.conductance * m.v_gate) / (1 + m.conductance * gate)


def leg_gain(calibration: Calibration, polarity: str, voltage: float, current: float) -> float:
    """Gain of a leg whose drain sits at `voltage` [V], off a diode of `current` [A] a device."""
    across = voltage if polarity == "n" else calibration.v_dd - voltage
    return calibration.gain(polarity, across, current)


def flip_gain(calibration: Calibration, polarity: str, current: float) -> float:
    """Gain of a copy into the diode of the other polarity: the copy's `polarity` is given.

    Both diodes have as many unit devices, each of `current` [A].
    """
    other = calibration.v_gate("p" if polarity == "n" else "n", current)
    return calibration.gain(polarity, calibration.v_dd - other, current)


def path_gains(calibration: Calibration, source: Bus, target: Bus) -> dict[str, float]:
    """Gain of each kind of leg, by its role, from the source's diode to the target's node.

    What a diode carries directly passes one mirror; what needs the other polarity passes two.
    """
    voltage, i = node_voltage(calibration, target), source.i_device
    n, p = (leg_gain(calibration, polarity, voltage, i) for polarity in ("n", "p"))
    flipped_n, flipped_p = flip_gain(calibration, "n", i) * p, flip_gain(calibration, "p", i) * n
    if source.kind is NodeKind.STATE:
        return {"source_plus": p, "sink_plus": flipped_p}
    gains = {"source_plus": flipped_n, "sink_plus": n}
    if source.kind is NodeKind.SIGNED:
        gains |= {"sink_minus": flipped_p, "source_minus": p}
    return gains


def gain_slope(calibration: Calibration, polarity: str, v_ds: float) -> float:
    """Relative change [1/V] of a leg's current with the voltage across it: ``g_ds / I``."""
    m = calibration.n if polarity == "n" else calibration.p
    return m.conductance / (1 + m.conductance * v_ds)


def leg_slopes(calibration: Calibration, target: Bus) -> dict[str, float]:
    """By polarity, the relative change [1/V] of legs into a bus with the voltage across them."""
    at = node_voltage(calibration, target)
    return {
        "n": gain_slope(calibration, "n", at),
        "p": gain_slope(calibration, "p", calibration.v_dd - at),
    }


def node_thermal(calibration: Calibration, target: Bus, temperature: float) -> float:
    """By how much a bus's nodes rise per factor e of their current [V]."""
    if target.kind is NodeKind.RECTIFIED:
        return calibration.thermal("n", temperature)
    return signed_thermal(calibration, temperature)


def signed_thermal(calibration: Calibration, temperature: float) -> float:
    """``s kT/q`` [V] of a signed node."""
    return calibration.signed_slope * temperature_voltage(temperature)


def path_exponents(calibration: Calibration, source: Bus, temperature: float) -> dict[str, float]:
    """By role, how a path's gain falls with the current: ``-d ln gain / d ln i``.

    Each diode's gate voltage rises by n kT/q per factor e of current, and with it what it sets the
    leg's current over (`Calibration.gain`); a diode of the other polarity takes the same from
    what is left across the copy that feeds it.
    """
    i = source.i_device
    gate = {polarity: calibration.v_gate(polarity, i) for polarity in "np"}
    thermal = {polarity: calibration.thermal(polarity, temperature) for polarity in "np"}

    def own(polarity: str) -> float:
        return thermal[polarity] * gain_slope(calibration, polarity, gate[polarity])

    def flipped(polarity: str, other: str) -> float:
        left = calibration.v_dd - gate[other]
        return own(polarity) + thermal[other] * gain_slope(calibration, polarity, left) + own(other)

    if source.kind is NodeKind.STATE:
        return {"source_plus": own("p"), "sink_plus": flipped("p", "n")}
    exponents = {"source_plus": flipped("n", "p"), "sink_plus": own("n")}
    if source.kind is NodeKind.SIGNED:
        exponents |= {"sink_minus": flipped("p", "n"), "source_minus": own("p")}
    return exponents


def comparator_gains(calibration: Calibration, candidate: Bus, i_lsb: float) -> tuple[float, float]:
    """Effective current over nominal of a ladder's threshold up and of the one down.

    A comparator weighs a bias leg against a copy of the candidate's diode at one node, so the
    ratio of two gains counts, taken where the strobed gate behind that node begins to step. A
    loop's edges: `mru_hw.mapping.edges`.
    """
    up, down, i = calibration.v_trip_up, calibration.v_trip_down, candidate.i_device
    source = leg_gain(calibration, "p", up, i_lsb) * flip_gain(calibration, "n", i_lsb)
    sink = leg_gain(calibration, "n", down, i_lsb)
    return (
        source / leg_gain(calibration, "n", up, i),
        sink / leg_gain(calibration, "p", down, i),
    )
