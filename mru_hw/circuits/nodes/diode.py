"""Nodes of one diode: ``i_plus = max(i, 0)``, and a copy of it in the other polarity.

The rectifying node's diode is an NMOS (folder ``circuits/relu_node``), for it collects what legs
source; the state node's a PMOS (``circuits/state_node``), for it collects what the output legs of a
memory unit's cells sink.
"""

from __future__ import annotations

from mru_hw.circuits.base import NodeCircuit, NodeKind, NodeRole, NodeView, Rail


def _diode(node: NodeView) -> int:
    return node.units


def diode_roles(direct: Rail, copied: Rail) -> tuple[NodeRole, ...]:
    """Return the diode of a rail, and the copy of its current into the diode of another one."""
    own, other = (f"{polarity}_mirror" for _, polarity in (direct, copied))
    return (
        NodeRole(
            name="diode_plus",
            about="diode that makes the plus rail",
            device=own,
            path="xd",
            units=_diode,
            gate=direct,
            drains=(direct,),
        ),
        NodeRole(
            name="flip_plus",
            about="copy of the plus rail's current for its diode of the other polarity",
            device=own,
            path="xf",
            units=_diode,
            gate=direct,
            drains=(copied,),
        ),
        NodeRole(
            name="flip_plus_diode",
            about="diode of the plus rail's other polarity, fed by its copy",
            device=other,
            path="xfd",
            units=_diode,
            gate=copied,
            drains=(copied,),
        ),
    )


RECTIFIED = NodeCircuit(
    kind=NodeKind.RECTIFIED,
    subckt="relu_node",
    view="relu_node",
    roles=diode_roles(("plus", "n"), ("plus", "p")),
    rails=(("plus", "n"), ("plus", "p")),
    into="sink_plus",
    nets={"source_plus": "{node}_p", "sink_plus": "{node}"},
    ports=("source_plus",),
)

STATE = NodeCircuit(
    kind=NodeKind.STATE,
    subckt="state_node",
    view="state_node",
    roles=diode_roles(("plus", "p"), ("plus", "n")),
    rails=(("plus", "p"), ("plus", "n")),
    into="source_plus",
    nets={"source_plus": "{node}", "sink_plus": "{node}_n"},
    ports=("sink_plus",),
)
