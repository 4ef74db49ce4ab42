"""The Design: what the netlist, the behavioral array and the energy census read.

A Design is a graph of current-mode nodes. A *bus* is a row of like nodes (the input pins, hidden
signals, candidates, states, outputs); a *connection* is a matrix of mirror legs from one bus to
another; a *bank* is a layer's memory units. Nothing else draws current or carries signal.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mru_hw.circuits.base import Carried, IntArray, Line
from mru_hw.circuits.catalogue import fingerprint
from mru_hw.circuits.units import UnitRole
from mru_hw.mapping.options import DEFAULTS, DesignOptions
from mru_hw.mapping.parts import Bank, Bus, Connection
from mru_hw.mapping.rows import BIAS, INPUTS, OUTPUTS
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.model.structure import ModelSpec
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions

__all__ = ["Bank", "Bus", "Connection", "Design", "DeviceGroup", "Timing"]


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
    def strobed(self) -> tuple[Bank, ...]:
        """The banks that a phase strobes; loops follow their candidates."""
        return tuple(bank for bank in self.banks if bank.clocked)

    @property
    def all_strobed(self) -> bool:
        """Whether every layer waits for a strobe."""
        return len(self.strobed) == len(self.banks)

    @property
    def loops_only(self) -> bool:
        """Whether no layer has a ladder: no condition at which ladders fail is refused then."""
        return not self.strobed

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

    @property
    def bias(self) -> Bus:
        """The bias rail."""
        return self.buses[BIAS]

    @property
    def inputs(self) -> Bus:
        """The input pins' nodes."""
        return self.buses[INPUTS]

    @property
    def outputs(self) -> Bus:
        """The output pins."""
        return self.buses[OUTPUTS]

    def node(self, name: str) -> Bus:
        """Return a bus by its name."""
        return self.buses[name]

    def bank(self, name: str) -> Bank:
        """Return a bank by its name."""
        return next(bank for bank in self.banks if bank.name == name)

    def owner(self, name: str) -> Bus | Connection | Bank:
        """Return what a group of devices belongs to, by its name."""
        if name in self.buses:
            return self.buses[name]
        legs = (connection for connection in self.connections if connection.parameter == name)
        return next(legs, None) or self.bank(name)

    def read_by(self, owner: str) -> Bus:
        """Return the bus whose diodes a bus's own devices or a connection's legs go by."""
        part = self.owner(owner)
        if isinstance(part, Bank):
            raise KeyError(owner)
        return part if isinstance(part, Bus) else self.buses[part.source]

    def carried(self, owner: str, role: str) -> Carried:
        """Return which current a unit device of a group usually carries."""
        return self.owner(owner).carried(role)

    def times(self, owner: str, role: str) -> int:
        """Return how many times their unit devices a group's devices have."""
        return self.owner(owner).times(role)

    def line(self, owner: str, role: str) -> Line:
        """Return the line of the bias tree that a group's gates hang on."""
        return self.owner(owner).line(role)

    def bank_groups(self, bank: Bank) -> Iterator[tuple[DeviceGroup, UnitRole]]:
        """List the devices of one bank, with what they are in its circuit."""
        candidate = self.buses[bank.candidate]
        for part in bank.circuit.placed(signed=candidate.circuit.splits):
            units = part.units(bank, candidate) * bank.times(part.name)
            yield DeviceGroup(key=(bank.name, part.name), device=part.device, units=units), part
