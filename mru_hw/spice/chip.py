"""The chip's deck: a Design as hierarchical SPICE of process devices only.

Instance names are made from indices, never from text of a model, so no name can carry a
simulator command.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np

from mru_hw.cells.wires import SPLIT_LINE, line_wires, net_wires
from mru_hw.circuits.base import NODE, NodeKind
from mru_hw.circuits.catalogue import NODE_VIEWS, UNIT_CIRCUITS
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.circuits.units import UnitRole
from mru_hw.circuits.window.roles import COPIES
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.cells import CellKind
from mru_hw.mapping.design import Bank, Bus, Connection, Design
from mru_hw.spice.cells import cell_views
from mru_hw.spice.drive import drive_units
from mru_hw.units import render
from mru_hw.version import __version__

LEG_CODES = {leg.role: leg.code for leg in LEGS}
SPLIT_NET = "q_n"
SUPPLIES = ("vdd_mirror", "vdd_memory", "vdd_clock", "vdd_bias")


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
        kind = design.buses[bank.candidate].kind
        ladder = bank.cell is CellKind.CMRU or bank.window is not None
        if ladder and kind is not NodeKind.CANDIDATE:
            raise UserError(
                f"{field}.rectify_candidate",
                Bare("true"),
                "false: ladders and window comparators read a signed candidate",
            )


def clocked_banks(design: Design) -> list[Bank]:
    """List the banks that a phase strobes. Loops follow their candidates."""
    return [bank for bank in design.banks if bank.clocked]


def all_clocked(design: Design) -> bool:
    """Whether every layer waits for a strobe."""
    return len(clocked_banks(design)) == len(design.banks)


def chip_pins(design: Design) -> list[str]:
    """List the chip's pins in the order of the subcircuit."""
    n_in, n_out = design.buses["x"].size, design.buses["y"].size
    phases = [f"phi{bank.layer}" for bank in clocked_banks(design)]
    return [
        *(f"x{k}" for k in range(n_in)),
        *(f"y{k}" for k in range(n_out)),
        *phases,
        "rst",
        "iref",
        *SUPPLIES,
        "vss",
    ]


def chip_deck(design: Design) -> str:
    """Return the deck of the whole chip: device classes, cells, ladders, network.

    Raises
    ------
    UserError
        When a part of the Design has no transistor circuit yet.
    """
    refuse_without_circuit(design)
    clocked = clocked_banks(design)
    variants = {
        (bank.levels, int(s), bank.window is not None, bank.cell): None
        for bank in clocked
        for s in np.unique(bank.initial)
    }
    used = [bank.circuit for bank in design.banks]
    views = [*NODE_VIEWS, *(view for c in UNIT_CIRCUITS if c in used for view in c.views)]
    lines = [
        f"* mru_hw {__version__} chip, design {design.digest()}",
        f"* technology {design.technology.name}, models {design.technology.models_hash()[:16]}",
        "* made by mru-hw netlist; nothing here is ideal: process devices and capacitors only",
        *wire_notes(design),
        design.technology.devices_spice(),
        cell_views(dict.fromkeys(views)),
        *(
            unit_subckt(levels, initial, window=window, cell=cell)
            for levels, initial, window, cell in variants
        ),
        ".subckt mru_chip",
        *_continued(chip_pins(design)),
    ]
    for bus in design.buses.values():
        lines += _bus_lines(bus)
    for index, connection in enumerate(design.connections):
        lines += _leg_lines(index, connection, design.buses)
    for bank in design.banks:
        if bank.clocked:
            lines += _driver_lines(design, bank)
        lines += (_bank_lines if bank.clocked else _loop_lines)(bank, design.buses)
    lines += _wire_lines(design)
    lines += ["xrst rst rst_b vdd_clock vss inverter", ".ends", ""]
    return "\n".join(lines)


def _continued(words: list[str], width: int = 12) -> list[str]:
    return ["+ " + " ".join(words[i : i + width]) for i in range(0, len(words), width)]


def _wrapped(line: str, width: int = 110) -> list[str]:
    return textwrap.wrap(line, width, subsequent_indent="+ ", break_on_hyphens=False)


def unit_name(
    levels: int, initial: int, *, window: bool = False, cell: CellKind = CellKind.CMRU
) -> str:
    """Name the subcircuit of a CMRU unit with K levels each side, or of a BMRU, and its start."""
    kind = f"cmru_unit_k{levels}" if cell is CellKind.CMRU else "bmru_unit"
    start = f"{'m' if initial < 0 else ''}{abs(initial)}"
    return f"{kind}_s{start}{'_window' if window else ''}"


