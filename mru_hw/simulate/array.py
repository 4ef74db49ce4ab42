"""The behavioral array of one die: its rows of nodes and its banks, and their laws on arrays.

Everything is in the network's own units (a current over its bus's scale) but supply
coefficients, which are in amperes per such unit. The numbers are one die's of a `Program`
(`mru_hw.simulate.program`), of which the arrays here are views.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import NodeCircuit
from mru_hw.circuits.cell.law import Bits, whole
from mru_hw.circuits.legs.leakage import BusLeak, Leak
from mru_hw.circuits.nodes.laws import (
    log_rail,
    rectified_node,
    signed_node,
    split,
)
from mru_hw.mapping.design import Bank, Design
from mru_hw.mapping.flow import Flow, Row, Units
from mru_hw.mapping.realised import net_threshold
from mru_hw.model.memory.recurrence import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Rails:
    """Rail currents of a bus's n nodes, in the bus's unit (amperes over its scale).

    Attributes
    ----------
    plus, minus
        (n, time, sequence) currents of the positive and negative rail, with what legs on them leak
        where legs copy the node; minus is None for a node that is not signed.
    copied
        (rows, time, sequence), the column that `Wiring.net` multiplies, in blocks of n rows:
        plus, minus; then plus and minus again, each times ``ln(plus / i_0)``, with i_0 the
        quiescent current of a signed node and the usual current of any other; then, only of a
        bus that leaks, by how much the current behind each rail's flip exceeds the rail's own. A
        node that is not signed has no minus rows. The logarithm is there because a path's gain
        falls linearly with it (`mru_hw.circuits.legs.gains.path_exponents`); ``ln(minus / i_0)``
        is its negative. None where no legs copy the node.
    """

    plus: Floats
    minus: Floats | None = None
    copied: Floats | None = None

    def at(self, frames: slice) -> Rails:
        """Return some of the frames."""
        minus, copied = self.minus, self.copied
        return Rails(
            plus=self.plus[:, frames],
            minus=None if minus is None else minus[:, frames],
            copied=None if copied is None else copied[:, frames],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """All legs from one bus to another as two matrices, in the buses' units.

    Attributes
    ----------
    source
        Number of the row that they copy.
    sourced
        (n_target, rails n_source) whether a weight's leg on this rail sources its current, as a
        PMOS does, or sinks it.
    net
        (n_target, rows of `Rails.copied`): ``net @ copied`` is the current that they bring into
        each target node while it has its usual voltage.
    pull
        (n_target, rails n_source), never negative: ``pull @ rails`` is the sum of the legs' output
        conductances ``lambda I`` times the voltage by which the target node rises per factor e of
        its own current. The nodes' laws take it off the inflow (`mru_hw.circuits.nodes.laws`).
    """

    source: int
    sourced: NDArray[np.bool_]
    net: Floats
    pull: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A bus of n nodes on a die; currents in the bus's unit, amperes over its scale.

    Attributes
    ----------
    row
        Its place in the flow.
    i_q
        (n, 1, 1) quiescent current of each splitter; None where there is none.
    skew
        How unevenly a signed node moves (`mru_hw.circuits.nodes.laws.signed_node`).
    usual
        Current of its diodes at which gains are taken, in its unit.
    leak
        By how much legs on its rails exceed their share m/n; empty where they do not.
    constant, pull
        (n, 1, 1) current that the legs off the bias rail bring, and their part of ``pull @ rails``
        of `Wiring`.
    wirings
        Legs into it from other buses.
    supply_plus, supply_minus
        (n,) supply current [A] per unit of the plus and of the minus rail: of the node's own
        diodes and flips, and of all legs that source current from that rail into other nodes.
    """

    row: Row
    i_q: Floats | None
    skew: float
    usual: float
    leak: BusLeak
    constant: Floats
    pull: Floats
    wirings: tuple[Wiring, ...]
    supply_plus: Floats
    supply_minus: Floats | None

    @property
    def circuit(self) -> NodeCircuit:
        """What its nodes are."""
        return self.row.bus.circuit

    def rails(self, value: Floats, log: Floats | None = None) -> Rails:
        """Return the rails of a node that receives `value`, (n, time, sequence).

        Parameters
        ----------
        log
            ln(plus / rest), where it is known.
        """
        if not self.circuit.rails:
            return Rails(plus=value)
        if self.i_q is None:
            plus = np.maximum(value, 0)
            log = log_rail(plus, self.usual) if log is None else log
            return self._copied({"plus": plus}, log)
        plus, minus = split(value, self.i_q)
        if not self.circuit.copied:
            return Rails(plus=plus, minus=minus)
        log = log_rail(plus, self.i_q) if log is None else log
        return self._copied({"plus": plus, "minus": minus}, log)

    def _copied(self, diodes: Mapping[str, Floats], log: Floats) -> Rails:
        """Return the rails whose diodes carry `diodes`."""
        n, rows = len(log), len(log) * len(diodes)
        leaks = bool(self.leak.legs)
        copied: Floats = np.empty(((2 + leaks) * rows, *log.shape[1:]), log.dtype)
        for k, (sign, current) in enumerate(diodes.items()):
            at = k * n
            direct = current
            if leaks:
                direct, passed = self.leak.copied(sign, current)
                np.subtract(passed, direct, out=copied[2 * rows + at : 2 * rows + at + n])
            copied[at : at + n] = direct
            np.multiply(direct, log, out=copied[rows + at : rows + at + n])
        return Rails(
            plus=copied[:n], minus=copied[n : 2 * n] if len(diodes) > 1 else None, copied=copied
        )

    def receive(self, rails: Mapping[int, Rails]) -> tuple[Floats, Rails]:
        """Return what flows into the nodes, and their rails, from those of the rows before."""
        return self.settle(product(wiring, self, rails[wiring.source]) for wiring in self.wirings)

    def settle(self, products: Iterable[Product]) -> tuple[Floats, Rails]:
        """Return what flows into the nodes, (n, time, sequence), and their rails."""
        total, pull = self.constant, self.pull
        for net, drag in products:
            total = net + total
            if drag is not None:
                pull = drag + pull
        if not self.circuit.rails:
            return total, self.rails(total)
        if self.i_q is None:
            value, log = rectified_node(total, pull, self.usual)
        else:
            value, log = signed_node(total, pull, self.i_q, self.skew)
        return value, self.rails(value, log)

    def supply(self, rails: Rails) -> Floats:
        """Return the supply current [A], (time, sequence)."""
        total = _weigh(self.supply_plus, rails.plus)
        if rails.minus is not None and self.supply_minus is not None:
            total += _weigh(self.supply_minus, rails.minus)
        return total


