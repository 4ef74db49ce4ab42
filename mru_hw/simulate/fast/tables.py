"""A program in the integers and numbers that the kernel's loops read.

Columns of the tables:

``steps``     0 a row or 1 a bank, its number
``rows``      0 kind, 1 nodes, 2 first node, 3 signs, 4 leaks, 5 versions, 6 first version, 7 first
              wiring, 8 wirings, 9 copied, 10 lines of a version, 11 read by units
``versions``  0 place of the block, 1 place of the nodes' currents, 2 whether anything reads it
``legs``      0 source, 1 target, 2 place in ``net``, 3 in ``pull``, 4 targets, 5 columns, 6 columns
              of the pull, 7 whether there is a pull, 8 place of what it brings or -1
``banks``     0 candidate, 1 threshold or -1, 2 state, 3 first unit, 4 first level, 5 units,
              6 cells, 7 clocked, 8 window, 9 signs of the candidate, 10 copied columns of the
              state, 11 place in ``table``, 12 its supply, 13 the units' set cells
``keep``      0 what is kept, 1 whether the outputs' mean decides, 2 sums of the last row,
              3 widest row, 4 how many sums of the last row
``row_f``     0 usual current, 1 skew, 2 scale
``node``      0 quiescent current, 1 and 2 what bias legs bring and its pull, 3 and 4 supply; of
              rows that leak 5 to 8 and 9 to 12 what the plus and the minus rail draw, by branch
``unit``      0 and 1 thresholds, 2 and 3 copies, 4 and 5 legs, 6 and 7 of a loop whose thresholds
              come from the input, 8 what a step charges

Kinds of rows: 0 inputs, 1 signed, 2 rectified, 3 outputs, 4 a state. Places of what lanes have are
lines of the workspace, whose first lines are the loops' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.legs.leakage import branch_supply
from mru_hw.mapping.flow import Row, Units
from mru_hw.mapping.realised import net_threshold
from mru_hw.simulate.array import DieArray
from mru_hw.simulate.memory import initial_cells, nominal_low
from mru_hw.simulate.program import Layout, Program
from mru_hw.technology.calibration import Calibration

Ints = NDArray[np.int64]
Numbers = NDArray[Any]

ALIGNED = 64
"""Bytes of a cache line, where every line of lanes begins."""

X, SIGNED, RECTIFIED, Y, STATE = range(5)


def workspace(lines: int, lanes: int, dtype: DTypeLike) -> Numbers:
    """Return lines of lanes that begin where cache lines do: across two, a vector takes twice."""
    size, each = lines * lanes, ALIGNED // np.dtype(dtype).itemsize
    raw = np.zeros(size + each, dtype)
    first = -raw.ctypes.data % ALIGNED // raw.itemsize
    return raw[first : first + size].reshape(-1, lanes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The integers that the dies of a layout share."""

    steps: Ints
    rows: Ints
    versions: Ints
    shares: NDArray[np.float64]
    legs: Ints
    reads: Ints
    banks: Ints
    keep: Ints
    lines: int

    @classmethod
    def of(cls, layout: Layout, keep: int, *, means: bool) -> Tables:
        """Lay out the workspace.

        Parameters
        ----------
        keep, means
            What is kept, and whether the outputs' mean decides.
        """
        return _Builder(layout).tables(keep, means=means)


