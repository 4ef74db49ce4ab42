"""Nodes: how the current that flows into one becomes the currents of its rails.

Signed (class AB): ``i_plus - i_minus = i`` by Kirchhoff, ``i_plus i_minus = i_q^2`` by the
translinear loop of the splitter (Gilbert, Electronics Letters 11(1), 1975).
Rectified: a diode, ``i_plus = max(i, 0)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.base import Array, Devices
from mru_hw.mapping.design import Bus, NodeKind
from mru_hw.mapping.gains import flip_gain
from mru_hw.mapping.realised import quiescent_current


def quiescent(devices: Devices, bus: Bus) -> Array:
    """Quiescent current [A] of each node's splitter: `quiescent_current` on a die.

    The splitter's two devices and the reference chain's close a translinear loop, so only half of
    each logarithmic mismatch counts.
    """
    own = devices.factor(bus.name, "split_n", "n") * devices.factor(bus.name, "split_p", "p")
    reference = devices.factor("bias", "split_n", "n") * devices.factor("bias", "split_p", "p")
    bias = devices.factor("bias", "flip_plus", "n") / devices.factor("bias", "diode_plus", "n")
    source = devices.factor("bias", "split_source", "p")
    source = source / devices.factor("bias", "flip_plus_diode", "p") * bias
    nominal = quiescent_current(bus, devices.i_unit_device, devices.calibration)
    return nominal * source * np.sqrt(own / reference)


def split(v: NDArray[Any], i_q: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return ``i_plus`` and ``i_minus`` of a signed node, in the unit of `v`."""
    root = np.multiply(v, v)
    root += 4 * i_q * i_q
    np.sqrt(root, out=root)
    root *= 0.5
    half = v * v.dtype.type(0.5)
    return root + half, np.subtract(root, half, out=root)


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
