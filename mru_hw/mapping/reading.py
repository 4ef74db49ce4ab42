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
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mru_hw.circuits.legs.gains import leg_slopes, node_thermal, path_exponents, path_gains
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.circuits.nodes.laws import log_rail, node_skew, rectified_node, signed_node, split
from mru_hw.mapping.design import Bank, Bus, Connection
from mru_hw.mapping.lines import line_through
from mru_hw.mapping.realised import Placed, level_currents, quiescent_current, realised_bank
from mru_hw.mapping.rows import Part
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]

MIDDLES = (np.arange(64) + 0.5) / 64
"""Where in its distribution the points of a usual signal lie: normal, in equal shares."""
LEAST = 1e-3  # deviation of a signal over its bus's usual current: what never moves has no line
DRAWS, NEAREST = 2048, 64
"""Of usual signals, all independent; those that lie nearest to a threshold."""
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
class LegLine:
    """Lines through leg currents over usual values of a, the number that the network multiplies.

    a is the source's signal or its positive part. Each array is (n_source,), in its unit.

    Attributes
    ----------
    gain
        By role, for a leg of as many unit devices as the diode: the least-squares slope of the
        leg's current over a, divided by the slope of the rail's current over a.
    mean
        By role, the mean current of such a leg over the usual signals.
    rails
        By sign, the mean current of the rail over them.
    usual
        The mean of a over them.
    """

    gain: dict[str, Array]
    mean: dict[str, Array]
    rails: dict[str, Array]
    usual: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLine:
    """Straight line from a node's leg currents to its inflow, (n_target,) each.

    Attributes
    ----------
    rho, start
        ``i = rho total + start``, in the bus's unit: total sums the legs' currents with the node
        held at its mean voltage, i is the inflow with the voltage free to follow it.
    drain
        By direction of a leg (+1 sources, -1 sinks), its current with the node at its mean voltage
        over that at the usual one.
    """

    rho: Array
    start: Array
    drain: dict[int, Array]

    @classmethod
    def plain(cls, size: int) -> NodeLine:
        """Return that of nodes whose voltage never moves."""
        one = np.ones(size)
        return cls(rho=one, start=0 * one, drain={1: one, -1: one})


def leg_line(
    placed: Wired, source: Bus, target: Bus, calibration: Calibration, *, both: bool
) -> LegLine:
    """Read the legs from one bus to another.

    Parameters
    ----------
    both
        Whether they copy both rails (`Connection.both`).
    """
    gains = path_gains(calibration, source, target)
    exponents = path_exponents(calibration, source, calibration.temperature)
    a, rails = _source_points(placed, source, calibration, both=both)
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


def node_line(placed: Wired, target: Bus, calibration: Calibration) -> NodeLine:
    """Read the nodes of a bus, with all legs that are placed."""
    one = np.ones(target.size)
    if target.circuit.outside or _feeding(placed, target) is not None:
        return NodeLine.plain(target.size)
    total, pull = _drawn(placed, target, calibration)
    decided = _decided(placed, target, calibration)
    counted = np.ones(total.shape)
    if decided is not None:
        pull = _pull_near(total, pull, decided, target)
        total = decided
        for _ in range(ROUNDS):
            total = total + decided - _flowing(placed, target, calibration, total, pull)
        counted = np.ones(total.shape)
    elif target.circuit.rectifies:
        # Where nothing flows into a diode its voltage counts for nothing. Where next to nothing
        # ever does there is no line, and what is counted lies where the node does not move.
        rare = np.max(usual_points(target), axis=1, keepdims=True) <= 0
        counted = ((total > 0) != rare).astype(np.float64)
    i = _flowing(placed, target, calibration, total, pull)
    lost, pulled = ((counted * x).sum(axis=1) for x in (total - i, pull))
    mean = lost / np.where(pulled > 0, pulled, 1.0)
    rho, start = line_through(total - mean[:, None] * pull, i, otherwise=one, counted=counted)
    slopes = leg_slopes(calibration, target)
    # By how far the node's mean voltage lies above the usual one [V].
    raised = mean * node_thermal(calibration, target, calibration.temperature)
    if target.circuit.splits:
        raised = raised + calibration.signed_rest
    return NodeLine(
        rho=rho,
        start=start,
        drain={1: 1 - slopes["p"] * raised, -1: 1 + slopes["n"] * raised},
    )


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


def read_legs(
    placed: Wired, connection: Connection, calibration: Calibration, node: NodeLine
) -> Weights:
    """Return what a connection's legs amount to behind their nodes."""
    line, k = _connection_line(placed, connection, calibration), _unit(placed, connection)
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
    placed: Wired,
    source: Bus,
    target: Bus,
    weight: Array,
    node: NodeLine,
    calibration: Calibration,
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
    line = leg_line(placed, source, target, calibration, both=both)
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


