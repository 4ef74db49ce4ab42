"""What the behavioral level computes with: dies of one design as flat arrays in one layout.

A `Program` is a structure that its dies share and numbers of each die. The structure is the Design
in the order of its signal (`mru_hw.mapping.flow`): rows of nodes, wirings and banks by number. The
numbers are arrays with a leading axis of dies, and what belongs to nodes, units, cells or levels
stands behind it, row after row and bank after bank. Currents are in the network's own units (a
current over its bus's scale) but supply coefficients, which are in amperes per such unit.

========================================  =====================================================
``net``, ``pull``                         matrices of the wirings, one after the other, row-major
                                          (`Matrix`)
``i_q``, ``constant``, ``drag``,          by node
``supply_plus``, ``supply_minus``
``branches``                              by sign, branch and node
``leak``, ``least``                       by row, and by rail or sign
``up``, ``down``, ``up_nominal``,         by unit
``up_copy``, ``down_copy``, ``up_leg``,
``down_leg``, ``copies``, ``c_step``
``output``, ``drawn``                     by cell, unit after unit
``level``, ``level_gains``, ``held``      by level, unit after unit
``compared``                              by bank, and by sign
``c_still``, ``c_clock``                  by bank
``biased``, ``bias_supply``,              one a die
``clock_supply``
========================================  =====================================================

What reads it: numpy, die by die (`Program.die`), which is the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.leakage import COMPARED, BusLeak, Leak
from mru_hw.circuits.window.roles import COPIES
from mru_hw.mapping.flow import Flow, Row, Units
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import DieArray, Memory, Node, Wiring

Array = NDArray[np.float64]

BRANCHES = ("own", "flip", "legs", "behind")
"""Order of what a sign of a node draws in `Program.branches`, as `branch_supply` names it."""
COPY_ROLES = tuple(copy.name for copy in COPIES)
"""Order of a window comparator's copies in `Program.copies`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Where a wiring's matrices stand in `Program.net` and `Program.pull`.

    Attributes
    ----------
    net, pull
        Their places behind the die axis.
    n_target
        Rows of both.
    columns, part
        Columns of ``net``, those of `mru_hw.simulate.array.Rails.copied`, and of ``pull``.
    sourced
        (n_target, part) whether a weight's leg on a rail sources its current, as a PMOS does; a
        leg that sinks it is an NMOS. The polarity of every leg, which the sums do not show.
    """

    net: slice
    pull: slice
    n_target: int
    columns: int
    part: int
    sourced: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The structure that the dies of a program share.

    Attributes
    ----------
    flow
        Rows, wirings and banks.
    leaks
        By row, whether legs on its rails exceed their share m/n; then its sources' matrices have
        columns for it.
    matrices
        By wiring.
    usual
        By row, the current of its diodes at which gains are taken, in its unit.
    """

    flow: Flow
    leaks: tuple[bool, ...]
    matrices: tuple[Matrix, ...]
    usual: tuple[float, ...]

    @classmethod
    def of(cls, flow: Flow, leaks: tuple[bool, ...]) -> Layout:
        """Lay out the arrays of a design's dies."""
        matrices: list[Matrix] = []
        net = pull = 0
        for legs in flow.legs:
            source, target = flow.rows[legs.source], flow.rows[legs.target]
            connection = legs.connection
            signs = [connection.plus > 0, connection.minus < 0]
            n, part = target.bus.size, len(source.bus.circuit.signs) * source.bus.size
            columns = (2 + leaks[source.index]) * part
            matrices.append(
                Matrix(
                    net=slice(net, net + n * columns),
                    pull=slice(pull, pull + n * part),
                    n_target=n,
                    columns=columns,
                    part=part,
                    sourced=np.hstack(signs[: part // source.bus.size]),
                )
            )
            net, pull = net + n * columns, pull + n * part
        return cls(
            flow=flow,
            leaks=leaks,
            matrices=tuple(matrices),
            usual=tuple(row.bus.usual / row.bus.scale for row in flow.rows),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Dies of one design under one set of conditions; see the module's docstring.

    Attributes
    ----------
    layout
        What they share.
    skew
        How unevenly signed nodes move (`mru_hw.circuits.nodes.laws.signed_node`).
    net, pull
        (n_die, values) of the number type of the run, as all that follow but where it is said.
    i_q
        (n_die, n_nodes) quiescent current of each splitter; 0 where there is none.
    constant, drag
        (n_die, n_nodes) what the legs off the bias rail bring, and their part of the pull.
    supply_plus, supply_minus
        (n_die, n_nodes) supply current [A] per unit of either rail that does not leak.
    branches
        (n_die, 2, 4, n_nodes) what it is the sum of, by sign and in the order of `BRANCHES`.
    leak
        (n_die, n_rows, 4, 3) float64: channel, junction and slope of a leg on each of the rails, in
        the order of `NodeCircuit.rails`.
    least
        (n_die, n_rows, 2) float64: by sign, the least current that the flip can carry.
    up, down, up_nominal, up_copy, down_copy, up_leg, down_leg
        (n_die, n_units) as of `mru_hw.simulate.array.Memory`.
    copies
        (n_die, 6, n_units) by `COPY_ROLES`; 0 where a unit has none.
    compared
        (n_die, n_banks, 2, 3) float64: as `leak`, of the comparators' copies of the candidate's
        plus and minus rail.
    output, drawn
        (n_die, n_cells) current into the state node, and supply current [A], of each set cell.
    level, level_gains, held
        (n_die, n_levels) current into the state node, what the drains make of it, and the cells'
        supply current [A], by the number of set cells of a whole code.
    c_step
        (n_units,) float64 capacitance that a step charges [F].
    c_still, c_clock
        (n_banks,) float64 what a strobe charges whether or not units step [F].
    biased, bias_supply, clock_supply
        (n_die,) float64: current of a bias leg in the cells over its share; supply currents [A].
    """

    layout: Layout
    skew: float
    net: Floats
    pull: Floats
    branches: Floats
    i_q: Floats
    constant: Floats
    drag: Floats
    supply_plus: Floats
    supply_minus: Floats
    leak: Array
    least: Array
    up: Floats
    down: Floats
    up_nominal: Floats
    up_copy: Floats
    down_copy: Floats
    up_leg: Floats
    down_leg: Floats
    copies: Floats
    compared: Array
    output: Floats
    drawn: Floats
    level: Floats
    level_gains: Floats
    held: Floats
    c_step: Array
    c_still: Array
    c_clock: Array
    biased: Array
    bias_supply: Array
    clock_supply: Array

    @property
    def n_die(self) -> int:
        """How many dies."""
        return len(self.net)

    @property
    def flow(self) -> Flow:
        """What feeds what."""
        return self.layout.flow

    def dies(self) -> Iterator[DieArray]:
        """List its dies as numpy runs them."""
        return (self.die(d) for d in range(self.n_die))

    def die(self, d: int) -> DieArray:
        """Return one die as numpy runs it; its arrays are views."""
        rows = tuple(self._node(d, row) for row in self.flow.rows)
        return DieArray(
            flow=self.flow,
            rows=rows,
            memories=tuple(self._memory(d, units, rows) for units in self.flow.banks),
            bias_supply=float(self.bias_supply[d]),
            clock_supply=float(self.clock_supply[d]),
        )

    def _node(self, d: int, row: Row) -> Node:
        splits, nodes = row.bus.circuit.splits, row.nodes
        return Node(
            row=row,
            i_q=_column(self.i_q[d, nodes]) if splits else None,
            skew=self.skew,
            usual=self.layout.usual[row.index],
            leak=self._leak(d, row),
            constant=_column(self.constant[d, nodes]),
            pull=_column(self.drag[d, nodes]),
            wirings=tuple(self._wiring(d, k) for k in row.legs),
            supply_plus=self.supply_plus[d, nodes],
            supply_minus=self.supply_minus[d, nodes] if splits else None,
            branches=self.branches[d, : len(row.bus.circuit.signs), :, nodes],
        )

    def _leak(self, d: int, row: Row) -> BusLeak:
        if not self.layout.leaks[row.index]:
            return BusLeak(legs={}, least={})
        circuit = row.bus.circuit
        legs = zip(circuit.rails, self.leak[d, row.index], strict=False)
        least = zip(circuit.signs, self.least[d, row.index].tolist(), strict=False)
        return BusLeak(legs={rail: _leak(known) for rail, known in legs}, least=dict(least))

    def _wiring(self, d: int, k: int) -> Wiring:
        matrix = self.layout.matrices[k]
        return Wiring(
            source=self.flow.legs[k].source,
            sourced=matrix.sourced,
            net=self.net[d, matrix.net].reshape(matrix.n_target, -1),
            pull=self.pull[d, matrix.pull].reshape(matrix.n_target, -1),
        )

    def _memory(self, d: int, units: Units, rows: tuple[Node, ...]) -> Memory:
        bank, at = units.bank, units.units
        window = bank.window is not None
        signed = units.bank.clocked and rows[units.candidate].i_q is not None
        roles = [part.name for part in COPIES if window and (signed or not part.signed)]
        return Memory(
            units=units,
            up=_column(self.up[d, at]),
            down=_column(self.down[d, at]),
            up_nominal=_column(self.up_nominal[d, at]),
            i_q=rows[units.candidate].i_q if bank.clocked else None,
            leaks={
                sign: _leak(known)
                for sign, known in zip(COMPARED, self.compared[d, units.index], strict=True)
            }
            if bank.clocked
            else {},
            level=self.level[d, units.levels].reshape(bank.n_units, -1),
            held=self.held[d, units.levels].reshape(bank.n_units, -1),
            output=self.output[d, units.cells].reshape(bank.n_units, -1),
            level_gains=self.level_gains[d, units.levels].reshape(bank.n_units, -1),
            drawn=self.drawn[d, units.cells].reshape(bank.n_units, -1),
            c_step=self.c_step[at],
            c_still=float(self.c_still[units.index]),
            c_clock=float(self.c_clock[units.index]),
            biased=float(self.biased[d]),
            up_copy=_column(self.up_copy[d, at]),
            down_copy=_column(self.down_copy[d, at]),
            up_leg=_column(self.up_leg[d, at]),
            down_leg=_column(self.down_leg[d, at]),
            copies={r: _column(self.copies[d, COPY_ROLES.index(r), at]) for r in roles},
        )


def _column(values: NDArray[Any]) -> Floats:
    column: Floats = values[:, None, None]
    return column


def _leak(known: Array) -> Leak:
    channel, junction, slope = known.tolist()
    return Leak(channel=channel, junction=junction, slope=slope)
