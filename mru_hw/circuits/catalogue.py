"""All circuits, by what a Design calls them."""

from __future__ import annotations

from mru_hw.circuits.base import NodeCircuit, NodeKind
from mru_hw.circuits.ladder.circuit import LADDER
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.circuits.loop.circuit import LOOP
from mru_hw.circuits.nodes.bias import BIAS
from mru_hw.circuits.nodes.diode import RECTIFIED, STATE
from mru_hw.circuits.nodes.pin import PIN
from mru_hw.circuits.nodes.signed import CANDIDATE, SIGNED
from mru_hw.circuits.units import UnitCircuit
from mru_hw.circuits.window.circuit import WINDOW

NODES: dict[NodeKind, NodeCircuit] = {
    circuit.kind: circuit for circuit in (SIGNED, RECTIFIED, CANDIDATE, STATE, BIAS, PIN)
}
NODE_VIEWS = tuple(dict.fromkeys(circuit.view for circuit in NODES.values() if circuit.view))
"""Folders of ``circuits/`` that every chip's deck takes."""
UNIT_CIRCUITS: tuple[UnitCircuit, ...] = (LADDER, WINDOW, LOOP)


ROLE_NAMES: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *(part.name for circuit in NODES.values() for part in circuit.roles),
            *(part.name for circuit in UNIT_CIRCUITS for part in circuit.roles),
            *(leg.role for leg in LEGS),
        )
    )
)
"""Every role of a device that a chip may have."""


def unit_circuit(*, clocked: bool, window: bool) -> UnitCircuit:
    """Return the circuit of units that a strobe moves or not.

    Parameters
    ----------
    window
        Whether a window comparator sets their thresholds.
    """
    if not clocked:
        return LOOP
    return WINDOW if window else LADDER
