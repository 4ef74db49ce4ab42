"""Buses that move: the currents of their rails, each behind the one that feeds it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.base import Array
from mru_hw.cells.settling import BusLoad, moving_rails
from mru_hw.circuits.base import Rail, leg_of
from mru_hw.circuits.legs.gains import node_thermal
from mru_hw.circuits.legs.leakage import leg_current, off_current
from mru_hw.circuits.nodes.laws import log_rail, rectified_node, signed_node, split
from mru_hw.circuits.nodes.moving import diode_step, lifted, splitter_step
from mru_hw.simulate.array import Node, Wiring
from mru_hw.technology.calibration import Calibration, temperature_voltage


class MovingNode:
    """A bus of n nodes on one die whose rail currents move in time, in the bus's unit.

    The current of each sign flows through the diode of a direct rail; that rail's flip feeds the
    diode of the other polarity. Arrays are (rows, sequence) with n rows a rail, in the order of
    `names`: the direct rails of both signs first, then those behind their flips.

    Attributes
    ----------
    names
        The rails, each (sign, polarity).
    end, mean
        (rows, sequence) rail currents at the end of the last step, and their means over it.
    sent
        (rows, sequence) currents of legs as large as the diodes at these means, with leakage.
    """

    def __init__(
        self, node: Node, load: BusLoad, calibration: Calibration, temperature: float
    ) -> None:
        bus = node.row.bus
        self._node, self._n = node, bus.size
        self._slope = calibration.thermal("n", temperature) / temperature_voltage(temperature)
        rails = moving_rails(bus)
        firsts = [
            next(r for r in rails if r[0] == sign) for sign in dict.fromkeys(s for s, _ in rails)
        ]
        seconds = [r for r in rails if r not in firsts]
        self.names = (*firsts, *seconds)
        self._first = slice(0, bus.size * len(firsts))
        self._second = slice(self._first.stop, None)
        self._i_q = None if node.i_q is None else node.i_q[:, 0]
        charges, offs, signs = [], [], []
        for sign, polarity in self.names:
            coulombs = calibration.thermal(polarity, temperature) * load.rails[sign, polarity]
            charges.append(coulombs / bus.scale)
            diode = bus.units * bus.times(leg_of((sign, polarity)))
            off = off_current(calibration, polarity, diode) / bus.scale
            offs.append(np.full(bus.size, off))
            signs.append(np.full(bus.size, 1.0 if sign == "plus" else -1.0))
        self._charge, self._off = np.concatenate(charges)[:, None], np.concatenate(offs)[:, None]
        self._sign = np.concatenate(signs)[:, None]
        usual = np.full((bus.size, 1), node.usual) if self._i_q is None else self._i_q
        self._usual = np.concatenate([usual] * len(self.names))
        moves = node_thermal(calibration, bus, temperature)
        self._into = (moves * load.node / bus.scale)[:, None]
        self._by_diode, self._by_leg, self._by_flip = np.concatenate(
            [self._weights(rail, direct=rail in firsts) for rail in self.names], axis=1
        )
        self._leaks = bool(node.leak.legs)
        leaks = [node.leak.legs[rail] for rail in self.names] if self._leaks else []
        self._leak = np.repeat(
            [(leak.channel, leak.junction, leak.slope) for leak in leaks], bus.size, axis=0
        ).T[..., None]
        least = [node.leak.least[sign] for sign, _ in firsts] if self._leaks else []
        self._least = np.repeat(least, bus.size)[:, None]
        self._plus: Array = np.zeros(0)
        self.end: Array = np.zeros(0)
        self.mean: Array = np.zeros(0)
        self.sent: Array = np.zeros(0)

    def _weights(self, rail: Rail, *, direct: bool) -> Array:
        """Amperes from the supply per unit of a rail: PMOS gates alone have branches there.

        (3, n): of its diode, of its legs and of the flip that copies it. A flip that sinks draws
        through the diode that it feeds.
        """
        sign, polarity = rail
        nothing: Array = np.zeros((3, self._n))
        if polarity == "n":
            return nothing
        own, flip, legs, behind = self._node.branches[self._node.circuit.signs.index(sign)]
        found: Array = np.stack([own, legs, flip] if direct else [flip, behind, nothing[0]])
        return found

    def settle(self, inflow: Array) -> None:
        """Put every rail where it ends with an inflow (n, sequence)."""
        both = {"plus": np.maximum(inflow, 0.0)}
        if self._i_q is not None:
            plus, minus = split(inflow, self._i_q)
            both = {"plus": plus, "minus": minus}
            self._plus = plus.copy()
        first = np.concatenate([both[sign] for sign, _ in self.names[: len(both)]])
        parts = [first]
        if len(self.names) > len(both):
            parts.append(self._passed(self.copies(first, self._first)))
        self.end = self.mean = np.concatenate(parts)
        self.sent = self.copies(self.mean)

    def step(self, inflow: Array, dt: float, sunk: Array | None = None) -> None:
        """Move for `dt` [s] under the mean inflow of the step, (n, sequence).

        Parameters
        ----------
        sunk
            What of the inflow is what legs sink, as a positive number; only a diode whose inflow
            may be negative needs it.
        """
        feed = inflow
        if self._i_q is not None:
            self._plus, *means = splitter_step(self._plus, inflow, self._i_q, self._into, dt)
            feed = np.concatenate(means)
        ends, means = [], []
        sent: list[Array] = []
        for part in (self._first, self._second):
            off = self._off[part]
            if not len(off):
                continue
            if sent:  # what follows copies the mean of its first rail over the step
                feed = self._passed(sent[0])
            channel = self.end[part] + off
            if sunk is not None and not sent:
                channel = lifted(channel, feed, sunk, off, self._slope)
            moved, mean = diode_step(channel, feed, self._charge[part], off, dt)
            ends.append(moved - off)
            means.append(mean - off)
            sent.append(self.copies(means[-1], part))
        self.end, self.mean = np.concatenate(ends), np.concatenate(means)
        self.sent = np.concatenate(sent)

    def copies(self, currents: Array, part: slice = slice(None)) -> Array:
        """Return what legs copy of rails that carry `currents`, leakage and all."""
        if not self._leaks:
            return currents
        channel, junction, slope = self._leak[:, part]
        sent: Array = leg_current(np.maximum(currents, 0.0), channel, junction, slope)
        return sent

    def _passed(self, sent: Array) -> Array:
        """Return what flows into the second rails' diodes."""
        passed: Array = np.maximum(sent, self._least) if self._leaks else sent
        return passed

    def rail(self, currents: Array, sign: str, polarity: str) -> Array:
        """Return one rail of `end` or `mean`, (n, 1, sequence)."""
        at = self.names.index((sign, polarity)) * self._n
        return currents[at : at + self._n, None]

    def legs(self, sent: Array) -> Array:
        """Return what `Legs` read of `copies`: it, and it times what bends their gains."""
        bent = log_rail(sent, self._usual)
        bent *= self._sign
        bent *= sent
        found: Array = np.concatenate([sent, bent])
        return found

    def supply(self) -> Array:
        """Return the mean supply current of the last step [A], (sequence,)."""
        found: Array = self._by_diode @ self.mean + self._by_leg @ self.sent
        first = self._first
        found += self._by_flip[first] @ self._passed(self.sent[first])
        return found


