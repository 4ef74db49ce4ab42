"""One die on one block of sequences and frames: walks the flow and adds up the supply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mru_hw.circuits.cell.law import Bits
from mru_hw.mapping.flow import Row, Units, Version
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.array import DieArray, Memory, Node, Rails, product
from mru_hw.simulate.blocks import SequenceBlock
from mru_hw.simulate.decision_noise import DecisionNoise
from mru_hw.simulate.memory import NOTHING, initial_cells, nominal_low, step_memory
from mru_hw.simulate.noise_walk import NodeNoise
from mru_hw.simulate.rows import Product
from mru_hw.simulate.supply import BLOCKS
from mru_hw.technology.calibration import Calibration
from mru_hw.variation.stuck import Stuck


class DieRun:
    """The settled solution of one die on one block of sequences and frames, in numpy.

    Rows and banks are solved in the order of the flow, all frames of the block at once. A row has
    the versions that its flow says (`mru_hw.mapping.flow`); supply currents are averaged over the
    frame with their shares, and a bank's comparators decide by the last version of its candidate.
    What a wiring brings is computed once for each version of its source. A state's version before
    the strobe is its version after it, a frame earlier.

    Parameters
    ----------
    noise
        Of the block's sequences; none when None.
    held
        By layer, the set cells before the block's first frame, (cell, unit, sequence), in any code;
        those of the initial state when None.
    stuck
        By layer, cells that are stuck.

    Attributes
    ----------
    static, switching
        Supply current [A], (time, sequence, supply block).
    candidates, states
        By layer, (unit, time, sequence).
    output
        (class, time, sequence).
    held
        By layer, the set cells after the block's last frame.
    """

    def __init__(
        self,
        *,
        array: DieArray,
        block: SequenceBlock,
        calibration: Calibration,
        noise: DecisionNoise | None,
        held: Sequence[Bits] | None = None,
        stuck: Mapping[int, Stuck] = NOTHING,
    ) -> None:
        self.array, self.block, self.calibration, self.noise = array, block, calibration, noise
        width = block.x.shape[2]
        self.stuck = stuck
        start = [initial_cells(memory.bank, width, stuck) for memory in array.memories]
        self.held: list[Bits] = list(start if held is None else held)
        shape = (block.x.shape[1], width, len(BLOCKS))
        self.static = np.zeros(shape)
        self.switching = np.zeros(shape)
        self.candidates: list[Floats] = []
        self.states: list[Floats] = []
        self.output: Floats = block.x[:0]
        # By row and version: what flows in, and the rails.
        self._values: dict[int, list[Floats]] = {}
        self._rails: dict[int, list[Rails]] = {}
        self._products: dict[tuple[int, int], Product] = {}
        # By row, what noise comes with the last version of its rails.
        self._heard: dict[int, NodeNoise] = {}

    def all_layers(self) -> None:
        """Run the network; fills candidates, states, output and the supply."""
        array = self.array
        self.static[:, :, BLOCKS.index("bias")] = array.bias_supply
        self.static[:, :, BLOCKS.index("clock")] = array.clock_supply
        for step, done in zip(array.flow.steps, array.flow.done, strict=True):
            if isinstance(step, Units):
                self._bank(step)
            elif step.bank is None:
                self._row(step)
            for row in done:
                # A deep network's signals would not fit.
                self._rails.pop(row, None)
                self._heard.pop(row, None)
                if row != array.flow.y:
                    self._values.pop(row, None)
        self.output = self._values[array.flow.y][-1]

    # ------------------------------------------------------------------------------------ rows

    def _row(self, row: Row) -> None:
        """Solve every version of a row, and add its supply."""
        node = self.array.rows[row.index]
        solved = [self._settled(node, version) for version in row.versions]
        self._products = {key: of for key, of in self._products.items() if key[0] not in row.legs}
        self._values[row.index] = [value for value, _ in solved]
        self._rails[row.index] = [rails for _, rails in solved]
        self._hear(node)
        for version, (_, rails) in zip(row.versions, solved, strict=True):
            self._draw("mirror", node.supply(rails), version.share)

    def _settled(self, node: Node, version: Version) -> tuple[Floats, Rails]:
        if node.row.index == self.array.flow.x:
            return self.block.x, node.rails(self.block.x)
        return node.settle(
            self._brought(node, number, version.reads[wiring.source])
            for number, wiring in zip(node.row.legs, node.wirings, strict=True)
        )

    def _brought(self, node: Node, wiring: int, version: int) -> Product:
        """Return what a wiring brings by a version of its source."""
        if (wiring, version) not in self._products:
            legs = self.array.flow.legs[wiring]
            source = self.array.flow.rows[legs.source]
            rails = self._rails[source.index][version]
            place = node.row.legs.index(wiring)
            self._products[wiring, version] = product(node.wirings[place], node, rails)
        return self._products[wiring, version]

    def _hear(self, node: Node) -> None:
        """Work out the noise of a row from that of the rows before it."""
        row = node.row.index
        if self.noise is not None and node.circuit.rails and node.circuit.copied:
            self._heard[row] = self.noise.node(self.array, node, self._rails[row][-1], self._heard)

    def _draw(self, block: str, current: Floats, share: float) -> None:
        self.static[:, :, BLOCKS.index(block)] += share * current

    # ----------------------------------------------------------------------------------- banks

    def _bank(self, units: Units) -> None:
        """Step a bank's units and feed its state's row."""
        array, bank = self.array, units.bank
        memory, node = array.memories[units.index], array.rows[units.candidate]
        versions = node.row.versions
        c, rails = self._values[units.candidate][-1], self._rails[units.candidate][-1]
        if bank.clocked:
            self._comparators(units, memory, versions)
        carried = None if units.threshold is None else self._rails[units.threshold][-1]
        up, down = memory.thresholds(carried)
        if self.noise is not None:
            start = self.block.start
            c = c + self.noise.draw(array, memory, self._heard, c, (up, down), start)
        if node.i_q is None:
            c = np.maximum(c, 0)
        self.candidates.append(c)
        cells = step_memory(memory, c, up, down, self.held[units.index], self.stuck)
        self.held[units.index] = cells[:, :, -1].copy()
        if not bank.clocked:
            self._loop_inputs(memory, rails, cells)
        self._step_charge(memory, cells)
        self._feed(units, memory, cells)

    def _comparators(self, units: Units, memory: Memory, versions: tuple[Version, ...]) -> None:
        """Add what the comparators draw, at every version of the candidate."""
        scale = self.array.flow.rows[units.candidate].bus.scale
        for k, (version, rails) in enumerate(
            zip(versions, self._rails[units.candidate], strict=True)
        ):
            both = None
            if units.threshold is not None:
                carried = self._rails[units.threshold][k]
                both = memory.against(rails, (carried, carried))
            self._draw("memory", memory.compared(rails, both) * scale, version.share)

    def _loop_inputs(self, memory: Memory, rails: Rails, cells: Bits) -> None:
        """Add the supply current of a loop's input: the plus copy while low, the minus while high.

        Taken at the candidate's last version, with the state that it led to.
        """
        scale = self.array.flow.rows[memory.units.candidate].bus.scale
        high = cells[0, :, 1:]
        plus, minus = rails.behind()
        sunk = np.zeros_like(plus) if minus is None else minus * memory.down_copy
        drawn = np.where(high, sunk, plus * memory.up_copy)
        self._draw("memory", drawn.sum(axis=0) * scale, 1.0)

    def _step_charge(self, memory: Memory, cells: Bits) -> None:
        """Add what a strobe and the cells that move charge."""
        moved = np.not_equal(cells[:, :, 1:], cells[:, :, :-1]).sum(axis=0)
        self._charge("memory", (moved * memory.c_step[:, None, None]).sum(axis=0))
        self._charge("clock", memory.c_clock)
        self._charge("memory", memory.c_still)

    def _charge(self, block: str, capacitance: Any) -> None:
        """Add a capacitance [F] charged once a frame: mean current C V / T."""
        self.switching[:, :, BLOCKS.index(block)] += (
            capacitance * self.calibration.v_dd / self.array.design.timing.frame
        )

    def _feed(self, units: Units, memory: Memory, cells: Bits) -> None:
        """Solve the row that a bank feeds: after each strobe, and so before the next."""
        node = self.array.rows[units.state]
        fed, held = memory.currents(cells)
        course = node.rails(fed)
        versions = node.row.versions
        after, before = slice(1, None), slice(None, -1)
        drawn, supply = held.sum(axis=0), node.supply(course)
        spans = (before, after)[-len(versions) :]
        for version, span in zip(versions, spans, strict=True):
            self._draw("memory", drawn[span], version.share)
            self._draw("mirror", supply[span], version.share)
        self._values[units.state] = [fed[:, span] for span in spans]
        self._rails[units.state] = [course.at(span) for span in spans]
        self._hear(node)
        for wiring in (legs for legs in self.array.flow.legs if legs.source == units.state):
            self._spread(wiring.index, wiring.target, course, spans)
        self.states.append(self._signed_state(memory, fed[:, after]))

    def _spread(self, wiring: int, target: int, course: Rails, spans: tuple[slice, ...]) -> None:
        """Compute what a state's wiring brings, once for both versions."""
        node = self.array.rows[target]
        place = node.row.legs.index(wiring)
        net, drag = product(node.wirings[place], node, course)
        for version, span in enumerate(spans):
            part = None if drag is None else drag[:, span]
            self._products[wiring, version] = (net[:, span], part)

    def _signed_state(self, memory: Memory, h: Floats) -> Floats:
        """Return what the network calls h: the output less the constant that the bias folds in."""
        if memory.bank.lowest == 0:
            return h
        low = nominal_low(self.array.design, self.calibration, memory)
        state: Floats = h - low[:, None, None].astype(h.dtype)
        return state
