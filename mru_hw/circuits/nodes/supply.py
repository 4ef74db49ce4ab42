"""Nodes on a die: quiescent currents and what their own branches draw.

How a node's current becomes those of its rails: `mru_hw.circuits.nodes.laws`.
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import SPLIT_UNITS, Array, DeviceView, NodeView
from mru_hw.circuits.legs.gains import node_flip


def quiescent(devices: DeviceView, bus: NodeView) -> Array:
    """Quiescent current [A] of each node's splitter on a die.

    The splitter's two devices and the reference chain's close a translinear loop, so only half of
    each logarithmic mismatch counts. `Calibration.rest` is what the chain's drain voltages make of
    it; where the supply is too low for the chain, next to nothing is left.
    """
    own = devices.factor(bus.name, "split_n", "n") * devices.factor(bus.name, "split_p", "p")
    reference = devices.factor("bias", "split_n", "n") * devices.factor("bias", "split_p", "p")
    bias = devices.factor("bias", "flip_plus", "n") / devices.factor("bias", "diode_plus", "n")
    source = devices.factor("bias", "split_source", "p")
    source = source / devices.factor("bias", "flip_plus_diode", "p") * bias
    i_lsb = devices.i_lsb
    nominal = SPLIT_UNITS * i_lsb * bus.split * devices.calibration.rest_gain(i_lsb)
    return nominal * source * np.sqrt(own / reference)


def node_supply(devices: DeviceView, bus: NodeView) -> tuple[Array, Array]:
    """Supply current of a node's own branches per ampere of its plus and of its minus rail.

    Legs are counted with their connection. The diode of a PMOS rail hangs on the supply, and so
    does every copy into a diode of the other polarity.
    """
    drawn = {"plus": np.zeros(bus.size), "minus": np.zeros(bus.size)}
    for sign, (own, flip) in node_branches(devices, bus).items():
        drawn[sign] = own + flip
    return drawn["plus"], drawn["minus"]


def node_branches(devices: DeviceView, bus: NodeView) -> dict[str, tuple[Array, Array]]:
    """Return by sign what the supply gives per ampere of the own diode, and of what a flip copies.

    See `mru_hw.circuits.legs.leakage.branch_supply`.
    """
    found = {}
    for sign in bus.circuit.signs:
        polarity = bus.circuit.direct(sign)
        own = np.full(bus.size, 1.0 if polarity == "p" else 0.0)
        flip = np.zeros(bus.size)
        if bus.circuit.copied:
            ratio = devices.factor(bus.name, f"flip_{sign}", polarity)
            ratio = ratio / devices.factor(bus.name, f"diode_{sign}", polarity)
            flip = ratio * node_flip(devices.calibration, bus, sign)
        found[sign] = own, flip
    return found
