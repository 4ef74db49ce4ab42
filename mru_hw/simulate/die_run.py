"""One die on one block of sequences and frames: walks the layers and adds up the supply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mru_hw.model.memory.recurrence import Floats, Levels
from mru_hw.simulate.array import DieArray, Memory, Rails
from mru_hw.simulate.blocks import SequenceBlock
from mru_hw.simulate.decision_noise import DecisionNoise
from mru_hw.simulate.memory import initial_cells, nominal_low, step_memory
from mru_hw.simulate.noise_walk import NodeNoise
from mru_hw.simulate.supply import BLOCKS
from mru_hw.technology.calibration import Calibration


class DieRun:
    """The settled solution of one die on one block of sequences and frames, layer after layer.

    Layers step one after the other inside a frame, so a signal takes several values in it: its
    first until the first layer before it has stepped, its last from the strobe of the layer just
    before it. Each such value is a *version*, a mapping from bus to `Rails`, (n, time, sequence).
    Versions stand in the order in which they hold, beside the share of the frame that each lasts
    (the shares sum to 1); supply currents are averaged over the frame with these shares, and a
    layer's comparators decide by the last version.

    Parameters
    ----------
    noise
        Of the block's sequences; none when None.
    held
        By layer, the set cells before the block's first frame, (unit, sequence); those of the
        initial state when None.

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
        held: Sequence[Levels] | None = None,
    ) -> None:
        self.array, self.block, self.calibration, self.noise = array, block, calibration, noise
        start = [initial_cells(memory)[:, None] for memory in array.memories]
        self.held: list[Levels] = list(start if held is None else held)
        shape = (block.x.shape[1], block.x.shape[2], len(BLOCKS))
        self.static = np.zeros(shape)
        self.switching = np.zeros(shape)
        self.candidates: list[Floats] = []
        self.states: list[Floats] = []
        self.output: Floats = block.x[:0]
        self.heard: dict[str, NodeNoise] = {}

    def all_layers(self) -> None:
        """Run the network; fills candidates, states, output and the supply."""
        array = self.array
        timing = array.design.timing
        self.static[:, :, BLOCKS.index("bias")] = array.bias_supply
        self.static[:, :, BLOCKS.index("clock")] = array.clock_supply
        x = array.nodes["x"].rails(self.block.x)
        self._draw("mirror", array.nodes["x"].supply(x), 1.0)
        shares = [1.0]
        versions = [{"v0": array.arrive("v0", {"x": x})[1]}]
        self._hear({"x": x} | versions[-1])
        self._draw_node("v0", versions, shares)
        for i, memory in enumerate(array.memories):
            cells = self._memory(i, memory, versions, shares)
            late = 1 - timing.strobes[i] / timing.frame
            if self._skips(i):
                shares = [*shares[:-1], shares[-1] - late, late]
            else:
                # What follows depends on this layer's state alone, which has two versions.
                shares, versions = [1 - late, late], versions[-1:]
            versions = self._outputs(i, memory, cells, versions, shares)
        rails = versions[-1]
        self.output, _ = array.arrive("y", rails)

    def _skips(self, i: int) -> bool:
        """Whether the signal after layer `i` takes its input along."""
        wirings = self.array.nodes[f"v{i + 1}"].wirings
        return any(wiring.source == f"v{i}" for wiring in wirings)

    def _draw(self, block: str, current: Floats, share: float) -> None:
        self.static[:, :, BLOCKS.index(block)] += share * current

    def _draw_node(self, name: str, versions: list[dict[str, Rails]], shares: list[float]) -> None:
        node = self.array.nodes[name]
        for version, share in zip(versions, shares, strict=True):
            self._draw("mirror", node.supply(version[name]), share)

    def _memory(
        self, i: int, memory: Memory, versions: list[dict[str, Rails]], shares: list[float]
    ) -> Levels:
        """Step the units of a layer; return their set cells, (time, 1, unit, sequence)."""
        array, bank = self.array, memory.bank
        node = array.nodes[bank.candidate]
        for version, share in zip(versions, shares, strict=True):
            c, rails = array.arrive(bank.candidate, version)
            self._draw("mirror", node.supply(rails), share)
            carried = None
            if bank.threshold is not None:
                carried = self._carried(bank.threshold, version, share)
            if bank.clocked:
                both = None if carried is None else memory.against(rails, (carried, carried))
                scale = array.design.buses[bank.candidate].scale
                self._draw("memory", memory.compared(rails, both) * scale, share)
        up, down = memory.thresholds(carried)
        if self.noise is not None:
            if bank.threshold is not None and carried is not None:
                self._hear({bank.threshold: carried})
            start = self.block.start
            c = c + self.noise.draw(array, memory, self.heard, c, (up, down), start)
        if node.i_q is None:
            c = np.maximum(c, 0)
        self.candidates.append(c)
        cells = step_memory(memory, c, up, down, self.held[i])
        if not bank.clocked:
            self._draw("memory", self._loop_inputs(memory, rails, cells), 1.0)
        return cells

    def _loop_inputs(self, memory: Memory, rails: Rails, cells: Levels) -> Floats:
        """Supply current [A] of a loop's input: the plus copy while low, the minus copy while high.

        Taken at the candidate's last version, with the state that it led to.
        """
        scale = self.array.design.buses[memory.bank.candidate].scale
        high = cells[:, 0].transpose(1, 0, 2) > 0
        plus, minus = rails.plus, rails.minus
        sunk = np.zeros_like(plus) if minus is None else minus * memory.down_copy
        drawn = np.where(high, sunk, plus * memory.up_copy)
        current: Floats = drawn.sum(axis=0) * scale
        return current

    def _carried(self, name: str, version: dict[str, Rails], share: float) -> Rails:
        """Return the rails of the node that carries an input-dependent threshold."""
        _, rails = self.array.arrive(name, version)
        self._draw("mirror", self.array.nodes[name].supply(rails), share)
        return rails

    def _outputs(
        self,
        i: int,
        memory: Memory,
        cells: Levels,
        versions: list[dict[str, Rails]],
        shares: list[float],
    ) -> list[dict[str, Rails]]:
        """From set cells to the rails of the next signal, for every version."""
        array, bank = self.array, memory.bank
        start = np.broadcast_to(self.held[i], (1, *cells.shape[1:])).astype(cells.dtype)
        before = np.concatenate([start, cells[:-1]])
        self.held[i] = cells[-1, 0].copy()
        steps = np.abs(cells - before).sum(axis=1)
        self._charge("memory", (steps * memory.c_step[:, None]).sum(axis=1))
        self._charge("clock", memory.c_clock)
        self._charge("memory", memory.c_still)
        courses = {"old": self._course(memory, before), "new": self._course(memory, cells)}
        at = shares[-1]
        for key, share in (("old", 1 - at), ("new", at)):
            h, held = courses[key]
            self._draw("memory", held, share)
            self._draw("mirror", array.nodes[bank.state].supply(Rails(plus=h)), share)
        self.states.append(self._signed_state(memory, courses["new"][0]))
        state = array.nodes[bank.state]
        states = {key: state.rails(h) for key, (h, _) in courses.items()}
        following = []
        out = f"v{i + 1}"
        last = len(versions)
        for k in range(last + 1):
            rails: dict[str, Rails] = dict(versions[min(k, last - 1)])
            rails[bank.state] = states["new" if k == last else "old"]
            if f"o{i}" in array.nodes:
                _, rails[f"o{i}"] = array.arrive(f"o{i}", rails)
                self._draw("mirror", array.nodes[f"o{i}"].supply(rails[f"o{i}"]), shares[k])
            following.append({out: array.arrive(out, rails)[1]})
            if k == last:
                heard = [name for name in (bank.state, f"o{i}") if name in rails]
                self._hear({name: rails[name] for name in heard} | following[-1])
        self._draw_node(out, following, shares)
        return following

    def _hear(self, rails: Mapping[str, Rails]) -> None:
        """Work out the noise of buses from that of those before them, in order."""
        if self.noise is None:
            return
        for name, carried in rails.items():
            self.heard[name] = self.noise.node(self.array, name, carried, self.heard)

    def _charge(self, block: str, capacitance: Any) -> None:
        """Add a capacitance [F] charged once a frame: mean current C V / T."""
        self.switching[:, :, BLOCKS.index(block)] += (
            capacitance * self.calibration.v_dd / self.array.design.timing.frame
        )

    @staticmethod
    def _course(memory: Memory, cells: Levels) -> tuple[Floats, Floats]:
        """Output (unit, time, sequence) and the cells' supply (time, sequence) [A]."""
        n_units, n_levels = memory.level.shape
        index = cells[:, 0].transpose(1, 0, 2).astype(np.intp)
        index += (np.arange(n_units) * n_levels)[:, None, None]
        h = memory.level.ravel().take(index)
        return h, memory.held.ravel().take(index).sum(axis=0)

    def _signed_state(self, memory: Memory, h: Floats) -> Floats:
        """Return what the network calls h: the output less the constant that the bias folds in."""
        if memory.bank.lowest == 0:
            return h
        low = nominal_low(self.array.design, self.calibration, memory)
        state: Floats = h - low[:, None, None].astype(h.dtype)
        return state
