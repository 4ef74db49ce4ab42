"""The level ``behavioral``, timed: states move with their delays inside a frame.

Every net has its capacitance and every circuit its own large-signal law (`mru_hw.cells.settling`).
A frame is cut at the strobes, and each part into steps that grow from its start as the square of
their number. Within a step every circuit is solved exactly under the mean of what feeds it, in the
order in which the signal flows, and passes its own exact mean on, so charge is conserved.

Inputs change as the bench does it: the frame's first value is there from power-up on, later ones
come in ramps, and loops are let go a fifth of a frame before the first frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mru_hw.cells.base import Array, Devices
from mru_hw.cells.settling import bank_load, bus_loads, moving_rails
from mru_hw.mapping.design import Design
from mru_hw.mapping.flow import Row, Units
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.behavioral import NoiseRun
from mru_hw.simulate.blocks import SequenceGroup, group_sequences, keep_freed_memory
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.decision_noise import DecisionNoise, NoiseLaw, noise_gains
from mru_hw.simulate.die_results import BehavioralRun, DieResults, Gathered
from mru_hw.simulate.memory import nominal_low
from mru_hw.simulate.supply import BLOCKS
from mru_hw.simulate.timed_nodes import Legs, MovingNode
from mru_hw.simulate.timed_noise import StrobeNoise, noisy_rails, refuse_noise_of_loops
from mru_hw.simulate.timed_units import MovingLadder, MovingLoop
from mru_hw.spice.bench import PRE_ROLL
from mru_hw.spice.chip import refuse_without_circuit
from mru_hw.spice.sources import RAMP
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, NoiseKey, die_calibration

STEPS = 32
"""Steps of each part of a frame between strobes."""


def simulate_timed(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    dies: Sequence[Die],
    *,
    temperature: float | None = None,
    v_dd: float | None = None,
    noise: NoiseRun | None = None,
    sequence_offset: int = 0,
    keep_all: bool = True,
    steps: int = STEPS,
) -> BehavioralRun:
    """Run dies on sequences, with delays.

    Parameters
    ----------
    design, calibration
        The chip and its technology's constants, at the process corner of the run.
    inputs
        Raw sequences; normalisation is the design's.
    dies
        Which dies; each is computed alone.
    temperature, v_dd
        [degC], [V]; the calibration's temperature and the technology's supply when None.
    noise
        Device noise of what strobes read (`mru_hw.simulate.timed_noise`), or none.
    sequence_offset
        Index of the first sequence in its file: it names the noise draws.
    keep_all
        Whether to return outputs, candidates and states too.
    steps
        Of each part of a frame between strobes.

    Raises
    ------
    UserError
        A part of the Design has no transistor circuit, so nothing says how fast it is; or there is
        noise, and a layer has no strobe.
    """
    temperature = calibration.temperature if temperature is None else temperature
    refuse_without_circuit(design)
    if noise is not None:
        refuse_noise_of_loops(design, "noise", noise.seed)
    supply_v = design.technology.v_dd if v_dd is None else v_dd
    at_supply = calibration.at(supply_v, temperature=temperature, loops_only=design.loops_only)
    keep_freed_memory()
    results = DieResults(design, inputs, len(dies), np.float64, keep_all=keep_all)
    # Not filled up: here time goes with the columns.
    groups = list(group_sequences(inputs.lengths, filled=False))
    law = None if noise is None else NoiseLaw.of(design, at_supply, temperature, noise.scale)
    for d, die in enumerate(dies):
        own = die_calibration(at_supply, die)
        devices = Devices(design=design, calibration=own, die=die, temperature=temperature)
        array = compile_die(design, at_supply, die, temperature=temperature)
        for group in groups:
            run, gathered = _Run(devices, array, group, steps), Gathered(results, d, group)
            if law is not None and noise is not None:
                run.add_noise(
                    DecisionNoise(
                        law=law,
                        gains=noise_gains(array),
                        key=NoiseKey.of(noise.seed, die.seed),
                        sequences=group.rows + sequence_offset,
                        lazy=not keep_all,
                    )
                )
            for block in group.blocks(inputs, design, np.float64):
                run.frames(block.x)
                gathered.add(block, run)
            gathered.close()
    return results.run(supply_v)


class _Run:
    """One die on some sequences, block of frames after block: all its circuits go on moving.

    Attributes
    ----------
    static, switching
        Supply current [A] in the last block of frames, (time, sequence, supply block).
    output, candidates, states
        What was read in it, (unit, time, sequence).
    """

    def __init__(self, devices: Devices, array: DieArray, group: SequenceGroup, steps: int) -> None:
        design, calibration = devices.design, devices.calibration
        width = len(group.lengths)
        self._design, self._array, self._width = design, array, width
        self._calibration, self._steps = calibration, steps
        loads = bus_loads(design, calibration)
        self._nodes = {
            row.index: MovingNode(
                array.rows[row.index], loads[row.bus.name], calibration, devices.temperature
            )
            for row in array.flow.rows
            if moving_rails(row.bus)
        }
        self._units: list[MovingLadder | MovingLoop] = []
        for units, memory in zip(array.flow.banks, array.memories, strict=True):
            bank = units.bank
            load, scale = bank_load(design, calibration, bank), design.buses[bank.candidate].scale
            self._units.append(
                MovingLadder(memory, load, calibration, scale, width, devices.die.stuck)
                if bank.clocked
                else MovingLoop(memory, load, devices, bank, width)
            )
        self._copied: dict[int, Array] = {}
        self._legs = {
            node.row.index: Legs(node, self._nodes) for node in array.rows if node.wirings
        }
        self._levels: list[Array] = []
        self._noise: StrobeNoise | None = None
        self._begun = 0
        self._x: Array | None = None
        self._make_room(0)

    def add_noise(self, noise: DecisionNoise) -> None:
        """Let noise move what strobes read from now on."""
        self._noise = StrobeNoise(array=self._array, noise=noise, rails=self._first_rails)

    def _make_room(self, n_time: int) -> None:
        """Make room for what a block of frames leaves."""
        shape = (n_time, self._width, len(BLOCKS))
        self.static, self.switching = np.zeros(shape), np.zeros(shape)
        self.output = np.zeros((self._design.spec.n_classes, n_time, self._width))
        banks = self._design.banks
        self.candidates = [np.zeros((b.n_units, n_time, self._width)) for b in banks]
        self.states = [np.zeros((b.n_units, n_time, self._width)) for b in banks]

    def frames(self, x: Array) -> None:
        """Run the next frames, (n_in, time, sequence); fills signals and supply anew."""
        timing = self._design.timing
        strobes = {bank.layer: timing.strobes[bank.layer] for bank in self._design.banks}
        clocked = {bank.layer for bank in self._design.strobed}
        cuts = sorted({0.0, timing.frame, *(strobes[i] for i in clocked)})
        self._make_room(x.shape[1])
        if self._x is None:
            self._x = x[:, 0]
            self._settle(self._x)
            self._levels = self._carried()
            self._stretch(0.0, PRE_ROLL * timing.frame, self._x, self._x, None)
        for t in range(x.shape[1]):
            for start, end in itertools.pairwise(cuts):
                for i in sorted(clocked):
                    if strobes[i] == start:
                        self._strobe(i, t)
                self._stretch(start, end, self._x, x[:, t], t)
            self._x = x[:, t]
            self._read(t)
        self._begun += x.shape[1]

    # ------------------------------------------------------------------------------- the parts

    def _settle(self, x: Array) -> None:
        """Start with the first frame's inputs and the initial states, all at rest."""
        for row in self._array.flow.rows:
            if row.index in self._nodes:
                node = self._nodes[row.index]
                node.settle(self._into(row, x))
                self._copied[row.index] = node.legs(node.sent)

    def _stretch(self, start: float, end: float, before: Array, x: Array, t: int | None) -> None:
        """Go from `start` to `end` [s] of a frame, in steps that grow."""
        at = start + (end - start) * (np.arange(self._steps + 1) / self._steps) ** 2
        for a, b in itertools.pairwise(at):
            share = (min(float(a) / RAMP, 1.0) + min(float(b) / RAMP, 1.0)) / 2
            self._advance(before + share * (x - before), float(b - a))
            if t is not None:
                self.static[t] += float(b - a) / self._design.timing.frame * self._drawn()

    def _advance(self, x: Array, dt: float) -> None:
        for step in self._array.flow.steps:
            if isinstance(step, Units):
                self._move_units(step, dt)
            elif step.index in self._nodes:
                node = self._nodes[step.index]
                sinks = step.bus.circuit.rectifies
                sunk = self._legs[step.index].sunk(self._copied) if sinks else None
                node.step(self._into(step, x), dt, sunk)
                self._copied[step.index] = node.legs(node.sent)

    def _into(self, row: Row, x: Array) -> Array:
        """Return the mean of what flows into a row over a step, (n, sequence)."""
        if row.bank is not None:
            return self._units[row.bank].output()
        if row.index == self._array.flow.x:
            return x
        return self._legs[row.index].value(self._copied)

    def _move_units(self, units: Units, dt: float) -> None:
        unit, candidate = self._units[units.index], self._nodes[units.candidate].mean
        if isinstance(unit, MovingLoop):
            unit.step(self._rails(units.candidate, "pn", candidate), dt)
            return
        unit.step(self._rails(units.candidate, "np", candidate), self._threshold(units), dt)

    def _threshold(self, units: Units) -> tuple[Rails, Rails] | None:
        """Return what PMOS and what NMOS legs copy of a threshold's node, where there is one."""
        if units.threshold is None:
            return None
        sent = self._nodes[units.threshold].sent
        return (
            self._rails(units.threshold, "pp", sent),
            self._rails(units.threshold, "nn", sent),
        )

    def _first_rails(self, row: int) -> Rails:
        """Return the rails of a row's first diodes now, as noise reads them."""
        node = self._nodes[row]
        first = dict(reversed(node.names))
        plus = node.rail(node.end, "plus", first["plus"])
        minus = node.rail(node.end, "minus", first["minus"]) if "minus" in first else None
        return noisy_rails(plus, minus)

    def _rails(self, row: int, polarities: str, currents: Array) -> Rails:
        """Return the plus rail and, of a signed row, the minus rail of given polarities."""
        node = self._nodes[row]
        plus = node.rail(currents, "plus", polarities[0])
        if ("minus", polarities[1]) not in node.names:
            return Rails(plus=plus)
        return Rails(plus=plus, minus=node.rail(currents, "minus", polarities[1]))

    def _candidate(self, units: Units) -> Array:
        """Return a layer's candidates now, (n, sequence)."""
        rails = self._rails(units.candidate, "np", self._nodes[units.candidate].end)
        c = rails.plus if rails.minus is None else rails.plus - rails.minus
        found: Array = c[:, 0]
        return found

    def _strobe(self, layer: int, t: int) -> None:
        unit, memory = self._units[layer], self._array.memories[layer]
        if not isinstance(unit, MovingLadder):
            raise TypeError(f"layer {layer} has no strobe")
        self.candidates[layer][:, t] = self._candidate(memory.units)
        if self._noise is None:
            steps = unit.strobe()
        else:
            units = memory.units
            rails = self._rails(units.candidate, "np", self._nodes[units.candidate].mean)
            inflow = self._legs[units.candidate].value(self._copied)
            leaning = unit.leaning(rails, self._threshold(units), inflow)
            noise = self._noise.drawn(units, leaning, self._begun + t)
            seen = self.candidates[layer][:, t]
            seen += noise
            if memory.i_q is None:
                np.maximum(seen + np.minimum(inflow, 0.0), 0.0, out=seen)
            steps = unit.strobe(leaning, noise)
        stepped = self._calibration.c_step * steps.astype(np.float64)
        self._charge("memory", t, memory.c_still + stepped)
        self._charge("clock", t, np.full(len(steps), memory.c_clock))

    def _charge(self, block: str, t: int, capacitance: Array) -> None:
        """Add a capacitance [F] charged once in a frame: mean current C V / T."""
        per = self._calibration.v_dd / self._design.timing.frame
        self.switching[t, :, BLOCKS.index(block)] += capacitance * per

    def _drawn(self) -> Array:
        """Mean supply current of the last step [A], (sequence, block)."""
        found = np.zeros(self.static.shape[1:])
        found[:, BLOCKS.index("bias")] = self._array.bias_supply
        found[:, BLOCKS.index("clock")] = self._array.clock_supply
        found[:, BLOCKS.index("mirror")] = sum(node.supply() for node in self._nodes.values())
        found[:, BLOCKS.index("memory")] = sum(unit.supply() for unit in self._units)
        return found

    def _carried(self) -> list[Array]:
        """Return what each unit's output carries, by layer (unit, sequence)."""
        units = zip(self._array.memories, self._units, strict=True)
        return [memory.currents(unit.cells)[0] for memory, unit in units]

    def _read(self, t: int) -> None:
        """Keep what stands at the frame's end."""
        copied = {row: node.legs(node.copies(node.end)) for row, node in self._nodes.items()}
        self.output[:, t] = self._legs[self._array.flow.y].value(copied)
        levels = self._carried()
        for i, (memory, level) in enumerate(zip(self._array.memories, levels, strict=True)):
            if memory.bank.clocked:
                low = nominal_low(self._design, self._calibration, memory)
                self.states[i][:, t] = level - low[:, None]
                continue
            self.candidates[i][:, t], self.states[i][:, t] = self._candidate(memory.units), level
            # What a loop's step charges is counted where it is seen, at the frame's end.
            stepped = np.abs(level - self._levels[i]) > 0
            self._charge("memory", t, memory.c_step @ stepped.astype(np.float64))
        self._levels = levels
