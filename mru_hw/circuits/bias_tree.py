"""The bias tree: the reference's diode, its PMOS copy, and the splitters' gate line.

The splitters' line is the gate of a replica (``split_n`` over ``split_p``) that carries what
`SPLIT_UNITS` of the PMOS rail's unit devices source, and so sets a splitter's quiescent current.
Folder ``circuits/bias_tree``.
"""

from __future__ import annotations

from dataclasses import replace

from mru_hw.circuits.base import SPLIT_UNITS, Carried, Line, NodeCircuit, NodeKind, NodeRole
from mru_hw.circuits.diode_nodes import diode_roles

RAILS = (("plus", "n"), ("plus", "p"))

BIAS = NodeCircuit(
    kind=NodeKind.BIAS,
    subckt="bias_tree",
    view="bias_tree",
    roles=(
        *(replace(role, line=Line.RAIL) for role in diode_roles(*RAILS)),
        NodeRole(
            name="split_source",
            device="p_mirror",
            path="xq0",
            units=lambda _: SPLIT_UNITS,
            line=Line.RAIL,
        ),
        NodeRole(
            name="split_n",
            device="n_mirror",
            path="xq1",
            units=lambda _: 1,
            line=Line.SPLITTERS,
            carried=Carried.REST,
        ),
        NodeRole(
            name="split_p",
            device="p_split",
            path="xq2",
            units=lambda _: 1,
            carried=Carried.REST,
        ),
    ),
    rails=RAILS,
    nets={"source_plus": "bias_p", "sink_plus": "iref"},
    ports=("sink_plus", "source_plus"),
    own_net=False,
    moves=False,
)