def _weigh(weights: Floats, values: Floats) -> Floats:
    weighed: Floats = apply(weights[None], values)[0]
    return weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A bank on a die, in units of its candidate (thresholds) and its state (levels).

    Attributes
    ----------
    up, down
        (n, 1, 1) current at which a unit steps up, and at which it steps down. Of a ladder that is
        the current of the candidate's plus rail and of its minus rail, of which a comparator
        reads copies; of a loop the candidate at its rising and at its falling edge.
    up_nominal
        `up` without mismatch.
    i_q
        (n, 1, 1) quiescent current of a ladder's signed candidate; None where rails do not count.
    leaks
        By sign of the candidate's rail, by how much a comparator's copy exceeds its share; empty
        for loops.
    level
        (n, n_cells + 1) current into the state node with 0, 1, … n_cells cells set.
    held
        (n, n_cells + 1) supply current [A] of all cells of a unit, by the same number.
    output, level_gains, drawn
        (n, n_cells), (n, n_cells + 1) and (n, n_cells): what `level` and `held` are made of, as of
        `UnitLaw`.
    c_step
        (n_units,) capacitance that a step charges from the supply [F].
    c_still, c_clock
        What a strobe charges whether or not units step [F]: in all units, and in their lines and
        driver; nothing of loops.
    biased
        Current of a bias leg in the cells over its share of the bias rail: 1 but for leakage.
        `level` and `held` contain it.
    up_copy, down_copy, up_leg, down_leg
        (n, 1, 1) the two currents in series in each comparator, whose smaller one the supply gives:
        the copy per unit of the candidate's rail, and the leg in candidate units (`UnitLaw`).
    copies
        By role, (n, 1, 1): the current at a window comparator's node, in candidate units, per unit
        of the rail that the copy reads; empty where bias legs set the thresholds.
    """

    units: Units
    up: Floats
    down: Floats
    up_nominal: Floats
    i_q: Floats | None
    leaks: Mapping[str, Leak]
    level: Floats
    held: Floats
    output: Floats
    level_gains: Floats
    drawn: Floats
    c_step: Floats
    c_still: float
    c_clock: float
    biased: float
    up_copy: Floats
    down_copy: Floats
    up_leg: Floats
    down_leg: Floats
    copies: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def bank(self) -> Bank:
        """What was placed."""
        return self.units.bank

    def currents(self, cells: Bits) -> tuple[Floats, Floats]:
        """Return what units feed into the state's nodes, and their cells' supply [A].

        Parameters
        ----------
        cells
            Set cells, (n_cells, n_units, ...); both results are (n_units, ...).
        """
        count = cells.sum(axis=0, dtype=np.intp)
        each = (np.arange(len(count)) * (len(cells) + 1)).reshape(-1, *(1,) * (count.ndim - 1))
        at = count + each
        if whole(cells):
            return self.level.ravel().take(at), self.held.ravel().take(at)
        fed, drawn = (np.einsum("ku...,uk->u...", cells, one) for one in (self.output, self.drawn))
        return fed * self.level_gains.ravel().take(at), drawn

    def window(self, side: str, carried: Rails) -> Floats:
        """Return what a window comparator weighs against ``"up"`` or ``"down"`` candidates.

        Parameters
        ----------
        carried
            Rails of the threshold's node, (n, time, sequence), in its units.
        """
        weighed: Floats = carried.plus * self.copies[f"{side}_plus"]
        if carried.minus is not None:
            weighed = weighed + carried.minus * self.copies[f"{side}_minus"]
        return weighed

    def against(self, candidate: Rails, carried: tuple[Rails, Rails]) -> tuple[Floats, Floats]:
        """Return what a window comparator weighs each of the candidate's rails against.

        Parameters
        ----------
        candidate
            Rails of the candidate.
        carried
            Those of the threshold's node, as PMOS and as NMOS legs copy them.

        Returns
        -------
        up, down
            (n, time, sequence); nothing weighs a minus rail that is not there.
        """
        up = self.window("up", carried[0])
        if candidate.minus is None:
            return up, np.zeros_like(up)
        up = up + candidate.minus * self.copies["up_opposite"]
        down = self.window("down", carried[1]) + candidate.plus * self.copies["down_opposite"]
        return up, down

    def compared(self, candidate: Rails, against: tuple[Floats, Floats] | None) -> Floats:
        """Return the supply current of the comparators, (time, sequence), in candidate units.

        Two current sources in series carry the smaller current.

        Parameters
        ----------
        against
            Of window comparators, `against`.
        """
        up_leg, down_leg = self.up_leg, self.down_leg
        if against is not None:
            up_leg, down_leg = up_leg * against[0], down_leg * against[1]
        plus = self.leaks["plus"].copied(candidate.plus)
        total: Floats = np.minimum(plus * self.up_copy, up_leg).sum(axis=0)
        if candidate.minus is not None:
            minus = self.leaks["minus"].copied(candidate.minus)
            total += np.minimum(minus * self.down_copy, down_leg).sum(axis=0)
        return total

    def thresholds(self, carried: Rails | None = None) -> tuple[Floats, Floats]:
        """Return the candidate at which a unit steps up and the magnitude at which it steps down.

        Parameters
        ----------
        carried
            Input-dependent threshold: the rails of its node, (n, time, sequence), in its units. A
            loop weighs their sum, and the mirror errors of the placed legs stand for those of the
            copies.
        """
        up, down = self.up, self.down
        if carried is not None and self.copies:
            return self._window_thresholds(carried)
        if carried is not None:
            total = carried.plus if carried.minus is None else carried.plus + carried.minus
            down, up = total * (up / self.up_nominal), up - down
            up = down + up
        if self.i_q is not None:
            up, down = net_threshold(up, self.i_q), net_threshold(down, self.i_q)
        return up, down

    def _window_thresholds(self, carried: Rails) -> tuple[Floats, Floats]:
        """Where the candidate's own rail meets the threshold and a copy of its other rail.

        ``p = w + k i_q^2 / p`` for a rail p, what the threshold weighs w and the other rail's k.
        """
        up = self.window("up", carried)
        if self.i_q is None:
            return up, np.full_like(up, np.inf)
        found = []
        for side, weighed in (("up", up), ("down", self.window("down", carried))):
            floor = 4 * self.copies[f"{side}_opposite"] * self.i_q * self.i_q
            rail = (weighed + np.sqrt(weighed * weighed + floor)) / 2
            found.append(net_threshold(rail, self.i_q))
        return found[0], found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DieArray:
    """All of a die that the behavioral level needs.

    Attributes
    ----------
    flow
        What feeds what.
    rows, memories
        Rows of nodes and banks, by number.
    bias_supply, clock_supply
        Supply current [A] of the bias tree and of the strobe drivers.
    """

    flow: Flow
    rows: tuple[Node, ...]
    memories: tuple[Memory, ...]
    bias_supply: float
    clock_supply: float

    @property
    def design(self) -> Design:
        """What it is of."""
        return self.flow.design

    @property
    def nodes(self) -> dict[str, Node]:
        """Rows by the names that the Design gives them."""
        return {node.row.bus.name: node for node in self.rows}

    def arrive(self, name: str, rails: Mapping[str, Rails]) -> tuple[Floats, Rails]:
        """Return what flows into a bus from the rails of its sources, and its own rails.

        For a look at one bus by itself; names are the Design's.
        """
        number = {row.bus.name: row.index for row in self.flow.rows}
        return self.nodes[name].receive({number[n]: of for n, of in rails.items() if n in number})


Product = tuple[Floats, Floats | None]
"""What a wiring brings, and its part of the pull where the node's voltage moves."""


def product(wiring: Wiring, node: Node, rails: Rails) -> Product:
    """Return what a wiring brings into a node, (n, time, sequence)."""
    copied = rails.copied
    assert copied is not None
    net = apply(wiring.net, copied)
    if not node.circuit.rails:
        return net, None
    return net, apply(wiring.pull, copied[: wiring.pull.shape[1]])


def apply(weight: Floats, values: Floats) -> Floats:
    """Return ``weight @ values`` over (n, time, sequence)."""
    out: Floats = np.empty((len(weight), *values.shape[1:]), np.result_type(weight, values))
    # One product of fixed shape a frame: its bits depend on neither length nor neighbours.
    np.matmul(weight, values.transpose(1, 0, 2), out=out.transpose(1, 0, 2))
    return out