def read_connections(placed: Wired, calibration: Calibration) -> Iterator[tuple[Connection, Array]]:
    """List the connections, each with the weights (n_target, n_source) that it realises.

    Those off the bias rail come last and give the biases: the inflow of a node with all signals
    zero, so the constant terms of all its lines (`LegLine`, `NodeLine`) are in it.
    """
    nodes = {name: node_line(placed, bus, calibration) for name, bus in placed.buses.items()}
    starts = {name: node.start.copy() for name, node in nodes.items()}
    last = []
    for connection in placed.connections:
        read = read_legs(placed, connection, calibration, nodes[connection.target])
        if connection.source.part is Part.BIAS:
            last.append((connection, read.weight))
            continue
        starts[connection.target] += read.start
        yield connection, read.weight
    for connection, weight in last:
        yield connection, weight + starts[connection.target][:, None]


def _connection_line(placed: Wired, connection: Connection, calibration: Calibration) -> LegLine:
    source, target = placed.buses[connection.source], placed.buses[connection.target]
    return leg_line(placed, source, target, calibration, both=connection.both)


def _unit(placed: Wired, connection: Connection) -> float:
    """Return a one-device leg's share of the source's unit, in the target's: before any gain."""
    source, target = placed.buses[connection.source], placed.buses[connection.target]
    return source.scale / target.scale / source.units


def _source_points(
    placed: Wired, source: Bus, calibration: Calibration, *, both: bool
) -> tuple[Array, dict[str, Array]]:
    """Return usual values of the number that the network multiplies, and the rails' currents.

    The first is (n_source, points): the signal, or its positive part where legs copy the plus rail
    alone. The second has the currents of the same shape by sign, in the source's unit.
    """
    if not source.circuit.moves:
        one = np.ones((source.size, 1))
        return one, {"plus": one}
    if (bank := _feeding(placed, source)) is not None:
        real = realised_bank(placed, bank, calibration)
        output = level_currents(placed, bank, calibration) / source.scale
        levels = bank.memory.level(np.arange(bank.n_cells + 1), bank.levels)
        return real.alpha[:, None] * levels, {"plus": output}
    v = usual_points(source)
    if source.circuit.rectifies:
        v = np.maximum(v, 0)
        return v, {"plus": v}
    i_q = quiescent_current(source, placed.i_lsb, calibration) / source.scale
    plus, minus = split(v, i_q)
    if both:
        return v, {"plus": plus, "minus": minus}
    return np.maximum(v, 0), {"plus": plus}


def _feeding(placed: Wired, row: Bus) -> Bank | None:
    """Return the units whose outputs flow into a row; None where legs drive it."""
    return next((bank for bank in placed.banks if bank.state == row.name), None)


def usual_points(bus: Bus) -> Array:
    """Return usual signals (n_nodes, points) of a bus, in its unit."""
    mean = np.array(bus.mean)[:, None]
    deviation = np.maximum(np.array(bus.deviation)[:, None], LEAST * bus.usual / bus.scale)
    points: Array = mean + deviation * ndtri(MIDDLES)
    return points


def _drawn(placed: Wired, target: Bus, calibration: Calibration) -> tuple[Array, Array]:
    """Return `total` and `pull` of each node of a bus at random usual signals, (n, draws) each.

    The arguments of `mru_hw.circuits.nodes.laws.signed_node`; sources are drawn independently.
    """
    slopes = leg_slopes(calibration, target)
    moves = node_thermal(calibration, target, calibration.temperature)
    total, pull = np.zeros((target.size, DRAWS)), np.zeros((target.size, DRAWS))
    names = list(placed.buses)
    for connection in (c for c in placed.connections if c.target == target.name):
        source, k = placed.buses[connection.source], _unit(placed, connection)
        gains = path_gains(calibration, source, target)
        _, rails = _source_points(placed, source, calibration, both=connection.both)
        draw = np.random.default_rng(names.index(source.name))
        at = draw.integers(rails["plus"].shape[1], size=(source.size, DRAWS))
        for leg, units in connection.legs():
            if leg.role in gains and leg.rail in rails:
                legs = units * (k * gains[leg.role])
                carried = legs @ np.take_along_axis(rails[leg.rail], at, axis=1)
                total += leg.flow * carried
                pull += carried * (slopes[leg.polarity] * moves)
    return total, pull


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


def _flowing(
    placed: Wired, target: Bus, calibration: Calibration, total: Array, pull: Array
) -> Array:
    """Return what flows into nodes to which legs bring `total` with them at their usual voltage."""
    if target.circuit.splits:
        i_q = np.full_like(pull, quiescent_current(target, placed.i_lsb, calibration))
        value, _ = signed_node(total, pull, i_q / target.scale, node_skew(calibration))
    else:
        value, _ = rectified_node(total, pull, target.usual / target.scale)
    flowing: Array = value
    return flowing


def _decided(placed: Wired, target: Bus, calibration: Calibration) -> Array | None:
    """Return the candidates (n, 2) at which units decide; None where no fixed thresholds do."""
    bank = next((bank for bank in placed.banks if bank.candidate == target.name), None)
    if bank is None or bank.window is not None or bank.threshold is not None:
        return None
    real = realised_bank(placed, bank, calibration)
    if target.circuit.compared:
        return np.stack([real.up, -real.down], axis=1)
    # One threshold leaves the line from nothing, which brings nothing.
    return np.stack([real.up, 0 * real.up if bank.clocked else real.down], axis=1)
