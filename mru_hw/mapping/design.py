"""The Design: what the netlist, the behavioral array and the energy census read.

A Design is a graph of current-mode nodes. A *bus* is a row of like nodes (the input pins, hidden
signals, candidates, states, outputs); a *connection* is a matrix of mirror legs from one bus to
another; a *bank* is a layer's memory units. Nothing else draws current or carries signal.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mru_hw.circuits.base import Carried, IntArray, Line, NodeCircuit, NodeKind, Rail, leg_of
from mru_hw.circuits.catalogue import NODES, fingerprint, unit_circuit
from mru_hw.circuits.legs.roles import LEGS, Leg
from mru_hw.circuits.units import UnitCircuit, UnitRole
from mru_hw.mapping.cells import CLOCKED, CellKind
from mru_hw.mapping.options import DEFAULTS, DesignOptions
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.model.memory import LevelCell
from mru_hw.model.structure import ModelSpec
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions


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
    area
        By role, and by the role of legs that read a rail, how many times their unit devices its
        devices have; 1 where it says nothing (`mru_hw.mapping.areas`).
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
    area: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def circuit(self) -> NodeCircuit:
        """What its nodes are."""
        return NODES[self.kind]

    @property
    def i_device(self) -> float:
        """Current [A] of one unit device of a diode at the usual current."""
        return self.usual / self.units

    def times(self, role: str) -> int:
        """Return how many times its unit devices a device has, or every leg of a role has."""
        return self.area.get(role, 1)

    @property
    def narrowest(self) -> int:
        """Least multiple of the devices on any of its rails: what of it is noisiest."""
        return min((self.times(leg_of(rail)) for rail in self.circuit.rails), default=1)

    def i_rail(self, rail: Rail) -> float:
        """Return the usual current [A] of each device of a rail's diode, multiplied ones too."""
        return self.i_device / self.times(leg_of(rail))


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
    area
        By role of legs, how many times these unit devices they have, as the diodes that they copy.
    """

    parameter: str
    source: str
    target: str
    plus: IntArray
    minus: IntArray
    both: bool
    area: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def ends(self) -> tuple[str, str]:
        """Names of the buses that it reads and drives."""
        return self.source, self.target

    def times(self, role: str) -> int:
        """Return how many times their unit devices the legs of a role have."""
        return self.area.get(role, 1)

    def legs(self) -> Iterator[tuple[Leg, IntArray]]:
        """List every kind of leg with its unit devices (n_target, n_source), without their sign."""
        for leg in LEGS:
            yield leg, np.maximum(leg.sign * getattr(self, leg.rail), 0)

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
        I_thresh, and what I_width leaves of it: its edges but for `mru_hw.circuits.loop.edges`.
    gain_units
        Output current of one set cell (n_units,).
    initial
        Initial state in levels (n_units,), as the model gives it.
    hold_units, width_units
        Inside every ladder cell.
    window
        Unit devices of a window comparator's copies, by role (`mru_hw.circuits.window.roles`),
        of clocked units whose threshold comes from the input.
    area
        By role, how many times its unit devices a device has.
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
    area: Mapping[str, int] = field(default_factory=dict, repr=False)

    def times(self, role: str) -> int:
        """Return how many times its unit devices a device has."""
        return self.area.get(role, 1)

    @property
    def name(self) -> str:
        """Of its devices' groups."""
        return f"bank{self.layer}"

    @property
    def circuit(self) -> UnitCircuit:
        """What its units are."""
        return unit_circuit(clocked=self.cell in CLOCKED, window=self.window is not None)

    def read_by(self, part: UnitRole) -> str:
        """Return the name of the bus that a device of its units copies."""
        return self.threshold if part.of_threshold and self.threshold else self.candidate

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
        return self.circuit.clocked

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
        Unit devices in parallel, those that `area` adds among them, with the group's shape; 0 is
        no device.
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
        """Return a short hash of all that makes the circuit: mapped numbers, circuits, devices.

        Where a network came from does not, nor do the spreads from die to die, the noise, nor laws.
        """
        sha = hashlib.sha256(self.spec.model_dump_json(exclude={"metrics", "provenance"}).encode())
        sha.update(
            self.technology.model_dump_json(exclude={"sources", "process", "noise"}).encode()
        )
        sha.update(self.technology.models_hash().encode())
        settings = (self.i_unit, self.i_lsb, self.compensated, self.timing, self.buses)
        wires = repr(self.wires) if self.wires else ""
        sha.update(f"{settings!r}{wires}{self.options.chosen()}".encode())
        parts: tuple[Connection | Bank, ...] = (*self.connections, *self.banks)
        for part in parts:
            # What has no repr follows from the options.
            for entry in (entry for entry in dataclasses.fields(part) if entry.repr):
                value = getattr(part, entry.name)
                whole = isinstance(value, np.ndarray)
                sha.update(value.tobytes() if whole else f"{entry.name}={value!r};".encode())
        rows: tuple[Bus | Bank, ...] = (*self.buses.values(), *self.banks)
        sha.update(fingerprint({id(row.circuit): row.circuit for row in rows}.values()).encode())
        for group in self.device_groups():
            sha.update(f"{group.key}{group.device}".encode())
            sha.update(np.ascontiguousarray(group.units).tobytes())
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
            for part in bus.circuit.roles:
                each = part.units(bus) * bus.times(part.name)
                units = np.full(bus.size, each, dtype=np.int64)
                yield DeviceGroup(key=(bus.name, part.name), device=part.device, units=units)
        for connection in self.connections:
            for leg, units in connection.legs():
                if units.any():
                    key = (connection.parameter, leg.role)
                    wide = units * connection.times(leg.role)
                    yield DeviceGroup(key=key, device=leg.device, units=wide)
        for bank in self.banks:
            yield from (group for group, _ in self.bank_groups(bank))

    def node(self, name: str) -> Bus:
        """Return a bus by its name."""
        return self.buses[name]

    def bank(self, name: str) -> Bank:
        """Return a bank by its name."""
        return next(bank for bank in self.banks if bank.name == name)

    def read_by(self, owner: str) -> Bus:
        """Return the bus whose diodes a bus's own devices or a connection's legs go by."""
        if owner in self.buses:
            return self.buses[owner]
        return self.buses[next(c.source for c in self.connections if c.parameter == owner)]

    def carried(self, owner: str, role: str) -> Carried:
        """Return which current a unit device of a group usually carries."""
        if owner in self.buses:
            return self.buses[owner].circuit.role(role).carried
        bank = next((bank for bank in self.banks if bank.name == owner), None)
        return Carried.DIODE if bank is None else bank.circuit.role(role).carried

    def times(self, owner: str, role: str) -> int:
        """Return how many times their unit devices a group's devices have."""
        if owner in self.buses:
            return self.buses[owner].times(role)
        parts = ((c.parameter, c) for c in self.connections)
        found = next((c for name, c in parts if name == owner), None) or self.bank(owner)
        return found.times(role)

    def line(self, owner: str, role: str) -> Line:
        """Return the line of the bias tree that a group's gates hang on."""
        if owner in self.buses:
            return self.buses[owner].circuit.role(role).line
        bank = next((bank for bank in self.banks if bank.name == owner), None)
        if bank is not None:
            return bank.circuit.role(role).line
        return Line.RAIL if self.read_by(owner).kind is NodeKind.BIAS else Line.NONE

    def bank_groups(self, bank: Bank) -> Iterator[tuple[DeviceGroup, UnitRole]]:
        """List the devices of one bank, with what they are in its circuit."""
        candidate = self.buses[bank.candidate]
        for part in bank.circuit.placed(signed=candidate.circuit.splits):
            units = part.units(bank, candidate) * bank.times(part.name)
            yield DeviceGroup(key=(bank.name, part.name), device=part.device, units=units), part
