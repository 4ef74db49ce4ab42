"""The Design: what the netlist, the behavioral array and the energy census read.

A Design is a graph of current-mode nodes. A *bus* is a row of like nodes (the input pins, hidden
signals, candidates, states, outputs); a *connection* is a matrix of mirror legs from one bus to
another; a *bank* is a layer's memory units. Nothing else draws current or carries signal.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.cells import CLOCKED, CellKind
from mru_hw.mapping.options import DEFAULTS, DesignOptions
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.model.memory import LevelCell
from mru_hw.model.structure import ModelSpec
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions

IntArray = NDArray[np.int64]

SPLIT_UNITS = 2
"""Unit devices of the bias rail that set a splitter's quiescent current (circuits/bias_tree)."""


class NodeKind(enum.StrEnum):
    """Circuit of a bus's nodes."""

    SIGNED = "signed"  # class-AB splitter, both rails, copies of both signs
    RECTIFIED = "rectified"  # diode: max(i, 0)
    CANDIDATE = "candidate"  # class-AB splitter, read by the comparators only
    STATE = "state"  # collects the output legs of a memory unit's cells
    BIAS = "bias"  # the reference rail
    PIN = "pin"  # an output current of the chip


SPLITTERS = (NodeKind.SIGNED, NodeKind.CANDIDATE)  # nodes with two rails


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """A row of like nodes.

    Attributes
    ----------
    scale
        Current [A] that stands for 1.0 of the network's own units.
    units
        Unit devices of each node's diode; a leg of m units copies m/units of its current.
    usual
        Current [A] that these diodes usually carry: gains and node voltages are taken there.
    split
        Unit devices of each of a class-AB node's two splitters.
    mean, deviation
        Of what usually flows into each node, in the network's own units: where weights are read.
    """

    name: str
    kind: NodeKind
    size: int
    scale: float
    units: int
    usual: float
    split: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def i_device(self) -> float:
        """Current [A] of one unit device of a diode at the usual current."""
        return self.usual / self.units


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A matrix of mirror legs.

    Attributes
    ----------
    parameter
        Tensor of the model that it realises (``layers.0.candidate.weight``).
    plus, minus
        Unit devices (n_target, n_source) of the legs that copy the source's plus and minus rail;
        the sign is the weight's. 0 is no leg. The two differ where their mirror chains' gains do.
    both
        Whether signed values are multiplied, so that legs copy both rails; else minus has zeros.
    """

    parameter: str
    source: str
    target: str
    plus: IntArray
    minus: IntArray
    both: bool

    def without(self, row: int, column: int) -> Connection:
        """Return the connection with the legs of one element left out."""
        plus, minus = self.plus.copy(), self.minus.copy()
        plus[row, column] = minus[row, column] = 0
        return dataclasses.replace(self, plus=plus, minus=minus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """The memory units of one layer; all currents in units of the bias rail's unit device.

    Attributes
    ----------
    candidate, state
        Names of the buses that it reads and drives.
    threshold
        Name of the bus that carries an input-dependent threshold, or none.
    levels
        K of a CMRU; 1 for the bits of BMRU and FQ-BMRU.
    up_units, down_units
        Thresholds (n_units,) of a step up and down; zeros of a window comparator. In a loop
        I_thresh, and what I_width leaves of it: its edges but for `mru_hw.mapping.edges`.
    gain_units
        Output current of one set cell (n_units,).
    initial
        Initial state in levels (n_units,), as the model gives it.
    hold_units, width_units
        Inside every ladder cell.
    window
        Unit devices of a window comparator's copies, by role (`WINDOW_COPIES`), of clocked units
        whose threshold comes from the input.
    """

    layer: int
    cell: CellKind
    candidate: str
    state: str
    threshold: str | None
    levels: int
    up_units: IntArray
    down_units: IntArray
    gain_units: IntArray
    initial: IntArray
    hold_units: int
    width_units: int
    window: Mapping[str, int] | None = None

    @property
    def n_cells(self) -> int:
        """Hysteretic cells of one unit."""
        return self.memory.n_levels(self.levels) - 1

    @property
    def memory(self) -> LevelCell:
        """What its units do, in software."""
        return self.cell.memory

    @property
    def clocked(self) -> bool:
        """Whether a strobe moves its units."""
        return self.cell in CLOCKED

    @property
    def lowest(self) -> int:
        """Level of a unit whose cells are all clear."""
        return self.memory.lowest(self.levels)

    @property
    def loop_width(self) -> IntArray:
        """I_width (n_units,) of a nine-transistor loop."""
        return self.up_units - self.down_units

    @property
    def cell_width(self) -> IntArray:
        """I_width (n_units,) of each cell, of a ladder's or a loop."""
        return np.full(self.n_units, self.width_units) if self.clocked else self.loop_width

    @property
    def n_units(self) -> int:
        """Memory units."""
        return len(self.gain_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When things happen inside a frame, in seconds from its start.

    Attributes
    ----------
    strobes
        When each layer takes its new states; one of loops follows its candidates as they come.
    """

    frame: float
    strobes: tuple[float, ...]
    pulse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceGroup:
    """Like devices of the Design: what a die draws and a netlist places.

    Attributes
    ----------
    key
        ``(owner, role)``: a bus, a bank or a connection, and the device's part in it.
    device
        Device class of the technology.
    units
        Unit devices in parallel, with the group's shape; 0 is no device.
    """

    key: tuple[str, str]
    device: str
    units: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A network as hardware; see the module's docstring.

    Attributes
    ----------
    spec, options, wires
        Structure of the network that it realises, what the designer chose, and what capacitance
        its nets' wires are taken to have.
    compensated
        The conditions that its ratios are compensated for.
    """

    spec: ModelSpec
    technology: Technology
    compensated: Conditions
    buses: dict[str, Bus]
    connections: tuple[Connection, ...]
    banks: tuple[Bank, ...]
    timing: Timing
    wires: WireLoad = NO_WIRES
    options: DesignOptions = DEFAULTS

    @property
    def i_unit(self) -> float:
        """Current [A] that stands for 1.0 by default."""
        return self.options.i_unit

    @property
    def i_lsb(self) -> float:
        """Current [A] of one unit device of the bias rail."""
        return self.options.i_lsb

    def without(self, parameter: str, row: int, column: int) -> Design:
        """Return the Design with one element of one connection left out."""
        if parameter not in {c.parameter for c in self.connections}:
            raise KeyError(parameter)
        connections = tuple(
            c.without(row, column) if c.parameter == parameter else c for c in self.connections
        )
        return dataclasses.replace(self, connections=connections)

    def digest(self) -> str:
        """Return a short hash of all that makes the circuit.

        Where a network came from does not, nor do the spreads from die to die.
        """
        sha = hashlib.sha256(self.spec.model_dump_json(exclude={"metrics", "provenance"}).encode())
        sha.update(self.technology.model_dump_json(exclude={"sources", "process"}).encode())
        sha.update(self.technology.models_hash().encode())
        settings = (self.i_unit, self.i_lsb, self.compensated, self.timing, self.buses)
        wires = repr(self.wires) if self.wires else ""
        sha.update(f"{settings!r}{wires}{self.options.chosen()}".encode())
        parts: tuple[Connection | Bank, ...] = (*self.connections, *self.banks)
        for part in parts:
            for entry in dataclasses.fields(part):
                value = getattr(part, entry.name)
                whole = isinstance(value, np.ndarray)
                sha.update(value.tobytes() if whole else f"{entry.name}={value!r};".encode())
        return sha.hexdigest()[:16]

    @property
    def loops_only(self) -> bool:
        """Whether no layer has a ladder: no condition at which ladders fail is refused then."""
        return not any(bank.clocked for bank in self.banks)

    def device_groups(self) -> Iterator[DeviceGroup]:
        """List every transistor that carries a signal or bias current, group by group.

        Switches and logic are not listed: they pass or block, so their mismatch moves no current.
        """
        for bus in self.buses.values():
            yield from _bus_devices(bus)
        for connection in self.connections:
            yield from _leg_devices(connection)
        for bank in self.banks:
            yield from _bank_devices(bank, self.buses[bank.candidate])


def _bus_devices(bus: Bus) -> Iterator[DeviceGroup]:
    full, one, split = (np.full(bus.size, n, dtype=np.int64) for n in (bus.units, 1, bus.split))
    roles: dict[NodeKind, tuple[tuple[str, str, IntArray], ...]] = {
        NodeKind.CANDIDATE: (
            ("split_n", "n_mirror", split),
            ("split_p", "p_split", split),
            ("diode_plus", "n_mirror", full),
            ("diode_minus", "p_mirror", full),
        ),
        NodeKind.RECTIFIED: (
            ("diode_plus", "n_mirror", full),
            ("flip_plus", "n_mirror", full),
            ("flip_plus_diode", "p_mirror", full),
        ),
        NodeKind.STATE: (
            ("diode_plus", "p_mirror", full),
            ("flip_plus", "p_mirror", full),
            ("flip_plus_diode", "n_mirror", full),
        ),
        NodeKind.PIN: (),
    }
    roles[NodeKind.SIGNED] = (
        *roles[NodeKind.CANDIDATE],
        ("flip_plus", "n_mirror", full),
        ("flip_plus_diode", "p_mirror", full),
        ("flip_minus", "p_mirror", full),
        ("flip_minus_diode", "n_mirror", full),
    )
    roles[NodeKind.BIAS] = (
        *roles[NodeKind.RECTIFIED],
        ("split_source", "p_mirror", SPLIT_UNITS * one),
        ("split_n", "n_mirror", one),
        ("split_p", "p_split", one),
    )
    for role, device, units in roles[bus.kind]:
        yield DeviceGroup(key=(bus.name, role), device=device, units=units)


# What a leg of a weight's sign does with the current of its source's rail, and with which device.
LEGS: tuple[tuple[str, str, int, str], ...] = (
    ("source_plus", "plus", +1, "p_mirror"),
    ("sink_plus", "plus", -1, "n_mirror"),
    ("sink_minus", "minus", +1, "n_mirror"),
    ("source_minus", "minus", -1, "p_mirror"),
)


def leg_units(connection: Connection, rail: str, sign: int) -> IntArray:
    """Return the unit devices (n_target, n_source) of one kind of leg, without their sign."""
    units: IntArray = np.maximum(sign * getattr(connection, rail), 0)
    return units


def _leg_devices(connection: Connection) -> Iterator[DeviceGroup]:
    for role, rail, sign, device in LEGS:
        units = leg_units(connection, rail, sign)
        if units.any():
            yield DeviceGroup(key=(connection.parameter, role), device=device, units=units)


# A window comparator's copies of its threshold's rails, and of the candidate's other rail.
WINDOW_COPIES = {
    "up_plus": "p_mirror",
    "up_minus": "p_mirror",
    "up_opposite": "p_mirror",
    "down_plus": "n_mirror",
    "down_minus": "n_mirror",
    "down_opposite": "n_mirror",
}


def window_roles(candidate: Bus) -> tuple[str, ...]:
    """List the copies that there are: nothing pulls a rectified candidate down."""
    return tuple(WINDOW_COPIES)[: None if candidate.kind is NodeKind.CANDIDATE else 2]


def _bank_devices(bank: Bank, candidate: Bus) -> Iterator[DeviceGroup]:
    name = f"bank{bank.layer}"
    copy = np.full(bank.n_units, candidate.units, dtype=np.int64)
    cells = np.ones((bank.n_units, bank.n_cells), dtype=np.int64)
    if bank.clocked:
        fixed = bank.window is None
        if fixed:
            yield DeviceGroup(key=(name, "up_threshold"), device="p_mirror", units=bank.up_units)
        yield DeviceGroup(key=(name, "up_copy"), device="n_mirror", units=copy)
        if candidate.kind is NodeKind.CANDIDATE:
            yield DeviceGroup(key=(name, "down_copy"), device="p_mirror", units=copy)
            if fixed:
                key = (name, "down_threshold")
                yield DeviceGroup(key=key, device="n_mirror", units=bank.down_units)
        for role in window_roles(candidate):
            if bank.window is not None:
                units = np.full(bank.n_units, bank.window[role], dtype=np.int64)
                yield DeviceGroup(key=(name, role), device=WINDOW_COPIES[role], units=units)
        hold, width = cells * bank.hold_units, cells * bank.width_units
    else:
        # The nine-transistor loop: the falling edge is the difference of two currents.
        yield DeviceGroup(key=(name, "copy_plus"), device="p_mirror", units=copy)
        if candidate.kind is NodeKind.SIGNED:
            yield DeviceGroup(key=(name, "copy_minus"), device="n_mirror", units=copy)
        hold, width = bank.up_units[:, None], bank.loop_width[:, None]
    yield DeviceGroup(key=(name, "hold"), device="n_mirror", units=hold)
    yield DeviceGroup(key=(name, "width"), device="n_mirror", units=width)
    yield DeviceGroup(key=(name, "feedback_diode"), device="p_cell", units=cells)
    yield DeviceGroup(key=(name, "feedback"), device="p_cell", units=cells)
    yield DeviceGroup(key=(name, "gain"), device="n_mirror", units=cells * bank.gain_units[:, None])