class _Builder:
    def __init__(self, layout: Layout) -> None:
        self.layout, self.flow = layout, layout.flow
        self.widest = max(row.bus.size for row in self.flow.rows)
        # First the loops' own lines, then one for currents that nobody reads again.
        self.lines = 4 * self.widest + 1
        self.scratch = self._room(self.widest)
        self.read = {k for u in self.flow.banks for k in (u.candidate, u.threshold)} - {None}

    def _room(self, rows: int) -> int:
        at = self.lines
        self.lines += rows
        return at

    def tables(self, keep: int, *, means: bool) -> Tables:
        flow = self.flow
        versions: list[tuple[int, int, int]] = []
        read = {
            (source, version)
            for row in flow.rows
            for one in (row.versions[-1:] if row.index == flow.y else row.versions)
            for source, version in one.reads.items()
        }
        shares: list[float] = []
        reads: list[list[int]] = []
        most = max(len(row.legs) for row in flow.rows)
        rows = []
        for row in flow.rows:
            known = self._row(row, len(versions))
            # Outputs are read at the frame's end.
            held = row.versions[-1:] if known[0] == Y else row.versions
            value = self._room(row.bus.size) if row.index in (*self.read, flow.x) else self.scratch
            block = -1
            for k, version in enumerate(held):
                if block < 0 or known[0] != STATE:  # a state has one block, whatever it says
                    block = self._room(known[10])
                versions.append((block, value, int((row.index, k) in read)))
                shares.append(version.share)
                sources = [version.reads[flow.legs[k].source] for k in row.legs]
                reads.append(sources + [0] * (most - len(sources)))
            rows.append(known)
        legs = self._legs()
        banks = self._banks()
        features = sum(self.layout.matrices[k].columns for k in flow.rows[flow.y].legs)
        kept = np.array([keep, int(means), self._room(features), self.widest, features])
        return Tables(
            steps=np.array([(int(isinstance(s, Units)), s.index) for s in flow.steps]),
            rows=np.array(rows),
            versions=np.array(versions),
            shares=np.array(shares),
            legs=np.array(legs),
            reads=np.array(reads).reshape(len(reads), -1),
            banks=np.array(banks),
            keep=kept,
            lines=self.lines,
        )

    def _row(self, row: Row, first: int) -> tuple[int, ...]:
        circuit, n, signs = row.bus.circuit, row.bus.size, len(row.bus.circuit.signs)
        leaks = self.layout.leaks[row.index]
        kind = SIGNED if circuit.splits else RECTIFIED
        if row.bank is not None:
            kind = STATE
        elif row.index == self.flow.x:
            kind = X
        elif row.bus.kind is NodeKind.PIN:
            kind = Y
        lines = signs * n * (2 + leaks) if circuit.copied else signs * n
        return (
            kind,
            n,
            row.nodes.start,
            signs,
            int(leaks),
            1 if kind == Y else len(row.versions),
            first,
            row.legs[0] if row.legs else 0,
            len(row.legs),
            int(circuit.copied),
            lines,
            int(row.index in self.read),
        )

    def _legs(self) -> list[tuple[int, ...]]:
        rows: list[tuple[int, ...]] = []
        for legs, matrix in zip(self.flow.legs, self.layout.matrices, strict=True):
            source, target = self.flow.rows[legs.source], self.flow.rows[legs.target]
            place = -1
            if len(target.versions) > 1 and target.index != self.flow.y:
                slots = 2 if source.bank is not None else len(source.versions)
                place = self._room(2 * slots * matrix.n_target)
            rows.append(
                (
                    legs.source,
                    legs.target,
                    matrix.net.start,
                    matrix.pull.start,
                    matrix.n_target,
                    matrix.columns,
                    matrix.part,
                    int(bool(target.bus.circuit.rails)),
                    place,
                )
            )
        return rows

    def _banks(self) -> list[tuple[int, ...]]:
        rows: list[tuple[int, ...]] = []
        table = 0
        for units in self.flow.banks:
            bank = units.bank
            columns = 2 + self.layout.leaks[units.state]
            rows.append(
                (
                    units.candidate,
                    -1 if units.threshold is None else units.threshold,
                    units.state,
                    units.units.start,
                    units.levels.start,
                    bank.n_units,
                    bank.n_cells,
                    int(bank.clocked),
                    int(bank.window is not None),
                    len(self.flow.rows[units.candidate].bus.circuit.signs),
                    columns,
                    table,
                    self._room(4),
                    self._room(bank.n_units),
                )
            )
            table += bank.n_units * (bank.n_cells + 1) * (columns + 2)
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """The numbers of a program's dies, of the kernel's type, with a leading axis of dies.

    ``row_f`` and ``count``, by unit the set cells of the initial state, are the same for all.
    """

    node: Numbers
    row_f: Numbers
    leak: Numbers
    least: Numbers
    net: Numbers
    pull: Numbers
    unit: Numbers
    copies: Numbers
    compared: Numbers
    table: Numbers
    shown: Numbers
    count: Numbers

    @classmethod
    def of(cls, program: Program, calibration: Calibration) -> Constants:
        """Read a program; `calibration` has the constants of the run."""
        dtype, flow = program.net.dtype, program.flow
        first = program.die(0)
        skew = np.full(len(flow.rows), program.skew)
        scales = np.array([row.bus.scale for row in flow.rows])
        names = ("i_q", "constant", "drag", "supply_plus", "supply_minus")
        branches = list(np.moveaxis(program.branches.reshape(program.n_die, 8, -1), 1, 0))
        initial = [initial_cells(units.bank)[:, :, 0].sum(axis=0) for units in flow.banks]
        return cls(
            node=_columns([getattr(program, name) for name in names] + branches, dtype),
            row_f=_columns([np.array(program.layout.usual), skew, scales], dtype),
            leak=program.leak.astype(dtype),
            least=program.least.astype(dtype),
            net=program.net,
            pull=program.pull,
            unit=_joined([_unit(program, first, units) for units in flow.banks], dtype),
            copies=program.copies,
            compared=program.compared.astype(dtype),
            table=_joined([_course(program, first, units) for units in flow.banks], dtype),
            shown=_joined(
                [_shown(program, first, units, calibration) for units in flow.banks], dtype
            ),
            count=np.concatenate(initial).astype(dtype),
        )


