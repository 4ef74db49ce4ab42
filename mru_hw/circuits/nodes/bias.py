"""The bias tree: the reference's diode, its PMOS copy, and the splitters' gate line.

The splitters' line is the gate of a replica (``split_n`` over ``split_p``) that carries what
`SPLIT_UNITS` of the PMOS rail's unit devices source, and so sets a splitter's quiescent current.
Folder ``circuits/bias_tree``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mru_hw.circuits.base import (
    SPLIT_UNITS,
    Array,
    Carried,
    DeviceView,
    Line,
    NodeCircuit,
    NodeKind,
    NodeRole,
)
from mru_hw.circuits.legs.leakage import bus_leak
from mru_hw.circuits.nodes.diode import diode_roles

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


class BiasedLegs(NamedTuple):
    """What devices on the bias rails carry over their share, leakage and all.

    Attributes
    ----------
    n, p
        NMOS and PMOS legs.
    flip
        The NMOS that feeds the PMOS rail's diode.
    """

    n: float
    p: float
    flip: float


def biased_legs(devices: DeviceView) -> BiasedLegs:
    """Return what the devices of a die's bias rails carry over their share."""
    leak = bus_leak(devices.calibration, devices.node("bias"))
    if not leak.legs:
        return BiasedLegs(1.0, 1.0, 1.0)
    direct, behind = leak.copied("plus", np.ones(1))
    return BiasedLegs(float(direct[0]), float(behind[0]), float(leak.passed("plus", direct)[0]))


def bias_rails(devices: DeviceView) -> tuple[Array, Array]:
    """Relative current (1,) of the bias tree's NMOS rail and of its PMOS rail."""
    rail_n = 1.0 / devices.factor("bias", "diode_plus", "n")
    copied = devices.factor("bias", "flip_plus", "n") * rail_n
    return rail_n, copied / devices.factor("bias", "flip_plus_diode", "p")
