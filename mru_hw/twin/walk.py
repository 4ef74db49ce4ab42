"""The walk of a batch through one die's array, on tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from mru_hw.mapping.flow import Row, Units, Version
from mru_hw.simulate.array import DieArray, Memory, Node, Rails
from mru_hw.simulate.decision_noise import DecisionNoise
from mru_hw.training.scan import recur_scan
from mru_hw.training.surrogate import heaviside
from mru_hw.twin.arrays import TensorArray
from mru_hw.twin.noise import Heard
from mru_hw.twin.parameters import Straight

Disturbed = Callable[[Tensor], Tensor]


def rails_of(node: Node, value: Any, log: Any = None) -> Rails:
    """Return `Node.rails` of a node that receives `value`: the same laws, other plumbing."""
    diodes: Mapping[str, Any]
    known: Any
    diodes, known = node.diodes(value, log)
    if known is None:
        return Rails(plus=diodes["plus"], minus=diodes.get("minus"))
    rows, bent, more = [], [], []
    held: Any = TensorArray(known.tensor.detach())
    for sign, current in diodes.items():
        direct: Any = current
        bends: Any = current * known
        if node.leak.legs:
            direct, passed = node.leak.copied(sign, current)
            more.append(passed - direct)
            # The logarithm's slope has no bound where a diode carries nothing; what a leg leaks
            # there without the diode takes no part in it.
            bends = bends + (direct - current) * held
        rows.append(direct)
        bent.append(bends)
    copied: Any = TensorArray(torch.cat([one.tensor for one in (*rows, *bent, *more)]))
    plus, *minus = rows
    return Rails(
        plus=plus,
        minus=minus[0] if minus else None,
        copied=copied,
        diodes=tuple(diodes.values()) if node.leak.legs else (),
    )


def weighed(weight: Tensor, values: Any) -> TensorArray:
    """Return ``weight @ values`` over (n, time, sequence)."""
    return TensorArray(torch.tensordot(weight, values.tensor, dims=1))


class TwinRun:
    """The settled solution of one die on a batch, as `mru_hw.simulate.die_run.DieRun` has it.

    Parameters
    ----------
    array
        The die.
    straight
        How its numbers hang on the network's tensors.
    x
        Normalised inputs, (feature, time, sequence), of the number type of the run.
    v_dd
        Supply [V].
    supply
        Whether to work out what is drawn. Without it each row has its last version alone.
    disturbed
        What comes over candidates beside the chip's own noise.
    noise
        Device noise of the die on these sequences; none when None.
    margin
        Distance of candidates to thresholds, in their unit, below which `near` counts them; None
        where it is not asked for.

    Attributes
    ----------
    output
        (class, time, sequence).
    candidates, states
        By layer, (unit, time, sequence); states are currents into the state's nodes.
    current
        Supply current [A], (time, sequence), static and switching; zeros without `supply`.
    near
        (time, sequence): by how much of `margin` candidates lie closer to the nearer threshold,
        the mean over all units; zeros without `margin`.
    """

    def __init__(
        self,
        array: DieArray,
        straight: Straight,
        x: Tensor,
        *,
        v_dd: float,
        supply: bool,
        disturbed: Disturbed | None = None,
        noise: DecisionNoise | None = None,
        margin: float | None = None,
    ) -> None:
        self.array, self.straight, self._x = array, straight, x
        self._v_dd, self._supply, self._disturbed = v_dd, supply, disturbed
        self._heard, self._margin = None if noise is None else Heard(array, noise), margin
        self.candidates: list[Tensor] = []
        self.states: list[Tensor] = []
        self.current = torch.zeros(x.shape[1:], dtype=x.dtype)
        self.near = torch.zeros_like(self.current)
        self._values: dict[int, Tensor] = {}
        self._rails: dict[tuple[int, int], Rails] = {}
        self._products: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._nodes = {row.index: self._node(row) for row in array.flow.rows}
        self._nets = {
            legs.index: straight.net(
                legs.connection, self._tensor(wiring.net), wiring.pull.shape[1]
            )
            for node in array.rows
            for legs, wiring in zip(array.flow.legs_into(node.row), node.wirings, strict=True)
        }
        if supply:
            self._fixed()
        for step in array.flow.steps:
            if isinstance(step, Units):
                self._bank(step)
            elif step.bank is None:
                self._row(step)
        self.output = self._values[array.flow.y]

    def _tensor(self, values: Any) -> Tensor:
        return torch.as_tensor(values, dtype=self._x.dtype)

    def _array(self, values: Any) -> Any:
        return None if values is None else TensorArray(self._tensor(values))

    def _draw(self, current: Any, share: float = 1.0) -> None:
        """Add supply current [A], (time, sequence)."""
        self.current = self.current + share * current.tensor

    def _fixed(self) -> None:
        """Add what does not move: the bias tree with its legs, the clock, what strobes charge."""
        array = self.array
        bias = self._tensor(array.bias_supply)
        bias = self.straight.supply("bias", "plus", bias[None])[0]
        still = sum(memory.c_still + memory.c_clock for memory in array.memories)
        self.current = self.current + (bias + array.clock_supply + self._charge(still))

    def _charge(self, capacitance: Any) -> Any:
        return capacitance * (self._v_dd / self.array.design.timing.frame)

    # ------------------------------------------------------------------------------------ rows

    def _node(self, row: Row) -> Node:
        """Return a row's node with tensors for arrays."""
        node, name = self.array.rows[row.index], row.bus.name
        constant: Any = TensorArray(self.straight.constant(name, self._tensor(node.constant)))
        plus: Any = self.straight.supply(name, "plus", self._tensor(node.supply_plus))
        minus: Any = node.supply_minus
        if minus is not None:
            minus = self.straight.supply(name, "minus", self._tensor(minus))
        return dataclasses.replace(
            node,
            i_q=self._array(node.i_q),
            constant=constant,
            pull=self._array(node.pull),
            supply_plus=plus,
            supply_minus=minus,
        )

    def _versions(self, row: Row) -> list[tuple[int, Version]]:
        """List a row's versions with their numbers: all, or the last."""
        return list(enumerate(row.versions))[0 if self._supply else -1 :]

    def _row(self, row: Row) -> None:
        node = self._nodes[row.index]
        for number, version in self._versions(row):
            if row.index == self.array.flow.x:
                value: Any = TensorArray(self._x)
                rails = rails_of(node, value)
            else:
                value, log = node.inflow(
                    self._brought(node, legs.index, version.reads[legs.source])
                    for legs in self.array.flow.legs_into(row)
                )
                rails = rails_of(node, value, log)
            self._rails[row.index, number] = rails
            self._values[row.index] = value.tensor
            if self._supply:
                self._draw(self._drawn(node, rails), version.share)
        self._hear(row)

    def _hear(self, row: Row) -> None:
        if self._heard is not None:
            self._heard.row(row.index, self._rails[row.index, len(row.versions) - 1])

    def _brought(self, node: Node, wiring: int, version: int) -> tuple[Any, Any]:
        """Return what a wiring brings by a version of its source, and its part of the pull."""
        if (wiring, version) not in self._products:
            legs = self.array.flow.legs[wiring]
            copied: Any = self._rails[legs.source, version].copied
            place = node.row.legs.index(wiring)
            pull = self._tensor(node.wirings[place].pull)
            drag = weighed(pull, copied[: pull.shape[1]]) if node.circuit.rails else None
            self._products[wiring, version] = weighed(self._nets[wiring], copied), drag
        return self._products[wiring, version]

    def _drawn(self, node: Node, rails: Rails) -> Any:
        """Return `Node.supply` of a row's rails [A]."""
        made = self.array.rows[node.row.index]
        plus, minus = self._weights(node, made, leaks=bool(rails.diodes))
        total: Any = weighed(plus, rails.plus)
        if rails.minus is not None and minus is not None:
            total = total + weighed(minus, rails.minus)
        if rails.diodes:
            leaking: Any = made.supply(rails)
            total = total + leaking
        return total

    def _weights(self, node: Node, made: Node, *, leaks: bool) -> tuple[Tensor, Tensor | None]:
        """Return supply per unit of the plus and the minus rail.

        Of rails that leak, whose branches `Node.supply` takes one by one, the derivatives alone.
        """
        plus: Any = node.supply_plus
        minus: Any = node.supply_minus
        if leaks:
            plus = plus - self._tensor(made.supply_plus)
            minus = None if minus is None else minus - self._tensor(made.supply_minus)
        return plus, minus

    # ----------------------------------------------------------------------------------- banks

    def _bank(self, units: Units) -> None:
        """Step a bank's units and feed its state's row."""
        memory, flow = self._memory(self.array.memories[units.index]), self.array.flow
        row = flow.rows[units.candidate]
        last = len(row.versions) - 1
        c = self._values[units.candidate]
        if self._supply and units.bank.clocked:
            self._comparators(units, memory, row)
        carried = None if units.threshold is None else self._rails[units.threshold, last]
        up, down = self._thresholds(memory, carried)
        if self._margin is not None:
            share = memory.bank.n_units / sum(bank.n_units for bank in self.array.design.banks)
            self.near = self.near + share * nearness(memory, c, up, down, self._margin).mean(0)
        if self._heard is not None:
            c = c + self._heard.on(units, c, (up, down))
        if self._disturbed is not None:
            c = self._disturbed(c)
        if self._nodes[row.index].i_q is None:
            c = c.clamp(min=0)
        self.candidates.append(c)
        count = self._counts(memory, c, up, down)
        if self._supply:
            if not units.bank.clocked:
                self._loop_inputs(memory, self._rails[row.index, last], count)
            moved = (count[:, 1:] - count[:, :-1]).abs()
            charge = torch.tensordot(self._tensor(memory.c_step), moved, dims=1)
            self.current = self.current + self._charge(charge)
        self._feed(units, memory, count)

    def _memory(self, memory: Memory) -> Memory:
        """Return a bank with tensors for arrays."""
        names = ("up", "down", "up_nominal", "i_q", "up_copy", "down_copy", "up_leg", "down_leg")
        arrays = {name: self._array(getattr(memory, name)) for name in names}
        copies: Any = {role: self._array(values) for role, values in memory.copies.items()}
        return dataclasses.replace(memory, **arrays, copies=copies)

    def _thresholds(self, memory: Memory, carried: Rails | None) -> tuple[Tensor, Tensor]:
        """Return `Memory.thresholds` with the derivatives of the network's own."""
        up: Any
        down: Any
        up, down = memory.thresholds(carried)
        return self.straight.edges(memory.bank, up.tensor, down.tensor)

    def _counts(self, memory: Memory, c: Tensor, up: Tensor, down: Tensor) -> Tensor:
        """Return the set cells before the first frame and after each, (unit, 1 + time, sequence).

        Whole codes, which a run begins with and keeps, by their numbers (`step_cells`). A unit of
        one cell takes the candidate's bit or holds its own; a ladder adds and stops at its ends.
        """
        bank = memory.bank
        rises = heaviside(c - up)
        if bank.clocked:
            # Never both: a candidate that asks for both asks for the step up.
            falls = heaviside(-c - down) * (1 - rises.detach())
        else:
            falls = 1 - rises - heaviside(c - down) * (1 - rises)
        first = self._tensor(bank.memory.rank(bank.initial, bank.levels))
        if bank.n_cells == 1:
            count = _recurred(1 - rises - falls, rises, first, None)
        else:
            middle = bank.n_cells / 2
            count = _recurred(None, rises - falls, first - middle, middle) + middle
        return torch.cat([first[:, None, None].expand(-1, 1, c.shape[2]), count], dim=1)

    def _comparators(self, units: Units, memory: Memory, row: Row) -> None:
        """Add what the comparators draw, at every version of the candidate."""
        for k, version in enumerate(row.versions):
            rails = self._rails[row.index, k]
            both = None
            if units.threshold is not None:
                carried = self._rails[units.threshold, k]
                both = memory.against(rails, (carried, carried))
            self._draw(memory.compared(rails, both) * row.bus.scale, version.share)

    def _loop_inputs(self, memory: Memory, rails: Rails, count: Tensor) -> None:
        """Add the supply current of loops' inputs, by the state that they led to."""
        first, second = rails.behind()
        plus: Any = first * memory.up_copy
        drawn = plus.tensor
        high = count[:, 1:] > 0
        minus: Any = torch.zeros_like(drawn)
        if second is not None:
            sunk: Any = second * memory.down_copy
            minus = sunk.tensor
        scale = self.array.flow.rows[memory.units.candidate].bus.scale
        self.current = self.current + torch.where(high, minus, drawn).sum(0) * scale

    def _feed(self, units: Units, memory: Memory, count: Tensor) -> None:
        """Solve the row that a bank feeds: after each strobe, and so before the next."""
        row = self.array.flow.rows[units.state]
        node = self._nodes[row.index]
        fed = _by_count(self._tensor(memory.level), count)
        self.states.append(fed[:, 1:])
        spans = (slice(None, -1), slice(1, None))[-len(row.versions) :]
        held = _by_count(self._tensor(memory.held), count) if self._supply else fed
        for number, version in self._versions(row):
            part = TensorArray(fed[:, spans[number]])
            self._rails[row.index, number] = rails_of(node, part)
            self._values[row.index] = part.tensor
            if self._supply:
                self._draw(self._drawn(node, self._rails[row.index, number]), version.share)
                self._draw(TensorArray(held[:, spans[number]].sum(0)), version.share)
        self._hear(row)


