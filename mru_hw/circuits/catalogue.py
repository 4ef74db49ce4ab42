"""All circuits, by what a Design calls them."""

from __future__ import annotations

from mru_hw.circuits.base import NodeCircuit, NodeKind, UnitCircuit
from mru_hw.circuits.bias_tree import BIAS
from mru_hw.circuits.diode_nodes import RECTIFIED, STATE
from mru_hw.circuits.ladder_unit import LADDER
from mru_hw.circuits.loop import LOOP
from mru_hw.circuits.pin import PIN
from mru_hw.circuits.signed_node import CANDIDATE, SIGNED
from mru_hw.circuits.window_comparator import WINDOW

NODES: dict[NodeKind, NodeCircuit] = {
    circuit.kind: circuit for circuit in (SIGNED, RECTIFIED, CANDIDATE, STATE, BIAS, PIN)
}
NODE_VIEWS = tuple(dict.fromkeys(circuit.view for circuit in NODES.values() if circuit.view))
"""Folders of ``circuits/`` that every chip's deck takes."""
UNITS: tuple[UnitCircuit, ...] = (LADDER, WINDOW, LOOP)


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
