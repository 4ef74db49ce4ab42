"""What the chip's laws leave of the network: the error that no weight and no bias takes up.

    curvature = chip - network

at every node, from the chip's own currents before it (`mru_hw.budget.network`). A leg's current
bends with the logarithm of the rail that it copies, its diode's V_GS and the drain of the copy
behind it; a node moves with its current and so each leg's V_DS; two rails of one weight are
rounded apart, and a splitter's rail or a unit's output is no straight line. What of all that is
straight over the usual signals stands in the weights, its mean in the biases, and only the rest is
an error.

A leg's part is what it copies at its node's mean voltage less its line; that of the copy between a
node's diodes stands by itself. How a node's movement bends is the legs' output conductance, and
each leg has of it the share that it has of the node's whole pull.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mru_hw.budget.network import Played, ReadLegs
from mru_hw.budget.nominal import thresholds
from mru_hw.cells.base import Array
from mru_hw.circuits.base import rail_of
from mru_hw.circuits.legs.gains import mirror_exponent
from mru_hw.mapping.design import Bank, Bus
from mru_hw.mapping.flow import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBend:
    """What a row's nodes leave of their lines.

    Attributes
    ----------
    error
        (n_points, n_nodes) [A].
    per_pull
        The same over the nodes' whole pull.
    """

    error: Array
    per_pull: Array


def node_bend(played: Played, row: Row) -> NodeBend:
    """Return what the nodes of a row leave of their lines: their inflow less that of straight ones.

    A straight node takes of its legs what they bring at its mean voltage.
    """
    network, signals = played.network, played.signals
    nominal, bus = network.nominal, row.bus
    error = signals.value[bus.name] - network.start(bus)
    pull = np.zeros_like(error)
    for legs in network.legs_into(row):
        for role in legs.roles:
            copied = signals.copied(nominal, legs.source, role)
            error = error - copied @ network.copied(legs, role).T
            pull = pull + _rail(played, legs, role) @ pulls(played, legs, bus, role).T
    # Where no leg pulls, the node takes what its legs bring, and its line is that.
    per_pull = np.divide(error, pull, out=np.zeros_like(error), where=pull > 0)
    return NodeBend(error=error, per_pull=per_pull)


def pulls(played: Played, legs: ReadLegs, target: Bus, role: str) -> Array:
    """Return what legs of a role pull at their nodes, A per A of a rail, (n_target, n_source)."""
    nominal = played.network.nominal
    each = nominal.pulls(target)[legs.roles[role].device[0]]
    placed = nominal.legs[legs.connection.parameter].get(role)
    return each * (np.zeros(legs.weight.shape) if placed is None else placed)


def leg_errors(
    played: Played, legs: ReadLegs, target: Bus, bend: NodeBend
) -> Iterator[tuple[str, Array]]:
    """Yield role and error (n_points, n_target) [A] of a connection's legs, flips apart."""
    network, signals = played.network, played.signals
    for role in legs.roles:
        copied = signals.copied(network.nominal, legs.source, role)
        copied = copied - flip_error(played, legs, role)
        brought = copied @ network.copied(legs, role).T
        line = _counted(played, legs, role) @ legs.signed(role).T
        line = line + network.constant(legs, role).sum(axis=1)
        share = _rail(played, legs, role) @ pulls(played, legs, target, role).T
        yield role, brought - line + bend.per_pull * share


def element_error(
    played: Played, legs: ReadLegs, target: Bus, bend: NodeBend, role: str, at: tuple[int, int]
) -> Array:
    """Return the same (n_points,) [A] of one leg, with that of the flip before it."""
    network, (k, n) = played.network, at
    copied = played.signals.copied(network.nominal, legs.source, role)[:, n]
    line = _counted(played, legs, role)[:, n] * legs.signed(role)[k, n]
    line = line + network.constant(legs, role)[k, n]
    share = _rail(played, legs, role)[:, n] * pulls(played, legs, target, role)[k, n]
    found: Array = copied * network.copied(legs, role)[k, n] - line + bend.per_pull[:, k] * share
    return found


def flip_error(played: Played, legs: ReadLegs, role: str) -> Array:
    """Return by how much the copy between a node's diodes bends what a role's legs copy.

    (n_points, n_source) [A], of the share that the copy and the diode before it have in the path's
    exponent; zero where legs read the node's own diode.
    """
    nominal, source = played.network.nominal, legs.source
    rail = _rail(played, legs, role)
    exponent = nominal.exponents[source.name].get(role, 0.0)
    if not source.circuit.moves or not source.circuit.flipped(role) or exponent == 0:
        return np.zeros_like(rail)
    devices = nominal.devices
    own = mirror_exponent(devices.calibration, source, rail_of(role), devices.temperature)
    straight = legs.mean[role] + legs.slope[role] * (rail - legs.rails[rail_of(role)[0]])
    bent = played.signals.copied(nominal, source, role) - straight
    return (1 - own / exponent) * bent


def threshold_errors(played: Played, bank: Bank) -> list[Array]:
    """By how much [A] each threshold lies above the network's at the same inflow, by kind."""
    carried = None if bank.threshold is None else played.signals.value[bank.threshold]
    chip = thresholds(played.network.nominal.devices, bank, carried)
    return list(chip - played.network.thresholds(bank, carried)[: len(chip)])


def _rail(played: Played, legs: ReadLegs, role: str) -> Array:
    return played.signals.rail(legs.source.name, role)


def _counted(played: Played, legs: ReadLegs, role: str) -> Array:
    """Return what the network multiplies of a role's source (n_points, n_source) [A].

    Where both rails are copied, each has its own part of it; nothing of the bias rail, which
    brings what it brings.
    """
    if not legs.source.circuit.moves:
        return 0.0 * _rail(played, legs, role)
    if legs.connection.both:
        return _rail(played, legs, role) * (1.0 if legs.roles[role].rail == "plus" else -1.0)
    return played.chip(legs)
