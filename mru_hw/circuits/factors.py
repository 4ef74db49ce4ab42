"""What the devices of a row's nodes carry together: on one die, and nominally."""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Array, DeviceView, NodeRole, NodeView


def node_factor(
    devices: DeviceView,
    row: NodeView,
    parts: tuple[NodeRole, ...],
    *,
    current: Array | float | None = None,
) -> Array:
    """Return the relative current (n_nodes,) of devices side by side on a row's nodes.

    1 is nominal; of several it is their mean, by their unit devices.
    """
    factors = [
        devices.factor(row.name, part.name, part.polarity, current=current) for part in parts
    ]
    if len(parts) == 1:
        return factors[0]
    units = [part.units(row) for part in parts]
    total: Array = np.add.reduce([n * each for n, each in zip(units, factors, strict=True)])
    return total / sum(units)


def node_ratio(row: NodeView, sign: str) -> float:
    """Return what the copies of a sign's own rail carry over its diodes, were mirrors ideal."""
    circuit = row.circuit
    copies, diodes = (
        sum(part.units(row) for part in parts)
        for parts in (circuit.copies(sign), circuit.diodes(circuit.own(sign)))
    )
    return copies / diodes