def unit_subckt(
    levels: int, initial: int, *, window: bool = False, cell: CellKind = CellKind.CMRU
) -> str:
    """Write a unit: step control and 2K ladder cells or a BMRU's one, strapped to its start.

    With a `window` its threshold comes from four rails instead of two bias legs.
    """
    name = unit_name(levels, initial, window=window, cell=cell)
    n = 2 * levels if cell is CellKind.CMRU else 1
    control, rails, sizes = "step_control", "n_plus p_minus", {"up": 64, "down": 64}
    compared = f"{rails} n p"
    if window:
        control, sizes = "window_comparator", dict.fromkeys((copy.name for copy in COPIES), 64)
        rails += " b_n_plus b_p_plus b_n_minus b_p_minus"
        compared = rails
    given = " ".join(f"{key}={{{key}}}" for key in ("units", *sizes))
    lines = [
        *_wrapped(f".subckt {name} {rails} out n p hd st rst rst_b vdd vss"),
        f"+ units=32 {' '.join(f'{key}={units}' for key, units in sizes.items())}"
        " hold=16 width=32 gain=32",
        "xtap hd hdb st stb vdd vss phase_tap",
        *_wrapped(f"xstep {compared} st stb gs gr vdd vss {control} {given}"),
    ]
    for k in range(1, n + 1):
        below = "vdd" if k == 1 else f"h{k - 1}"
        above = "vss" if k == n else f"h{k + 1}"
        forces = "vss rst_b" if 2 * levels * k <= n * (levels + initial) else "rst vdd"
        lines.append(
            f"xc{k} v{k} h{k} {below} {above} gs gr hd hdb st stb {forces} out n vdd vss"
            " ladder_cell hold={hold} width={width} gain={gain}"
        )
    return "\n".join([*lines, ".ends"])


def rail_nets(bus: Bus, k: int) -> dict[str, str]:
    """Return the gate nets that copy node `k` of a bus, by what a leg does with its current."""
    node = f"{bus.name}_{k}"
    return {role: net.format(node=node) for role, net in bus.circuit.nets.items()}


def node_net(bus: Bus, k: int) -> str:
    """Return the net that legs into node `k` of a bus drive."""
    return f"{bus.name}{k}" if bus.name in ("x", "y") else f"{bus.name}_{k}"


def node_instance(bus: Bus, k: int) -> str:
    """Name the instance of node `k` of a bus; of the bias tree there is one."""
    return f"x{bus.name}" if bus.kind is NodeKind.BIAS else f"x{bus.name}_{k}"


def _bus_lines(bus: Bus) -> Iterator[str]:
    circuit = bus.circuit
    given = " ".join(f"{name}={getattr(bus, name)}" for name in circuit.parameters)
    supply = "vdd_bias vss" if bus.kind is NodeKind.BIAS else "vdd_mirror vss"
    for k in range(bus.size if circuit.subckt else 0):
        nets = rail_nets(bus, k)
        ports = [
            *([node_net(bus, k)] if circuit.own_net else []),
            *(nets[r] for r in circuit.ports),
        ]
        ports += [SPLIT_NET] if circuit.on_split_line else []
        yield f"{node_instance(bus, k)} {' '.join(ports)} {supply} {circuit.subckt} {given}"


def leg_instance(connection_index: int, role: str, row: int, column: int) -> str:
    """Name the instance of one mirror leg."""
    return f"xw{connection_index}{LEG_CODES[role]}_{row}_{column}"


def unit_device(bank: Bank, k: int, part: UnitRole, cell: int = 0) -> str:
    """Name a device of unit `k` of a bank, in one of its cells, by instances below the chip."""
    if part.beside:
        return f"{part.beside}{bank.layer}_{k}"
    return f"xu{bank.layer}_{k}.{part.path.format(cell=cell + 1)}"


def _leg_lines(index: int, connection: Connection, buses: dict[str, Bus]) -> Iterator[str]:
    source, target = (buses[name] for name in connection.ends)
    supply = "vdd_bias" if source.kind is NodeKind.BIAS else "vdd_mirror"
    for leg, units in connection.legs():
        bulk = supply if leg.device == "p_mirror" else "vss"
        for row, column in np.argwhere(units):
            name = leg_instance(index, leg.role, int(row), int(column))
            gate = rail_nets(source, int(column))[leg.role]
            node = node_net(target, int(row))
            yield f"{name} {node} {gate} {bulk} {bulk} {leg.device} units={units[row, column]}"


