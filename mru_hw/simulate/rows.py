"""Rows of nodes on one die and their laws on arrays, (node, time, sequence).

Currents are in the network's own units (a current over its bus's scale), supply coefficients in
amperes per such unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import NodeCircuit
from mru_hw.circuits.legs.leakage import BusLeak, branch_supply
from mru_hw.circuits.nodes.laws import log_rail, rectified_node, signed_node, split
from mru_hw.mapping.flow import Row
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
    diodes
        By sign, (n, time, sequence) currents of the node's own diodes, of a bus that leaks; else
        they are `plus` and `minus`.
    """

    plus: Floats
    minus: Floats | None = None
    copied: Floats | None = None
    diodes: tuple[Floats, ...] = ()

    @property
    def excess(self) -> tuple[Floats, ...]:
        """By sign, what the rails behind the flips carry more; of a bus that leaks."""
        signs = len(self.diodes)
        if self.copied is None or not signs:
            return ()
        n = len(self.plus)
        return tuple(self.copied[k * n : (k + 1) * n] for k in range(2 * signs, 3 * signs))

    def behind(self) -> tuple[Floats, Floats | None]:
        """Return the currents of the plus and the minus rail behind their flips."""
        if not self.diodes:
            return self.plus, self.minus
        plus, *minus = self.excess
        return self.plus + plus, None if self.minus is None else self.minus + minus[0]

    def at(self, frames: slice) -> Rails:
        """Return some of the frames."""
        minus, copied = self.minus, self.copied
        return Rails(
            plus=self.plus[:, frames],
            minus=None if minus is None else minus[:, frames],
            copied=None if copied is None else copied[:, frames],
            diodes=tuple(diode[:, frames] for diode in self.diodes),
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
    branches
        (signs, 4, n) the same apart, by what each carries where rails leak
        (`mru_hw.circuits.legs.leakage.branch_supply`).
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
    branches: Floats

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
        diodes, log = self.diodes(value, log)
        if log is not None:
            return self._copied(diodes, log)
        return Rails(plus=diodes["plus"], minus=diodes.get("minus"))

    def diodes(
        self, value: Floats, log: Floats | None = None
    ) -> tuple[dict[str, Floats], Floats | None]:
        """Return the diodes' currents by sign, and ln(plus / rest) where legs copy them.

        Parameters are those of `rails`.
        """
        if not self.circuit.rails:
            return {"plus": value}, None
        if self.i_q is None:
            plus = np.maximum(value, 0)
            return {"plus": plus}, log_rail(plus, self.usual) if log is None else log
        plus, minus = split(value, self.i_q)
        if not self.circuit.copied:
            return {"plus": plus, "minus": minus}, None
        return {"plus": plus, "minus": minus}, log_rail(plus, self.i_q) if log is None else log

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
            plus=copied[:n],
            minus=copied[n : 2 * n] if len(diodes) > 1 else None,
            copied=copied,
            diodes=tuple(diodes.values()) if leaks else (),
        )

    def receive(self, rails: Mapping[int, Rails]) -> tuple[Floats, Rails]:
        """Return what flows into the nodes, and their rails, from those of the rows before."""
        return self.settle(product(wiring, self, rails[wiring.source]) for wiring in self.wirings)

    def settle(self, products: Iterable[Product]) -> tuple[Floats, Rails]:
        """Return what flows into the nodes, (n, time, sequence), and their rails."""
        value, log = self.inflow(products)
        return value, self.rails(value, log)

    def inflow(self, products: Iterable[Product]) -> tuple[Floats, Floats | None]:
        """Return what flows into the nodes, and ln(plus / rest) where their voltage moves."""
        total, pull = self.constant, self.pull
        for net, drag in products:
            total = net + total
            if drag is not None:
                pull = drag + pull
        if not self.circuit.rails:
            return total, None
        if self.i_q is None:
            value, log = rectified_node(total, pull, self.usual)
        else:
            value, log = signed_node(total, pull, self.i_q, self.skew)
        return value, log

    def supply(self, rails: Rails) -> Floats:
        """Return the supply current [A], (time, sequence)."""
        if rails.diodes:
            return self._leaking_supply(rails)
        total = _weigh(self.supply_plus, rails.plus)
        if rails.minus is not None and self.supply_minus is not None:
            total += _weigh(self.supply_minus, rails.minus)
        return total

    def _leaking_supply(self, rails: Rails) -> Floats:
        direct = (rails.plus,) if rails.minus is None else (rails.plus, rails.minus)
        parts = zip(
            rails.diodes,
            direct,
            rails.excess,
            self.leak.least.values(),
            self.branches[..., None, None],
            strict=True,
        )
        total: Floats = sum(
            branch_supply(diode, leg, excess, least, *weights).sum(axis=0)
            for diode, leg, excess, least, weights in parts
        )
        return total


def _weigh(weights: Floats, values: Floats) -> Floats:
    weighed: Floats = apply(weights[None], values)[0]
    return weighed


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
