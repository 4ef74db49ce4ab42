"""Capacitance of the chip's nets' wires, to ground: the deck and the timing laws read it here.

There is no layout, so a net's wires are ``per_leg`` times the legs on it plus ``per_length`` times
its length (`mru_hw.mapping.wire_load`). A leg is a mirror transistor that drives the net or whose
gate is on it, whatever its unit devices: legs of weights and biases, a memory unit's copies and
tails, a splitter on its bias line. The two devices of a node's own diodes are no legs.

The length is an estimate: half the perimeter of the box around the places of what hangs on the net,
in the declared floor plan (`mru_hw.variation.placement`). There legs stand with the node that they
copy, so a rail is short and a node's net spans the rows that feed it.

Nets inside a memory unit or a node have none, nor have supplies, the pins of inputs and strobes and
the reset's two lines. An output pin is a node that legs drive, and has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.base import Array
from mru_hw.circuits.base import NODE, IntArray, Line, leg_of
from mru_hw.mapping.design import Bank, Bus, Connection, Design
from mru_hw.mapping.rows import BIAS
from mru_hw.variation.placement import Placement

SPLIT_LINE = "splitters"
"""The gate line of the bias tree that all splitters hang on."""
Net = tuple[str, str]
"""A row of like nets: a bus and `NODE` or the leg's role that reads the rail (`LEGS`), the bus
``bias`` and `SPLIT_LINE`, or a bank, as ``bank0``, and a net that leaves its units."""


@dataclass(slots=True)
class _Row:
    """A row of like nets in the making: legs (n,), and the box around them (2, n) [m]."""

    legs: IntArray
    low: Array
    high: Array

    def hang(self, there: NDArray[np.bool_], places: Array) -> None:
        """Hang legs on the nets where `there` is, (n, legs), at `places` (2, n, legs)."""
        self.legs += there.sum(axis=1)
        low = np.where(there, places, np.inf).min(axis=2, initial=np.inf)
        high = np.where(there, places, -np.inf).max(axis=2, initial=-np.inf)
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)


class _Nets:
    """All nets of a Design with what hangs on them."""

    def __init__(self, design: Design) -> None:
        self._design, self._plan = design, Placement.of(design)
        self._rows: dict[Net, _Row] = {}
        for connection in design.connections:
            self._connection(connection)
        for bank in design.banks:
            self._bank(bank)
        for bus in design.buses.values():
            if bus.circuit.splits:
                every = np.ones((1, bus.size), dtype=bool)
                self._row(BIAS, SPLIT_LINE, 1).hang(every, self._at(bus.name, bus.size)[:, None])

    def capacitances(self) -> dict[Net, Array]:
        """Return what the wires of each net amount to [F]."""
        load = self._design.wires
        return {
            net: load.per_leg * row.legs + load.per_length * (row.high - row.low).sum(axis=0)
            for net, row in self._rows.items()
        }

    def _at(self, owner: str, n: int) -> Array:
        """Return the places (2, n) of a row's nodes."""
        return np.stack(self._plan.node(owner, np.arange(n)))

    def _row(self, owner: str, role: str, n: int) -> _Row:
        """Return a row of nets; a new one starts at its nodes' own places."""
        if (owner, role) not in self._rows:
            at = self._at(owner, n)
            self._rows[owner, role] = _Row(np.zeros(n, dtype=np.int64), at, at)
        return self._rows[owner, role]

    def _bus(self, bus: Bus, role: str) -> _Row:
        return self._row(bus.name, bus.circuit.into if role == NODE else role, bus.size)

    def _connection(self, connection: Connection) -> None:
        """Hang its legs on the nodes that they drive and the rails that they copy."""
        buses = self._design.buses
        columns = np.indices(connection.plus.shape)[1]
        places = np.stack(self._plan.node(connection.source, columns))
        for leg, units in connection.legs():
            there = units > 0
            if there.any():
                self._bus(buses[connection.target], NODE).hang(there, places)
                rail = self._bus(buses[connection.source], leg.role)
                rail.hang(there.T, places.transpose(0, 2, 1))

    def _bank(self, bank: Bank) -> None:
        """Hang a bank's copies, tails and output legs on the nets that lead into its units."""
        buses = self._design.buses
        at = self._at(bank.name, bank.n_units)[..., None]
        for group, part in self._design.bank_groups(bank):
            there = group.units.reshape(bank.n_units, -1) > 0
            if part.reads:
                self._bus(buses[bank.read_by(part)], part.reads).hang(there, at)
            elif part.line is Line.RAIL:
                on_line = there.reshape(1, -1)
                places = np.broadcast_to(at, (2, *there.shape)).reshape(2, 1, -1)
                rail = leg_of(("plus", part.polarity))
                self._bus(buses[BIAS], rail).hang(on_line, places)
            if part.output:
                self._bus(buses[bank.state], NODE).hang(there, at)
            for net in bank.circuit.wired:
                if net in part.drains:
                    self._row(bank.name, net, bank.n_units).hang(there, at)


def net_wires(design: Design) -> dict[Net, Array]:
    """Return the capacitance [F] of the wires of each net, (n,) for a row of n like nets.

    Empty where the Design's wires have none.
    """
    return _Nets(design).capacitances() if design.wires else {}


def line_wires(design: Design, bank: Bank) -> float:
    """Return the capacitance [F] of the wires of each of a layer's two strobe lines.

    A tap for every unit and for every ladder cell, and half the perimeter of the box around the
    units; the driver stands in their middle.
    """
    if not design.wires:
        return 0.0
    places = np.stack(Placement.of(design).node(bank.name, np.arange(bank.n_units)))
    length = float(np.ptp(places, axis=1).sum())
    taps = bank.n_units * (1 + bank.n_cells)
    return design.wires.per_leg * taps + design.wires.per_length * length