class Legs:
    """All legs into a bus, by the rail whose gates they hang on."""

    def __init__(self, node: Node, sources: Mapping[int, MovingNode]) -> None:
        self._node = node
        self._parts = [(w.source, _by_rail(w, sources[w.source])) for w in node.wirings]
        self._n = len(node.constant)

    def sunk(self, copied: Mapping[int, Array]) -> Array:
        """Return what legs sink from the bus, (n, sequence), without its sign."""
        total = np.minimum(self._node.constant[:, 0], 0.0)
        for source, matrix in self._parts:
            half = matrix.shape[1] // 2
            total = total + np.minimum(matrix[: self._n, :half], 0.0) @ copied[source][:half]
        return -total

    def value(self, copied: Mapping[int, Array]) -> Array:
        """Return what flows into the bus, (n, sequence), from what each source's legs copy."""
        total = np.concatenate([self._node.constant, self._node.pull])[:, 0]
        for source, matrix in self._parts:
            total = total + matrix @ copied[source]
        if not self._node.circuit.rails:
            found: Array = total[: self._n]
            return found
        sums = total[: self._n], total[self._n :]
        node = self._node
        if node.i_q is None:
            value, _ = rectified_node(*sums, node.usual)
        else:
            value, _ = signed_node(*sums, node.i_q[:, 0], node.skew)
        inflow: Array = value
        return inflow


def _by_rail(wiring: Wiring, source: MovingNode) -> Array:
    """Return `Wiring.net` stacked over `Wiring.pull`, with a column a rail and not a sign.

    Shape (2 n_target, columns of `MovingNode.legs`). The settled array needs one column a sign,
    since both rails of a sign carry the same current; here they move apart, so an entry that
    sources goes to the PMOS rail's column and one that sinks to the NMOS rail's.
    """
    signs = list(dict.fromkeys(sign for sign, _ in source.names))
    columns = wiring.pull.shape[1] // len(signs)
    net, bent, pull = [], [], []
    for sign, polarity in source.names:
        at = signs.index(sign) * columns
        part = slice(at, at + columns)
        after = slice(wiring.pull.shape[1] + at, wiring.pull.shape[1] + at + columns)
        own: NDArray[np.bool_] = wiring.sourced[:, part] == (polarity == "p")
        net.append(wiring.net[:, part] * own)
        bent.append(wiring.net[:, after] * own)
        pull.append(wiring.pull[:, part] * own)
    top = np.hstack([*net, *bent])
    return np.vstack([top, np.hstack([*pull, *(0 * part for part in bent)])])
