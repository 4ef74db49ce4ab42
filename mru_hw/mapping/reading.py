"""What legs amount to at a network's usual signals: an affine reading of the array's laws.

A leg's current bends with the logarithm of the rail that it copies (`path_exponents`), and each
node takes from its legs what their output conductances give for the voltage that it moves by
(`mru_hw.circuits.nodes.laws`). Both are laws of the array. Here they are read as a line: of each
leg over its source's usual signals (`Bus.mean`, `Bus.deviation`), by least squares, and of each
node over what usually flows into it, of a candidate through its two thresholds, where alone it
counts. So a weight and a bias are what the circuit does on the whole, and what is left is how it
bends.

    leg     i = b a + d                        a: what the network multiplies, of the source
    node    i = rho (sum of legs) + o          and each leg's drain at the node's mean voltage
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mru_hw.circuits.legs.gains import leg_slopes, node_thermal, path_exponents, path_gains
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.circuits.nodes.laws import log_rail, node_skew, rectified_node, signed_node, split
from mru_hw.mapping.design import Bank, Bus, Connection
from mru_hw.mapping.lines import LegLine, NodeLine, line_through
from mru_hw.mapping.realised import Placed, level_currents, quiescent_current, realised_bank
from mru_hw.mapping.rows import Part
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]

MIDDLES = (np.arange(64) + 0.5) / 64
"""Where in its distribution the points of a usual signal lie: normal, in equal shares."""
LEAST = 1e-3  # deviation of a signal over its bus's usual current: what never moves has no line
DRAWS, NEAREST = 2048, 64
"""Of usual signals, all independent; those that lie nearest to a threshold."""
WIDE = 256  # nodes of a bus, up to which its draws are kept: 8 MiB
ROUNDS = 8  # of what must flow in for a candidate to meet its threshold; each leaves a tenth


class Wired(Placed, Protocol):
    """What connections are read from: a Design, and one in the making."""

    @property
    def connections(self) -> Sequence[Connection]:
        """Legs, matrix by matrix."""

    @property
    def banks(self) -> Sequence[Bank]:
        """Memory units, layer by layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a connection's legs amount to, in the network's own units.

    Attributes
    ----------
    plus, minus
        (n_target, n_source) of the legs on either rail.
    weight
        (n_target, n_source) of both, their mean where both rails are copied: the two differ by
        rounding, which bends the weight at zero.
    start
        (n_target,) what they bring when the network multiplies nothing.
    """

    plus: Array
    minus: Array
    weight: Array
    start: Array


def usual_points(bus: Bus) -> Array:
    """Return usual signals (n_nodes, points) of a bus, in its unit."""
    mean = np.array(bus.mean)[:, None]
    deviation = np.maximum(np.array(bus.deviation)[:, None], LEAST * bus.usual / bus.scale)
    points: Array = mean + deviation * ndtri(MIDDLES)
    return points


def _pull_near(total: Array, pull: Array, decided: Array, target: Bus) -> Array:
    """Return the mean pull (n, 2) of the draws whose `total` lies nearest to each threshold.

    The larger a node's currents in and out, the larger its pull and the further from zero its sum
    tends to lie: near a threshold the pull is below its mean over all draws.
    """
    found = np.empty(decided.shape)
    for column in range(decided.shape[1]):
        away = np.abs(total - decided[:, column : column + 1])
        nearest = np.argpartition(away, NEAREST, axis=1)[:, :NEAREST]
        found[:, column] = np.take_along_axis(pull, nearest, axis=1).mean(axis=1)
    if not target.circuit.compared:
        # Both lie on one side of zero, and may be one.
        found[:] = found.mean(axis=1, keepdims=True)
    return found


@final
class Reading:
    """Reads the connections of a design, or of one in the making, as lines.

    What does not move with the legs is found once: the line of each pair of buses, and the random
    signals at which nodes are looked at.

    Parameters
    ----------
    placed
        The design. Its buses and units stay as they are; its connections may change.
    calibration
        Constants at the conditions of the reading.
    """

    def __init__(self, placed: Wired, calibration: Calibration) -> None:
        self.placed, self.calibration = placed, calibration
        self._legs: dict[tuple[str, str, bool], LegLine] = {}
        self._nodes: dict[tuple[object, ...], NodeLine] = {}
        self._drawn: dict[tuple[str, bool], dict[str, Array]] = {}

    def leg_line(self, source: Bus, target: Bus, *, both: bool) -> LegLine:
        """Read the legs from one bus to another.

        Parameters
        ----------
        both
            Whether they copy both rails (`Connection.both`).
        """
        pair = (source.name, target.name, both)
        if pair not in self._legs:
            self._legs[pair] = self._leg_line(source, target, both=both)
        return self._legs[pair]

    def _leg_line(self, source: Bus, target: Bus, *, both: bool) -> LegLine:
        gains = path_gains(self.calibration, source, target)
        exponents = path_exponents(self.calibration, source, self.calibration.temperature)
        a, rails = self._source_points(source, both=both)
        gain, mean = {}, {}
        for leg in LEGS:
            role, rail = leg.role, leg.rail
            if role not in gains or rail not in rails:
                continue
            bent = rails[rail] * gains[role]
            if source.circuit.moves:
                log = log_rail(rails[rail], source.usual / source.scale)
                bent = bent * (1 - exponents[role] * log)
            own, _ = line_through(a, rails[rail])
            slope, _ = line_through(a, bent, otherwise=gains[role])
            gain[role], mean[role] = slope / own, bent.mean(axis=1)
        means = {rail: current.mean(axis=1) for rail, current in rails.items()}
        return LegLine(gain=gain, mean=mean, rails=means, usual=a.mean(axis=1))

    def node_lines(self) -> dict[str, NodeLine]:
        """Read the nodes of all buses."""
        return {name: self.node_line(bus) for name, bus in self.placed.buses.items()}

    def node_line(self, target: Bus) -> NodeLine:
        """Read the nodes of a bus, with all legs that are placed."""
        if target.circuit.outside or self._feeding(target) is not None:
            return NodeLine.plain(target.size)
        legs = (c for c in self.placed.connections if c.target == target.name)
        known = (target.name, *((c.parameter, c.plus.tobytes(), c.minus.tobytes()) for c in legs))
        if known not in self._nodes:
            self._nodes[known] = self._node_line(target)
        return self._nodes[known]

    def _node_line(self, target: Bus) -> NodeLine:
        one = np.ones(target.size)
        total, pull = self._at_random(target)
        decided = self._decided(target)
        counted = np.ones(total.shape)
        if decided is not None:
            pull = _pull_near(total, pull, decided, target)
            total = decided
            for _ in range(ROUNDS):
                total = total + decided - self._flowing(target, total, pull)
            counted = np.ones(total.shape)
        elif target.circuit.rectifies:
            # Where nothing flows into a diode its voltage counts for nothing. Where next to nothing
            # ever does there is no line, and what is counted lies where the node does not move.
            rare = np.max(usual_points(target), axis=1, keepdims=True) <= 0
            counted = ((total > 0) != rare).astype(np.float64)
        i = self._flowing(target, total, pull)
        lost, pulled = ((counted * x).sum(axis=1) for x in (total - i, pull))
        mean = lost / np.where(pulled > 0, pulled, 1.0)
        rho, start = line_through(total - mean[:, None] * pull, i, otherwise=one, counted=counted)
        slopes = leg_slopes(self.calibration, target)
        # By how far the node's mean voltage lies above the usual one [V].
        raised = mean * node_thermal(self.calibration, target, self.calibration.temperature)
        if target.circuit.splits:
            raised = raised + self.calibration.signed_rest
        return NodeLine(
            rho=rho,
            start=start,
            drain={1: 1 - slopes["p"] * raised, -1: 1 + slopes["n"] * raised},
        )

    def read_legs(self, connection: Connection, node: NodeLine) -> Weights:
        """Return what a connection's legs amount to behind their nodes."""
        buses, k = self.placed.buses, self._unit(connection)
        source, target = buses[connection.source], buses[connection.target]
        line = self.leg_line(source, target, both=connection.both)
        rails = {rail: np.zeros(connection.plus.shape) for rail in ("plus", "minus")}
        brought = np.zeros(len(connection.plus))
        for leg, units in connection.legs():
            if leg.role in line.gain:
                flow = leg.flow
                legs = units * (node.drain[flow] * node.rho * k)[:, None]
                rails[leg.rail] += leg.sign * legs * line.gain[leg.role]
                brought += flow * (legs @ line.mean[leg.role])
        plus, minus = rails["plus"], rails["minus"]
        weight = (plus + minus) / 2 if connection.both else plus
        return Weights(plus=plus, minus=minus, weight=weight, start=brought - weight @ line.usual)

    def asked_units(
        self,
        source: Bus,
        target: Bus,
        weight: Array,
        node: NodeLine,
        *,
        both: bool,
    ) -> tuple[Array, Array]:
        """Return the unit devices of either rail, not rounded, that amount to a weight.

        Parameters
        ----------
        weight
            (n_target, n_source), in the network's own units.
        both
            Whether legs copy both rails; the second is zero where they do not.

        Returns
        -------
        plus, minus
            (n_target, n_source), with the weight's sign.
        """
        line = self.leg_line(source, target, both=both)
        ratio = weight / node.rho[:, None] * (target.scale / source.scale) * source.units
        found = {rail: np.zeros_like(ratio) for rail in ("plus", "minus")}
        for rail in found if both else ("plus",):
            up, down = (
                node.drain[leg.flow][:, None] * line.gain[leg.role]
                for leg in sorted(LEGS, key=lambda leg: -leg.sign)
                if leg.rail == rail
            )
            found[rail] = ratio / np.where(ratio > 0, up, down)
        return found["plus"], found["minus"]

    def read_connections(self) -> Iterator[tuple[Connection, Array]]:
        """List the connections, each with the weights (n_target, n_source) that it realises.

        Those off the bias rail come last and give the biases: the inflow of a node with all signals
        zero, so the constant terms of all its lines (`LegLine`, `NodeLine`) are in it.
        """
        nodes = self.node_lines()
        starts = {name: node.start.copy() for name, node in nodes.items()}
        last = []
        for connection in self.placed.connections:
            read = self.read_legs(connection, nodes[connection.target])
            if connection.source.part is Part.BIAS:
                last.append((connection, read.weight))
                continue
            starts[connection.target] += read.start
            yield connection, read.weight
        for connection, weight in last:
            yield connection, weight + starts[connection.target][:, None]

    def _unit(self, connection: Connection) -> float:
        """Return a one-device leg's share of the source's unit, in the target's, before gains."""
        source, target = self.placed.buses[connection.source], self.placed.buses[connection.target]
        return source.scale / target.scale / source.units

    def _source_points(self, source: Bus, *, both: bool) -> tuple[Array, dict[str, Array]]:
        """Return usual values of the number that the network multiplies, and the rails' currents.

        The first is (n_source, points): the signal, or its positive part where legs copy the plus
        rail alone. The second has the currents of the same shape by sign, in the source's unit.
        """
        if not source.circuit.moves:
            one = np.ones((source.size, 1))
            return one, {"plus": one}
        if (bank := self._feeding(source)) is not None:
            real = realised_bank(self.placed, bank, self.calibration)
            output = level_currents(self.placed, bank, self.calibration) / source.scale
            levels = bank.memory.level(np.arange(bank.n_cells + 1), bank.levels)
            return real.alpha[:, None] * levels, {"plus": output}
        v = usual_points(source)
        if source.circuit.rectifies:
            v = np.maximum(v, 0)
            return v, {"plus": v}
        i_q = quiescent_current(source, self.placed.i_lsb, self.calibration) / source.scale
        plus, minus = split(v, i_q)
        if both:
            return v, {"plus": plus, "minus": minus}
        return np.maximum(v, 0), {"plus": plus}

    def _feeding(self, row: Bus) -> Bank | None:
        """Return the units whose outputs flow into a row; None where legs drive it."""
        return next((bank for bank in self.placed.banks if bank.state == row.name), None)

    def _at_random(self, target: Bus) -> tuple[Array, Array]:
        """Return `total` and `pull` of each node of a bus at random usual signals, (n, draws) each.

        The arguments of `mru_hw.circuits.nodes.laws.signed_node`; sources are drawn independently.
        """
        slopes = leg_slopes(self.calibration, target)
        moves = node_thermal(self.calibration, target, self.calibration.temperature)
        total, pull = np.zeros((target.size, DRAWS)), np.zeros((target.size, DRAWS))
        for connection in (c for c in self.placed.connections if c.target == target.name):
            source, k = self.placed.buses[connection.source], self._unit(connection)
            gains = path_gains(self.calibration, source, target)
            rails = self._drawn_rails(source, both=connection.both)
            for leg, units in connection.legs():
                if leg.role in gains and leg.rail in rails and units.any():
                    carried = (units * (k * gains[leg.role])) @ rails[leg.rail]
                    total += leg.flow * carried
                    pull += carried * (slopes[leg.polarity] * moves)
        return total, pull

    def _drawn_rails(self, source: Bus, *, both: bool) -> dict[str, Array]:
        """Return by sign the currents of a bus's rails at random usual signals, (n, draws)."""
        if (source.name, both) in self._drawn:
            return self._drawn[source.name, both]
        _, rails = self._source_points(source, both=both)
        draw = np.random.default_rng(list(self.placed.buses).index(source.name))
        at = draw.integers(rails["plus"].shape[1], size=(source.size, DRAWS))
        found = {sign: np.take_along_axis(rail, at, axis=1) for sign, rail in rails.items()}
        if source.size <= WIDE:
            self._drawn[source.name, both] = found
        return found

    def _flowing(self, target: Bus, total: Array, pull: Array) -> Array:
        """Return what flows into nodes whose legs bring `total` at the nodes' usual voltage."""
        if target.circuit.splits:
            i_q = np.full_like(pull, quiescent_current(target, self.placed.i_lsb, self.calibration))
            value, _ = signed_node(total, pull, i_q / target.scale, node_skew(self.calibration))
        else:
            value, _ = rectified_node(total, pull, target.usual / target.scale)
        flowing: Array = value
        return flowing

    def _decided(self, target: Bus) -> Array | None:
        """Return the candidates (n, 2) at which units decide; None where no fixed thresholds do."""
        bank = next((bank for bank in self.placed.banks if bank.candidate == target.name), None)
        if bank is None or bank.window is not None or bank.threshold is not None:
            return None
        real = realised_bank(self.placed, bank, self.calibration)
        if target.circuit.compared:
            return np.stack([real.up, -real.down], axis=1)
        # One threshold leaves the line from nothing, which brings nothing.
        return np.stack([real.up, 0 * real.up if bank.clocked else real.down], axis=1)
