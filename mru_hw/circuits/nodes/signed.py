"""The signed node: a class-AB splitter between two diodes, and copies of both polarities.

``i_plus - i_minus = i`` by Kirchhoff, ``i_plus i_minus = i_q^2`` by the splitter's translinear loop
(Gilbert, Electronics Letters 11(1), 1975). What flows in leaves through the source of one of two
transistors whose gates are fixed: the PMOS splitter passes a positive current on to an NMOS diode,
the NMOS splitter takes a negative one from a PMOS diode. Folder ``circuits/signed_node``; a
candidate, which comparators alone read, is its first half, ``signed_split``.
"""

from __future__ import annotations

from dataclasses import replace

from mru_hw.circuits.base import NODE, Carried, Line, NodeCircuit, NodeKind, NodeRole, NodeView


def _diode(node: NodeView) -> int:
    return node.units


def _split(node: NodeView) -> int:
    return node.split


PLUS, MINUS = ("plus", "n"), ("minus", "p")
"""The rails of the node's own diodes."""

_SPLITTER = (
    NodeRole(
        name="split_n",
        about="NMOS of a splitter: takes a node's negative current from the minus rail",
        device="n_mirror",
        path="xsn",
        units=_split,
        drains=(NODE, MINUS),
        line=Line.SPLITTERS,
        carried=Carried.REST,
    ),
    # Its gate is at ground.
    NodeRole(
        name="split_p",
        about="PMOS of a splitter: passes a node's positive current to the plus rail",
        device="p_split",
        path="xsp",
        units=_split,
        drains=(NODE, PLUS),
        carried=Carried.REST,
    ),
    NodeRole(
        name="diode_plus",
        about="diode that makes the plus rail",
        device="n_mirror",
        path="xdn",
        units=_diode,
        gate=PLUS,
        drains=(PLUS,),
    ),
    NodeRole(
        name="diode_minus",
        about="diode that makes the minus rail",
        device="p_mirror",
        path="xdp",
        units=_diode,
        gate=MINUS,
        drains=(MINUS,),
    ),
)

CANDIDATE = NodeCircuit(
    kind=NodeKind.CANDIDATE,
    subckt="signed_split",
    view="signed_node",
    roles=_SPLITTER,
    rails=(PLUS, MINUS),
    nets={"sink_plus": "{node}_np", "source_minus": "{node}_pm"},
    ports=("sink_plus", "source_minus"),
    parameters=("units", "split"),
    copied=False,
)

SIGNED = NodeCircuit(
    kind=NodeKind.SIGNED,
    subckt="signed_node",
    view="signed_node",
    roles=(
        *(replace(role, path=f"xsplit.{role.path}") for role in _SPLITTER),
        NodeRole(
            name="flip_plus",
            about="copy of the plus rail's current for its diode of the other polarity",
            device="n_mirror",
            path="xfn",
            units=_diode,
            gate=PLUS,
            drains=(("plus", "p"),),
        ),
        NodeRole(
            name="flip_plus_diode",
            about="diode of the plus rail's other polarity, fed by its copy",
            device="p_mirror",
            path="xfnd",
            units=_diode,
            gate=("plus", "p"),
            drains=(("plus", "p"),),
        ),
        NodeRole(
            name="flip_minus",
            about="copy of the minus rail's current for its diode of the other polarity",
            device="p_mirror",
            path="xfp",
            units=_diode,
            gate=MINUS,
            drains=(("minus", "n"),),
        ),
        NodeRole(
            name="flip_minus_diode",
            about="diode of the minus rail's other polarity, fed by its copy",
            device="n_mirror",
            path="xfpd",
            units=_diode,
            gate=("minus", "n"),
            drains=(("minus", "n"),),
        ),
    ),
    rails=(PLUS, ("plus", "p"), MINUS, ("minus", "n")),
    nets={
        "source_plus": "{node}_pp",
        "sink_plus": "{node}_np",
        "sink_minus": "{node}_nm",
        "source_minus": "{node}_pm",
    },
    ports=("sink_plus", "source_plus", "sink_minus", "source_minus"),
)
