"""Nodes in a deck: their nets, and the instance of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mru_hw.circuits.base import NodeView
from mru_hw.circuits.nodes.bias import SPLIT_SOURCE, VIEW_REST_UNITS
from mru_hw.circuits.statements import (
    Cell,
    Element,
    Place,
    given,
    resized,
    wide_label,
    wide_name,
    widened,
)

SPLIT_NET = "q_n"
"""The splitters' gate line."""


def rail_nets(bus: NodeView, k: int) -> dict[str, str]:
    """Return the gate nets that copy node `k` of a row, by what a leg does with its current."""
    node = f"{bus.name}_{k}"
    return {role: net.format(node=node) for role, net in bus.circuit.nets.items()}


def node_net(bus: NodeView, k: int) -> str:
    """Return the net that legs into node `k` of a row drive."""
    return f"{bus.name}{k}" if bus.at_pins else f"{bus.name}_{k}"


def node_instance(bus: NodeView, k: int) -> str:
    """Name the instance of node `k` of a row; of the bias tree there is one."""
    return f"x{bus.name}_{k}" if bus.circuit.moves else f"x{bus.name}"


def block(bus: NodeView) -> str:
    """Name the part of the chip whose supply a row's nodes, and the legs that read it, take."""
    return "mirror" if bus.circuit.moves else "bias"


def wide_node(bus: NodeView) -> dict[str, int]:
    """Return by role how many times their unit devices the devices of a row's nodes have."""
    times = {part.name: bus.times(part.name) for part in bus.circuit.roles}
    return {role: factor for role, factor in times.items() if factor > 1}


def node_cells(bus: NodeView, cells: Mapping[str, Cell]) -> Iterator[Cell]:
    """Yield the subcircuits that a row needs beside its view: resized and multiplied devices."""
    name = _resized(bus)
    if name != bus.circuit.subckt:
        path = SPLIT_SOURCE.path
        cell = resized(cells[bus.circuit.subckt], name, {path: bus.rest_units})
        cells = {**cells, name: cell}
        yield cell
    if wide := wide_node(bus):
        paths = {bus.circuit.role(role).path: factor for role, factor in wide.items()}
        yield from widened(cells, name, paths, wide_label(wide))


def _resized(bus: NodeView) -> str:
    """Name a row's subcircuit; the bias tree's has its own name where its splitters' line does."""
    own = SPLIT_SOURCE in bus.circuit.roles and bus.rest_units != VIEW_REST_UNITS
    return f"{bus.circuit.subckt}_rest_{bus.rest_units}" if own else bus.circuit.subckt


def node_elements(bus: NodeView) -> Iterator[Element]:
    """Yield the instance of each node of a row; a pin has none."""
    circuit = bus.circuit
    if not circuit.subckt:
        return
    values = given({name: getattr(bus, name) for name in circuit.parameters})
    supply = f"vdd_{block(bus)}"
    model = wide_name(_resized(bus), wide_node(bus))
    for k in range(bus.size):
        nets = rail_nets(bus, k)
        own = [node_net(bus, k)] if circuit.own_net else []
        line = [SPLIT_NET] if circuit.on_split_line else []
        yield Element(
            name=node_instance(bus, k),
            nets=(*own, *(nets[role] for role in circuit.ports), *line, supply, "vss"),
            model=model,
            values=values,
            place=Place(owner=bus.name, index=k, block=block(bus)),
        )