def _columns(values: list[Any], dtype: Any) -> Numbers:
    return np.ascontiguousarray(np.stack(values, axis=-1).astype(dtype))


def _joined(parts: list[Numbers], dtype: Any) -> Numbers:
    return np.concatenate(parts, axis=1).astype(dtype)


def _unit(program: Program, first: DieArray, units: Units) -> Numbers:
    """Return the constants of a bank's units, (n_die, n_units, 9)."""
    at, memory = units.units, first.memories[units.index]
    up, down = program.up[:, at], program.down[:, at]
    ratio, gap = np.zeros_like(up), np.zeros_like(up)
    if units.threshold is not None and not memory.copies:
        ratio, gap = up / program.up_nominal[:, at], up - down
    if units.threshold is None and memory.i_q is not None:
        rest = program.i_q[:, program.flow.rows[units.candidate].nodes]
        up, down = net_threshold(up, rest), net_threshold(down, rest)
    names = ("up_copy", "down_copy", "up_leg", "down_leg")
    copied = [getattr(program, name)[:, at] for name in names]
    charge = np.broadcast_to(program.c_step[at], up.shape)
    return np.stack([up, down, *copied, ratio, gap, charge], axis=-1)


def _course(program: Program, first: DieArray, units: Units) -> Numbers:
    """Return what each number of set cells makes of the state's columns and of two supplies.

    (n_die, n_units times n_cells + 1 times columns + 2). Dies of a program leak alike, so one of
    them says what all of them copy.
    """
    bank, row = units.bank, program.flow.rows[units.state]
    shape = (program.n_die, bank.n_units, -1)
    level = program.level[:, units.levels].reshape(shape)
    held = program.held[:, units.levels].reshape(shape)
    rails = first.rows[units.state].rails(level.transpose(1, 0, 2))
    assert rails.copied is not None
    columns = rails.copied.reshape(-1, *rails.plus.shape).transpose(0, 2, 1, 3)
    supply = program.supply_plus[:, row.nodes, None] * level
    if rails.diodes:
        direct, excess = rails.plus.transpose(1, 0, 2), rails.excess[0].transpose(1, 0, 2)
        least = first.rows[units.state].leak.least["plus"]
        weights = program.branches[:, 0, :, row.nodes, None].swapaxes(0, 1)
        supply = branch_supply(level, direct, excess, least, *weights)
    return np.stack([*columns, supply, held], axis=-1).reshape(program.n_die, -1)


def _shown(program: Program, first: DieArray, units: Units, calibration: Calibration) -> Numbers:
    """Return the states that a bank's levels stand for, (n_die, levels)."""
    level = program.level[:, units.levels]
    if units.bank.lowest == 0:
        return level
    low = nominal_low(first.design, calibration, first.memories[units.index])
    shown: Numbers = level - np.repeat(low, units.bank.n_cells + 1).astype(level.dtype)
    return shown