def _driver_lines(design: Design, bank: Bank) -> Iterator[str]:
    i, (hold, step) = bank.layer, drive_units(design, bank)
    yield f"xphi{i} phi{i} rst_b hd{i} st{i} vdd_clock vss strobe_driver"
    yield f"+ hold_drive={hold} step_drive={step}"


def _bank_lines(bank: Bank, buses: dict[str, Bus]) -> Iterator[str]:
    i = bank.layer
    c, h = buses[bank.candidate], buses[bank.state]
    for k in range(bank.n_units):
        name = unit_name(
            bank.levels, int(bank.initial[k]), window=bank.window is not None, cell=bank.cell
        )
        yield (
            f"xu{i}_{k} {_compared_nets(c, k)}{_threshold_nets(bank, buses, k)} {node_net(h, k)}"
            f" iref bias_p hd{i} st{i} rst rst_b vdd_memory vss {name}"
        )
        sizes = bank.window or {"up": bank.up_units[k], "down": bank.down_units[k]}
        yield (
            f"+ units={c.units} {' '.join(f'{key}={units}' for key, units in sizes.items())}"
            f" hold={bank.hold_units} width={bank.width_units}"
            f" gain={bank.gain_units[k]}"
        )


def _compared_nets(candidate: Bus, k: int) -> str:
    """Return the rails of candidate k that its comparators copy.

    A rectified one has no minus rail: nothing takes its unit down, as in software.
    """
    nets = rail_nets(candidate, k)
    return f"{nets['sink_plus']} {nets.get('source_minus', 'vdd_memory')}"


def _threshold_nets(bank: Bank, buses: dict[str, Bus], k: int) -> str:
    """Return the rails of unit k's threshold node as a unit with a window takes them."""
    if bank.threshold is None:
        return ""
    rails = rail_nets(buses[bank.threshold], k)
    order = ("sink_plus", "source_plus", "sink_minus", "source_minus")
    return "".join(f" {rails[role]}" for role in order)


def loop_net(layer: int, k: int) -> str:
    """Return the net of a loop's own node, high where its bit is set."""
    return f"q{layer}_{k}"


def _loop_lines(bank: Bank, buses: dict[str, Bus]) -> Iterator[str]:
    i = bank.layer
    c, h = buses[bank.candidate], buses[bank.state]
    for k in range(bank.n_units):
        rails, q = rail_nets(c, k), loop_net(i, k)
        forces = "vss rst_b" if bank.initial[k] > 0 else "rst vdd_memory"
        yield (
            f"xu{i}_{k} {rails['source_plus']} {q} iref {forces} {node_net(h, k)} vdd_memory vss"
            f" hysteretic_cell units={c.units} hold={bank.up_units[k]}"
            f" width={bank.loop_width[k]} gain={bank.gain_units[k]}"
        )
        for part in bank.circuit.placed(signed=c.circuit.splits):
            if part.beside:
                name = unit_device(bank, k, part)
                yield f"{name} {q} {rails[part.reads]} vss vss {part.device} units={c.units}"


def chip_wires(design: Design) -> dict[str, float]:
    """Return the capacitance [F] of the wires of each net of the chip that has any, by its name."""
    found: dict[str, float] = {}
    for (owner, role), farads in net_wires(design).items():
        for k, value in enumerate(farads.tolist()):
            found[_wire_net(design, owner, role, k)] = value
    for bank in clocked_banks(design):
        found |= dict.fromkeys((f"hd{bank.layer}", f"st{bank.layer}"), line_wires(design, bank))
    return {net: value for net, value in found.items() if value > 0}


def _wire_net(design: Design, owner: str, role: str, k: int) -> str:
    if role == SPLIT_LINE:
        return SPLIT_NET
    if owner not in design.buses:
        return loop_net(design.bank(owner).layer, k)
    bus = design.buses[owner]
    return node_net(bus, k) if role == NODE else rail_nets(bus, k)[role]


def wire_notes(design: Design) -> list[str]:
    """Return the comment lines that tell of the wires' capacitance; none where there is none."""
    farads = chip_wires(design)
    if not farads:
        return []
    total = render(sum(farads.values()), "F")
    return [f"* wires: {design.wires}, {total} in all on {len(farads)} nets"]


def _wire_lines(design: Design) -> Iterator[str]:
    for net, farads in chip_wires(design).items():
        yield f"cw_{net} {net} vss {farads:.9g}"
