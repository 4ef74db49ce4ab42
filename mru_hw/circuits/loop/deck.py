"""Loops in a deck: an instance each, and beside it the copy of a signed candidate's minus rail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mru_hw.circuits.nodes.deck import node_net, rail_nets
from mru_hw.circuits.statements import Cell, Element, Place, given, wide_name
from mru_hw.circuits.units import PlacedView, UnitView, unit_device, wide_cells, wide_unit


def loop_net(layer: int, k: int) -> str:
    """Return the net of a loop's own node, high where its bit is set."""
    return f"q{layer}_{k}"


def loop_nets(units: UnitView, k: int) -> tuple[str, ...]:
    """Return the net of the only cell of unit `k`."""
    return (loop_net(units.layer, k),)


def loop_cells(placed: PlacedView, units: UnitView, views: Mapping[str, Cell]) -> Iterator[Cell]:
    """Yield nothing but variants: a loop's subcircuit is its view."""
    signed = placed.node(units.candidate).circuit.splits
    yield from wide_cells(units, views, ("hysteretic_cell",), signed=signed)


def loop_elements(placed: PlacedView, units: UnitView) -> Iterator[Element]:
    """Yield the elements of each loop of a row."""
    i = units.layer
    c, h = placed.node(units.candidate), placed.node(units.state)
    model = wide_name("hysteretic_cell", wide_unit(units, signed=c.circuit.splits))
    for k in range(units.n_units):
        rails, q = rail_nets(c, k), loop_net(i, k)
        forces = ("vss", "rst_b") if units.initial[k] > 0 else ("rst", "vdd_memory")
        place = Place(owner=units.name, index=k, block="memory")
        yield Element(
            name=f"xu{i}_{k}",
            nets=(rails["source_plus"], q, "iref", *forces, node_net(h, k), "vdd_memory", "vss"),
            model=model,
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
                    values=given({"units": c.units * units.times(part.name)}),
                    place=place,
                )
