"""The chip as statements: a Design as hierarchical SPICE of process devices only.

The walk over the catalogue is here; each circuit's room makes its own statements. Instance names
are made from indices, never from text of a model, so no name can carry a simulator command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mru_hw.cells.wires import SPLIT_LINE, line_wires, net_wires
from mru_hw.circuits.base import NODE
from mru_hw.circuits.catalogue import NODE_VIEWS, UNIT_CIRCUITS
from mru_hw.circuits.ladder import deck as ladder
from mru_hw.circuits.legs.deck import leg_elements, leg_instance
from mru_hw.circuits.loop.deck import loop_net
from mru_hw.circuits.nodes.deck import (
    SPLIT_NET,
    node_cells,
    node_elements,
    node_instance,
    node_net,
    rail_nets,
)
from mru_hw.circuits.statements import (
    Blank,
    Cell,
    Comment,
    Element,
    Netlist,
    Place,
    Statement,
    Subckt,
    cells_of,
    given,
    rows,
)
from mru_hw.circuits.units import unit_device
from mru_hw.circuits.window.roles import COPIES
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.cells import CellKind
from mru_hw.mapping.design import Bank, Design
from mru_hw.spice.cells import view_statements
from mru_hw.spice.drive import drive_units
from mru_hw.spice.reader import read_statements
from mru_hw.spice.text import deck_text
from mru_hw.units import render
from mru_hw.version import __version__

__all__ = [
    "CHIP_CELL",
    "SPLIT_NET",
    "SUPPLIES",
    "chip_deck",
    "chip_netlist",
    "chip_pins",
    "chip_wires",
    "leg_instance",
    "loop_net",
    "node_instance",
    "node_net",
    "own_cells",
    "rail_nets",
    "refuse_without_circuit",
    "unit_device",
    "unit_name",
    "unit_subckt",
    "wire_notes",
]

SUPPLIES = ("vdd_mirror", "vdd_memory", "vdd_clock", "vdd_bias")
CHIP_CELL = "mru_chip"
"""Name of the chip's subcircuit."""


def refuse_without_circuit(design: Design) -> None:
    """Name what the netlist cannot hold yet.

    Raises
    ------
    UserError
        Loops whose thresholds come from the input, or a ladder or a window comparator with a
        rectified candidate.
    """
    for bank in design.banks:
        field = f"layers.{bank.layer}"
        if bank.threshold is not None and bank.window is None:
            raise UserError(
                f"{field}.threshold", "input", "fixed: an fq_bmru has no window comparator"
            )
        ladder = bank.cell is CellKind.CMRU or bank.window is not None
        if ladder and not design.node(bank.candidate).circuit.compared:
            raise UserError(
                f"{field}.rectify_candidate",
                Bare("true"),
                "false: ladders and window comparators read a signed candidate",
            )


def chip_pins(design: Design) -> list[str]:
    """List the chip's pins in the order of the subcircuit."""
    n_in, n_out = design.inputs.size, design.outputs.size
    phases = [f"phi{bank.layer}" for bank in design.strobed]
    return [
        *(f"x{k}" for k in range(n_in)),
        *(f"y{k}" for k in range(n_out)),
        *phases,
        "rst",
        "iref",
        *SUPPLIES,
        "vss",
    ]


def chip_netlist(design: Design) -> Netlist:
    """Return the whole chip: device classes, cells, units, network.

    Its elements are made anew at each walk, for a large chip has millions.

    Raises
    ------
    UserError
        When a part of the Design has no transistor circuit yet.
    """
    refuse_without_circuit(design)
    pins = tuple(chip_pins(design))
    head = Subckt(name=CHIP_CELL, pins=pins, values={}, breaks=rows(2, 2 + len(pins)))
    return Netlist(
        above=tuple(_above(design)), top=Cell(head=head, elements=_Elements(design=design))
    )


def chip_deck(design: Design) -> str:
    """Return the text of `chip_netlist`.

    Raises
    ------
    UserError
        When a part of the Design has no transistor circuit yet.
    """
    return deck_text(chip_netlist(design).statements())


