"""Nodes on a die: quiescent currents and what their own branches draw.

How a node's current becomes those of its rails: `mru_hw.mapping.node_laws`.
"""

from __future__ import annotations

import numpy as np

from mru_hw.cells.base import Array, Devices
from mru_hw.mapping.design import SPLIT_UNITS, Bus, NodeKind
from mru_hw.mapping.gains import flip_gain


def quiescent(devices: Devices, bus: Bus) -> Array:
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
    i_lsb = devices.i_unit_device
    nominal = SPLIT_UNITS * i_lsb * bus.split * devices.calibration.rest_gain(i_lsb)
    return nominal * source * np.sqrt(own / reference)


def node_supply(devices: Devices, bus: Bus) -> tuple[Array, Array]:
    """Supply current of a node's own branches per ampere of its plus and of its minus rail.

    Legs are counted with their connection. The diode of a PMOS rail hangs on the supply, and so
    does every copy into a diode of the other polarity.
    """
    zero = np.zeros(bus.size)
    if bus.kind is NodeKind.PIN:
        return zero, zero
    cal = devices.calibration

    def copied(rail: str, polarity: str) -> Array:
        ratio = devices.factor(bus.name, f"flip_{rail}", polarity)
        ratio = ratio / devices.factor(bus.name, f"diode_{rail}", polarity)
        return ratio * flip_gain(cal, polarity, bus.i_device)

    if bus.kind is NodeKind.CANDIDATE:
        return zero, zero + 1.0
    if bus.kind is NodeKind.STATE:
        return 1.0 + copied("plus", "p"), zero
    if bus.kind is NodeKind.SIGNED:
        return copied("plus", "n"), 1.0 + copied("minus", "p")
    return copied("plus", "n"), zero