def nearness(memory: Memory, c: Tensor, up: Tensor, down: Tensor, width: float) -> Tensor:
    """Return by how much of `width` candidates lie closer to the nearer of two thresholds: 0 to 1.

    Parameters
    ----------
    c, up, down
        (unit, time, sequence), and thresholds that broadcast; a clocked unit steps down at the
        negative of the second.
    """
    edge = -down if memory.bank.clocked else down
    gap = torch.minimum((c - up).abs(), (c - edge).abs())
    return (1 - gap / width).clamp(min=0)


def _recurred(a: Tensor | None, u: Tensor, first: Tensor, bound: float | None) -> Tensor:
    """Run `recur_scan` on (unit, time, sequence), from a state (unit,)."""
    gate = None if a is None else a.transpose(0, 2)
    return recur_scan(gate, u.transpose(0, 2), first, bound).transpose(0, 2)


def _by_count(table: Tensor, count: Tensor) -> Tensor:
    """Look up (unit, time, sequence) in a table (unit, n_cells + 1), as a line for gradients."""
    at = count.detach().long().flatten(1)
    slope = (table[:, -1] - table[:, 0]) / (table.shape[1] - 1)
    found = torch.gather(table, 1, at).view(count.shape)
    return found + slope[:, None, None] * (count - count.detach())
