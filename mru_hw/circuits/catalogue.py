"""All circuits, by what a Design calls them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from mru_hw.circuits.base import NodeCircuit, NodeKind, NodeRole
from mru_hw.circuits.ladder.circuit import LADDER
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.circuits.loop.circuit import LOOP
from mru_hw.circuits.nodes.bias import BIAS
from mru_hw.circuits.nodes.diode import RECTIFIED, STATE
from mru_hw.circuits.nodes.pin import PIN
from mru_hw.circuits.nodes.signed import CANDIDATE, SIGNED
from mru_hw.circuits.units import UnitCircuit, UnitRole
from mru_hw.circuits.views import view_text
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


def fingerprint(circuits: Iterable[NodeCircuit | UnitCircuit]) -> str:
    """Return what makes circuits what they are, as text to be hashed: roles, nets, cell views.

    What their unit devices are a Design says, and laws are no part of a circuit: a law that is
    mended tells more of the same chip, and so does what may fail in it (fields without a repr).
    """
    lines = []
    for circuit in circuits:
        views = [circuit.view] if isinstance(circuit, NodeCircuit) else circuit.views
        lines += [_stated(circuit), *(view_text(name) for name in views if name)]
    return "\n".join(lines)


def _stated(thing: NodeCircuit | UnitCircuit | NodeRole | UnitRole) -> str:
    """Return the fields that are no functions, roles among them, by their names."""
    values = {entry.name: getattr(thing, entry.name) for entry in fields(thing) if entry.repr}
    if "roles" in values:
        values["roles"] = [_stated(role) for role in values["roles"]]
    return repr({name: value for name, value in values.items() if not callable(value)})


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
