"""Loops in a deck: an instance each, and beside it the copy of a signed candidate's minus rail."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.circuits.nodes.deck import node_net, rail_nets
from mru_hw.circuits.statements import Cell, Element, Place, given
from mru_hw.circuits.units import PlacedView, UnitView, unit_device


def loop_net(layer: int, k: int) -> str:
    """Return the net of a loop's own node, high where its bit is set."""
    return f"q{layer}_{k}"


def loop_nets(units: UnitView, k: int) -> tuple[str, ...]:
    """Return the net of the only cell of unit `k`."""
    return (loop_net(units.layer, k),)


def no_cells(_: UnitView) -> tuple[Cell, ...]:
    """Return nothing: a loop's subcircuit is its view."""
    return ()


def loop_elements(placed: PlacedView, units: UnitView) -> Iterator[Element]:
    """Yield the elements of each loop of a row."""
    i = units.layer
    c, h = placed.node(units.candidate), placed.node(units.state)
    for k in range(units.n_units):
        rails, q = rail_nets(c, k), loop_net(i, k)
        forces = ("vss", "rst_b") if units.initial[k] > 0 else ("rst", "vdd_memory")
        place = Place(owner=units.name, index=k, block="memory")
        yield Element(
            name=f"xu{i}_{k}",
            nets=(rails["source_plus"], q, "iref", *forces, node_net(h, k), "vdd_memory", "vss"),
            model="hysteretic_cell",
            values=given(
                {
                    "units": c.units,
                    "hold": units.up_units[k],
                    "width": units.loop_width[k],
                    "gain": units.gain_units[k],
                }
            ),
            place=place,
        )
        for part in units.circuit.placed(signed=c.circuit.splits):
            if part.beside:
                yield Element(
                    name=unit_device(units, k, part),
                    nets=(q, rails[part.reads], "vss", "vss"),
                    model=part.device,
                    values=given({"units": c.units}),
                    place=place,
                )
