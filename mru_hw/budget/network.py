"""The network that a chip amounts to, beside the chip, at its operating points.

The mapping reads every leg and every node as a straight line (`mru_hw.mapping.reading`); the lines
together are the network that `mru_hw.mapping.inverse.unmap` returns, here in amperes. It is played
at the inputs and with the states of the chip, so that what the chip's laws leave of it is known at
every node, and it carries errors to where they count: with its own weights, and over a rectifier
by the secant between the two, so that errors of nodes add up to the difference of chip and network
without a remainder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from mru_hw.budget.nominal import Nominal
from mru_hw.budget.signals import Signals
from mru_hw.cells.base import Array
from mru_hw.circuits.base import IntArray, NodeKind
from mru_hw.circuits.legs.gains import path_gains
from mru_hw.circuits.legs.roles import LEGS, Leg
from mru_hw.circuits.window.gains import threshold_copy, window_copies
from mru_hw.mapping.design import Bank, Bus, Connection
from mru_hw.mapping.flow import Row
from mru_hw.mapping.lines import NodeLine
from mru_hw.mapping.reading import Reading
from mru_hw.mapping.realised import compensating, realised_bank
from mru_hw.technology.calibration import Calibration

BESIDE, TINY = 1e-6, 1e-18
"""How far beside a value a slope is taken, relative to it, and from which size on [A]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLegs:
    """A connection as its lines have it; currents are in amperes.

    Attributes
    ----------
    connection, source
        What was placed, and the bus that it reads.
    weight
        (n_target, n_source) what the network multiplies with, A per A.
    roles
        Its legs by role. Entries of the weight count with the role that its sign has, also where
        rounding left no device.
    units
        By role, (n_target, n_source): its unit devices.
    placed
        By role, (n_target, n_source): A per A of the rail at its usual current, never negative.
    share
        By role, (n_target,): what a node takes of a leg's current, with the sign of its flow.
    slope, mean
        By role, (n_source,): slope of what a leg copies over its rail, and its mean, over the usual
        signals.
    rails, usual
        Mean current of a rail, by sign, and of what is multiplied, (n_source,).
    kept
        Whether a bias of the target takes up what the legs bring besides.
    """

    connection: Connection
    source: Bus
    weight: Array
    roles: dict[str, Leg]
    units: dict[str, IntArray]
    placed: dict[str, Array]
    share: dict[str, Array]
    slope: dict[str, Array]
    mean: dict[str, Array]
    rails: dict[str, Array]
    usual: Array
    kept: bool

    def signed(self, role: str) -> Array:
        """Return the weights (n_target, n_source) that legs of a role realise, with their sign."""
        sign = self.roles[role].sign
        return sign * np.maximum(sign * self.weight, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The network of a chip.

    Attributes
    ----------
    nominal
        The chip without mismatch.
    calibration
        Constants at the conditions that its ratios are compensated for.
    nodes
        By bus, the line of its nodes.
    legs
        By connection.
    """

    nominal: Nominal
    calibration: Calibration
    nodes: dict[str, NodeLine]
    legs: dict[str, ReadLegs]

    @classmethod
    def of(cls, nominal: Nominal) -> Network:
        """Read a chip's lines at the conditions that it is compensated for."""
        design = nominal.design
        calibration = compensating(design, nominal.devices.calibration)
        reading = Reading(design, calibration)
        nodes = reading.node_lines()
        biased = {c.target for c in design.connections if c.source == "bias"}
        legs = {
            c.parameter: _read(reading, c, nodes[c.target], kept=c.target in biased)
            for c in design.connections
        }
        return cls(nominal=nominal, calibration=calibration, nodes=nodes, legs=legs)

    def legs_into(self, row: Row) -> Iterator[ReadLegs]:
        """List the connections into a row; those off the bias rail last."""
        return (self.legs[c.parameter] for c, _ in self.nominal.legs_into(row))

    def start(self, bus: Bus) -> Array:
        """Return what a bus's nodes have with no leg bringing anything [A], as the biases know."""
        biased = any(legs.kept for legs in self.legs.values() if legs.connection.target == bus.name)
        return self.nodes[bus.name].start * (bus.scale if biased else 0.0)

    def thresholds(self, bank: Bank, carried: Array | None) -> Array:
        """Return the thresholds [A] of a bank's units, (kinds, n_points or 1, n_units).

        Parameters
        ----------
        carried
            What flows into the nodes that they come from, or None.
        """
        design = self.nominal.design
        c = design.buses[bank.candidate]
        if bank.window is not None and bank.threshold is not None and carried is not None:
            b = design.buses[bank.threshold]
            copied = threshold_copy(window_copies(self.calibration, bank.window, c, b))
            return np.array(2 * [copied * np.abs(carried)])
        real = realised_bank(design, bank, self.calibration)
        return np.array([real.up, real.down])[:, None] * c.scale

    def play(self, signals: Signals) -> Played:
        """Run it at a chip's operating points."""
        nominal = self.nominal
        value: dict[str, Array] = {"x": signals.value["x"]} | self._states(signals)
        for row in nominal.flow.rows:
            bus = row.bus
            if bus.name in value:
                continue
            v = np.tile(self.start(bus), (len(signals.value["x"]), 1))
            for legs in self.legs_into(row):
                if legs.source.circuit.moves:
                    v += multiplied(legs, value[legs.source.name]) @ legs.weight.T
                v += self.brought(legs)
            value[bus.name] = v
        return Played(network=self, signals=signals, value=value)

    def brought(self, legs: ReadLegs) -> Array:
        """Return what legs bring [A] when the network multiplies nothing, as the biases know it."""
        parts = [self.constant(legs, role).sum(axis=1) for role in legs.roles]
        brought: Array = np.sum(parts, axis=0)
        return brought

    def constant(self, legs: ReadLegs, role: str) -> Array:
        """Return what of it each leg of a role has, (n_target, n_source) [A]."""
        leg = legs.roles[role]
        own = legs.share[role][:, None] * legs.placed[role] * legs.mean[role]
        if not legs.source.circuit.moves:
            return own
        if not legs.kept:
            return np.zeros_like(own)
        if legs.connection.both:
            sign = 1.0 if leg.rail == "plus" else -1.0
            return own - sign * legs.signed(role) * legs.rails[leg.rail]
        return own - legs.signed(role) * legs.usual

    def copied(self, legs: ReadLegs, role: str) -> Array:
        """Return what a node takes of the chip's legs, A per A that they copy of a rail.

        (n_target, n_source), with the sign of the flow. What the chip and the mapping take for a
        gain differs where the chip stands at other conditions than it is compensated for.
        """
        placed = self.nominal.legs[legs.connection.parameter].get(role)
        return legs.share[role][:, None] * (legs.placed[role] if placed is None else placed)

    def _states(self, signals: Signals) -> dict[str, Array]:
        """Return by bus what memory units hold, alpha times their level [A]."""
        design = self.nominal.design
        found: dict[str, Array] = {}
        for bank in design.banks:
            real = realised_bank(design, bank, self.calibration)
            rank = signals.on[bank.layer].sum(axis=2).astype(np.int64)
            level = bank.memory.level(rank, bank.levels)
            found[bank.state] = real.alpha * level * design.buses[bank.state].scale
        return found


def _read(reading: Reading, c: Connection, node: NodeLine, *, kept: bool) -> ReadLegs:
    buses = reading.placed.buses
    source, target = buses[c.source], buses[c.target]
    line = reading.leg_line(source, target, both=c.both)
    gains = path_gains(reading.calibration, source, target)
    roles = {leg.role: leg for leg in LEGS if leg.role in line.gain}
    flows = {role: 1 if leg.device == "p_mirror" else -1 for role, leg in roles.items()}
    units = {leg.role: placed for leg, placed in c.legs()}
    return ReadLegs(
        connection=c,
        source=source,
        weight=reading.read_legs(c, node).weight * (target.scale / source.scale),
        roles=roles,
        units={role: units[role] for role in roles},
        placed={role: np.multiply(units[role], gains[role] / source.units) for role in roles},
        share={role: flow * node.rho * node.drain[flow] for role, flow in flows.items()},
        slope={role: line.gain[role] / gains[role] for role in roles},
        mean={role: line.mean[role] * (source.scale / gains[role]) for role in roles},
        rails={rail: mean * source.scale for rail, mean in line.rails.items()},
        usual=line.usual * source.scale,
        kept=kept,
    )


def multiplied(legs: ReadLegs, value: Array) -> Array:
    """Return what a connection's weights multiply of a source's value [A]."""
    whole = legs.connection.both or legs.source.kind is NodeKind.STATE
    return value if whole else np.maximum(value, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A network at the operating points of its chip.

    Attributes
    ----------
    network, signals
        What was played, and where.
    value
        By bus, what flows into its nodes (n_points, n_nodes) [A]; of memory units, alpha times
        their level.
    """

    network: Network
    signals: Signals
    value: dict[str, Array]

    def at(self, rows: slice) -> Played:
        """Return some of the points."""
        return Played(
            network=self.network,
            signals=self.signals.at(rows),
            value={name: value[rows] for name, value in self.value.items()},
        )

    def chip(self, legs: ReadLegs) -> Array:
        """Return what a connection's weights multiply [A], of the chip's own value of its source.

        Of a memory unit that is alpha times its level: how its output bends is its legs' error.
        """
        source = legs.source
        if not source.circuit.moves:
            return self.signals.value[source.name]
        held = source.kind is NodeKind.STATE
        return multiplied(legs, (self.value if held else self.signals.value)[source.name])

    def threshold_slope(self, bank: Bank) -> Array | None:
        """Return the secants [A/A] of thresholds from the input by the inflow of their nodes.

        (kinds, n_points, n_units) between chip and network; None for fixed thresholds.
        """
        if bank.threshold is None:
            return None
        name, law = bank.threshold, partial(self.network.thresholds, bank)
        return secant(law, self.signals.value[name], self.value[name])

    def carried_back(
        self, seeds: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[tuple[str, str], Array]]:
        """Carry derivatives back through the network, as `mru_hw.budget.signals.gradients` does.

        Over a rectifier the derivative is the secant between chip and network.
        """
        by_node: dict[str, Array] = dict(seeds)
        by_rail: dict[tuple[str, str], Array] = {}
        for row in reversed(self.network.nominal.flow.rows):
            if row.bus.name not in by_node:
                continue
            for legs in self.network.legs_into(row):
                self._through(legs, by_node[row.bus.name], by_node, by_rail)
        return by_node, by_rail

    def _through(
        self,
        legs: ReadLegs,
        reached: Array,
        by_node: dict[str, Array],
        by_rail: dict[tuple[str, str], Array],
    ) -> None:
        n_points, n, size = reached.shape
        # One large product instead of one for every point.
        flat, at = reached.reshape(n_points * n, size), legs.source.name
        for role in legs.roles:
            through = (flat @ self.network.copied(legs, role)).reshape(n_points, n, -1)
            by_rail[at, role] = by_rail.get((at, role), 0.0) + through
        if legs.source.circuit.moves:
            passed = (flat @ legs.weight).reshape(n_points, n, -1)
            by_node[at] = by_node.get(at, 0.0) + passed * self._slope(legs)[:, None]

    def _slope(self, legs: ReadLegs) -> Array:
        chip, network = (of[legs.source.name] for of in (self.signals.value, self.value))
        return secant(partial(multiplied, legs), chip, network)


def secant(law: Callable[[Array], Array], one: Array, other: Array) -> Array:
    """Return the slope of a law between two values; where they are one, beside it."""
    apart = one - other
    step = np.where(apart == 0, BESIDE * np.maximum(np.abs(other), TINY), apart)
    slope: Array = (law(other + step) - law(other)) / step
    return slope
