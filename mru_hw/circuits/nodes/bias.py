"""The bias tree: the reference's diode, its PMOS copy, and the splitters' gate line.

The splitters' line is the gate of a replica (``split_n`` over ``split_p``) that carries what a few
of the PMOS rail's unit devices source (`NodeView.rest_units`), and so sets a splitter's quiescent
current. Folder ``circuits/bias_tree``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mru_hw.circuits.base import (
    Array,
    Carried,
    DeviceView,
    Line,
    NodeCircuit,
    NodeKind,
    NodeRole,
    NodeView,
)
from mru_hw.circuits.factors import node_factor
from mru_hw.circuits.legs.gains import node_flip
from mru_hw.circuits.legs.leakage import bus_leak
from mru_hw.circuits.nodes.diode import diode_roles
from mru_hw.technology.calibration import Calibration

RAILS = (("plus", "n"), ("plus", "p"))

VIEW_REST_UNITS = 2
"""`NodeView.rest_units` of the cell view, with which calibrations are measured."""

SPLIT_SOURCE = NodeRole(
    name="split_source",
    about="leg of the bias rail that feeds the splitters' gate line",
    device="p_mirror",
    path="xq0",
    units=lambda node: node.rest_units,
    line=Line.RAIL,
)

BIAS = NodeCircuit(
    kind=NodeKind.BIAS,
    subckt="bias_tree",
    view="bias_tree",
    roles=(
        *(replace(role, line=Line.RAIL) for role in diode_roles(*RAILS)),
        SPLIT_SOURCE,
        NodeRole(
            name="split_n",
            about="NMOS of the replica of a splitter that makes the splitters' gate line",
            device="n_mirror",
            path="xq1",
            units=lambda _: 1,
            line=Line.SPLITTERS,
            carried=Carried.REST,
        ),
        NodeRole(
            name="split_p",
            about="PMOS of the replica of a splitter that makes the splitters' gate line",
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
    leak = bus_leak(devices.calibration, devices.bias)
    if not leak.legs:
        return BiasedLegs(1.0, 1.0, 1.0)
    direct, behind = leak.copied("plus", np.ones(1))
    return BiasedLegs(float(direct[0]), float(behind[0]), float(leak.passed("plus", direct)[0]))


def bias_rails(devices: DeviceView) -> tuple[Array, Array]:
    """Relative current (1,) of the bias tree's NMOS rail and of its PMOS rail."""
    bias, circuit = devices.bias, devices.bias.circuit
    direct, passed = RAILS
    rail_n = (1.0 + devices.reference) / node_factor(devices, bias, circuit.diodes(direct))
    copied = node_factor(devices, bias, circuit.copies("plus")) * rail_n
    return rail_n, copied / node_factor(devices, bias, circuit.diodes(passed))


def rest_current(calibration: Calibration, row: NodeView, i_lsb: float) -> float:
    """Return what each rail of a row's splitting nodes carries at rest [A], without mismatch.

    `Calibration.rest` was measured at two unit devices of the bias rail. It goes by the voltage
    that they leave the splitters' gate line, so it is read where as much flows through it.

    Parameters
    ----------
    i_lsb
        Current [A] of one unit device of the bias rail.
    """
    measured_at = i_lsb * row.rest_units / VIEW_REST_UNITS
    return row.rest_units * i_lsb * row.split * calibration.rest_gain(measured_at)


def bias_supply(devices: DeviceView) -> Array:
    """Supply current [A]: the reference itself, the PMOS rail's diode, the splitters' chain."""
    bias = devices.bias
    rail_n, rail_p = bias_rails(devices)
    legs = biased_legs(devices)
    copied = node_factor(devices, bias, bias.circuit.copies("plus")) * rail_n * legs.flip
    gain = node_flip(devices.calibration, bias, "plus")
    source = (node_factor(devices, bias, (SPLIT_SOURCE,)) * rail_p)[..., 0] * legs.p
    both = (1.0 + devices.reference + copied * gain)[..., 0]
    tree: Array = bias.scale * both + bias.rest_units * devices.i_lsb * gain * source
    return tree


def split_line(devices: DeviceView) -> tuple[Array, Array]:
    """Return relative currents (1,) of the splitters' gate line.

    Returns
    -------
    source, replica
        Of what the PMOS rail sources into the replica of a splitter, and of the replica's devices:
        their product.
    """
    bias, circuit = devices.bias, devices.bias.circuit
    direct, passed = RAILS
    copied = node_factor(devices, bias, circuit.copies("plus"))
    copied = copied * (1.0 + devices.reference)
    copied = copied / node_factor(devices, bias, circuit.diodes(direct))
    source = node_factor(devices, bias, (SPLIT_SOURCE,))
    source = source / node_factor(devices, bias, circuit.diodes(passed)) * copied
    return source, splitter_factor(devices, bias)


def splitter_factor(devices: DeviceView, row: NodeView) -> Array:
    """Return the product (n_nodes,) of the relative currents of a splitter's devices."""
    own: Array = np.ones(1)
    for part in row.circuit.splitters:
        own = own * node_factor(devices, row, (part,))
    return own