def _above(design: Design) -> Iterator[Statement]:
    technology = design.technology
    for note in (
        f"mru_hw {__version__} chip, design {design.digest()}",
        f"technology {technology.name}, models {technology.models_hash()[:16]}",
        "made by mru-hw netlist; nothing here is ideal: process devices and capacitors only",
        *wire_notes(design),
    ):
        yield Comment(text=note)
    yield from read_statements(technology.devices_spice().splitlines())
    yield Blank()
    used = [bank.circuit for bank in design.banks]
    views = [*NODE_VIEWS, *(view for c in UNIT_CIRCUITS if c in used for view in c.views)]
    read: list[Statement] = []
    for view in dict.fromkeys(views):
        read += [*view_statements(view), Blank()]
    yield from read
    for cell in own_cells(design, cells_of(read)).values():
        yield from cell.statements()


def own_cells(design: Design, views: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return by name the subcircuits that a chip needs beside the views: units, and variants."""
    nodes = (node_cells(bus, views) for bus in design.buses.values())
    units = (bank.circuit.cells(design, bank, views) for bank in design.banks)
    return {cell.head.name: cell for made in (*nodes, *units) for cell in made}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elements:
    """The elements of a chip, at each walk anew."""

    design: Design

    def __iter__(self) -> Iterator[Element]:
        design = self.design
        for bus in design.buses.values():
            yield from node_elements(bus)
        for number, connection in enumerate(design.connections):
            source, target = (design.node(name) for name in connection.ends)
            yield from leg_elements(number, connection, source, target)
        for bank in design.banks:
            if bank.clocked:
                yield _driver(design, bank)
            yield from bank.circuit.elements(design, bank)
        yield from _wires(design)
        yield Element(
            name="xrst",
            nets=("rst", "rst_b", "vdd_clock", "vss"),
            model="inverter",
            values={},
            place=Place(owner=design.bias.name, index=None, block="clock"),
        )


def _driver(design: Design, bank: Bank) -> Element:
    i, (hold, step) = bank.layer, drive_units(design, bank)
    nets = (f"phi{i}", "rst_b", f"hd{i}", f"st{i}", "vdd_clock", "vss")
    return Element(
        name=f"xphi{i}",
        nets=nets,
        model="strobe_driver",
        values=given({"hold_drive": hold, "step_drive": step}),
        place=Place(owner=bank.name, index=None, block="clock"),
        breaks=(len(nets) + 2,),
    )


def unit_name(
    levels: int, initial: int, *, window: bool = False, cell: CellKind = CellKind.CMRU
) -> str:
    """Name the subcircuit of a CMRU unit with K levels each side, or of a BMRU, and its start."""
    n_cells = cell.memory.n_levels(levels) - 1
    return ladder.unit_name(levels, n_cells, initial, window=window)


def unit_subckt(
    levels: int, initial: int, *, window: bool = False, cell: CellKind = CellKind.CMRU
) -> str:
    """Write a unit by itself, for a bench: see `mru_hw.circuits.ladder.deck.unit_cell`."""
    n_cells = cell.memory.n_levels(levels) - 1
    copies = tuple(copy.name for copy in COPIES) if window else None
    return deck_text(ladder.unit_cell(levels, n_cells, initial, copies=copies).statements()).rstrip(
        "\n"
    )


def chip_wires(design: Design) -> dict[str, float]:
    """Return the capacitance [F] of the wires of each net of the chip that has any, by its name."""
    found: dict[str, float] = {}
    for (owner, role), farads in net_wires(design).items():
        for k, value in enumerate(farads.tolist()):
            found[_wire_net(design, owner, role, k)] = value
    for bank in design.strobed:
        found |= dict.fromkeys((f"hd{bank.layer}", f"st{bank.layer}"), line_wires(design, bank))
    return {net: value for net, value in found.items() if value > 0}


def _wire_net(design: Design, owner: str, role: str, k: int) -> str:
    if role == SPLIT_LINE:
        return SPLIT_NET
    if owner not in design.buses:
        bank = design.bank(owner)
        return bank.circuit.nets(bank, k)[0]
    bus = design.buses[owner]
    return node_net(bus, k) if role == NODE else rail_nets(bus, k)[role]


def wire_notes(design: Design) -> list[str]:
    """Return the notes that tell of the wires' capacitance; none where there is none."""
    farads = chip_wires(design)
    if not farads:
        return []
    total = render(sum(farads.values()), "F")
    return [f"wires: {design.wires}, {total} in all on {len(farads)} nets"]


def _wires(design: Design) -> Iterator[Element]:
    for net, farads in chip_wires(design).items():
        yield Element(name=f"cw_{net}", nets=(net, "vss"), model=f"{farads:.9g}", values={})
