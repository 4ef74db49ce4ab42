"""Runs dies of a program through the compiled kernel."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.blocks import SequenceBlock, SequenceGroup
from mru_hw.simulate.fast.noise_layout import Noise
from mru_hw.simulate.fast.noise_tables import NoiseTables
from mru_hw.simulate.fast.source import LANES, kernel
from mru_hw.simulate.fast.tables import Constants, Tables, workspace
from mru_hw.simulate.program import Program
from mru_hw.simulate.supply import BLOCKS
from mru_hw.technology.calibration import Calibration

MIRROR, MEMORY, BIAS, CLOCK = (BLOCKS.index(name) for name in ("mirror", "memory", "bias", "clock"))
SUMS, ALL, OUTPUTS = range(3)
"""What is kept: sums of the last row, every signal, or the outputs alone."""


class FastProgram:
    """A program and what all its dies share in the kernel.

    Parameters
    ----------
    calibration
        Constants of the run.
    keep_all
        Whether signals are kept.
    noise
        Of its dies, or none.
    """

    def __init__(
        self,
        program: Program,
        calibration: Calibration,
        *,
        keep_all: bool,
        noise: NoiseTables | None = None,
    ) -> None:
        self.program, self.noise = program, noise
        dtype = program.net.dtype
        self.module: ModuleType = kernel(dtype.name)
        self.means = program.flow.design.spec.readout is ReadoutKind.MEAN
        self.keep = ALL if keep_all else SUMS if self.means else OUTPUTS
        self.tables = Tables.of(program.layout, self.keep, means=self.means)
        self.ws = workspace(self.tables.lines, LANES, dtype)
        self.record = workspace(2, LANES, np.float64)
        self.numbers = Constants.of(program, calibration)
        self.per_farad = calibration.v_dd / program.flow.design.timing.frame
        self.still, self.clock = program.c_still.sum(), program.c_clock.sum()

    def start(self, d: int, group: SequenceGroup, offset: int = 0) -> FastRun:
        """Begin a group of sequences on a die; what ran before it has ended.

        Parameters
        ----------
        offset
            Index in their file of the first of all sequences: it names the noise's draws.
        """
        if self.noise is None:
            return FastRun(self, d, group, None)
        noise = self.noise.die(d, group.rows + offset)
        self.module.hold(noise)
        return FastRun(self, d, group, noise)

    @property
    def keeps(self) -> bool:
        """Whether signals are read frame by frame."""
        return self.keep != SUMS


class FastRun:
    """One die on the sequences of a group, block of frames after block.

    Attributes
    ----------
    static, switching
        Supply current [A] summed over the valid frames so far, (sequence, supply block).
    output, candidates, states
        Of the last block, (unit, time, sequence), where they are kept.
    """

    def __init__(
        self, runner: FastProgram, d: int, group: SequenceGroup, noise: Noise | None
    ) -> None:
        flow = runner.program.flow
        self._runner, self._d, self.lengths, self._noise = runner, d, group.lengths, noise
        dtype = runner.program.net.dtype
        numbers, tables = runner.numbers, runner.tables
        self._static = np.zeros((2, LANES))
        self._switching = np.zeros(LANES)
        self._classes = flow.rows[flow.y].bus.size
        self.output: Floats = np.zeros((0, 0, 0), dtype)
        self.candidates: list[Floats] = []
        self.states: list[Floats] = []
        runner.module.begin(
            tables.rows,
            tables.versions,
            tables.legs,
            tables.banks,
            numbers.node[d],
            numbers.net[d],
            numbers.pull[d],
            numbers.table[d],
            numbers.count,
            runner.ws,
            tables.keep,
            tables.features,
        )

    def add(self, block: SequenceBlock) -> None:
        """Run the next block of frames."""
        runner, d = self._runner, self._d
        numbers, tables, keep = runner.numbers, runner.tables, runner.keep
        n_time, dtype = block.x.shape[1], block.x.dtype
        units = len(numbers.count) if keep == ALL else 0
        classes = 0 if keep == SUMS else self._classes
        output = np.empty((classes, n_time, LANES), dtype)
        candidates, states = (np.empty((units, n_time, LANES), dtype) for _ in range(2))
        runner.module.run_block(
            tables.steps,
            tables.rows,
            tables.versions,
            tables.shares,
            tables.legs,
            tables.reads,
            tables.banks,
            numbers.node[d],
            numbers.row_f,
            numbers.leak[d],
            numbers.least[d],
            numbers.net[d],
            numbers.pull[d],
            numbers.unit[d],
            numbers.copies[d],
            numbers.compared[d],
            numbers.table[d],
            numbers.shown[d],
            block.x,
            self.lengths,
            block.start,
            runner.ws,
            self._static,
            self._switching,
            runner.record,
            tables.keep,
            output,
            candidates,
            states,
            self._noise,
        )
        if keep == SUMS:
            return
        self.output = output
        banks = runner.program.flow.banks if keep == ALL else ()
        self.candidates = [candidates[units.units] for units in banks]
        self.states = [states[units.units] for units in banks]

    def mean(self) -> Floats | None:
        """Return the mean output of each sequence, (class, sequence), where it decides."""
        if not self._runner.means:
            return None
        runner, numbers, d = self._runner, self._runner.numbers, self._d
        out = np.empty((self._classes, LANES), numbers.node.dtype)
        tables = runner.tables
        runner.module.finish(
            runner.ws,
            tables.legs,
            tables.rows,
            runner.program.flow.y,
            numbers.node[d],
            numbers.net[d],
            tables.keep,
            self.lengths,
            out,
        )
        return out

    def currents(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return static and switching supply current [A] summed over frames, (sequence, block)."""
        runner, d = self._runner, self._d
        program, frames = runner.program, self.lengths.astype(np.float64)
        static, switching = np.zeros((2, LANES, len(BLOCKS)))
        static[:, MIRROR], static[:, MEMORY] = self._static
        static[:, BIAS] = program.bias_supply[d] * frames
        static[:, CLOCK] = program.clock_supply[d] * frames
        switching[:, MEMORY] = (self._switching + runner.still * frames) * runner.per_farad
        switching[:, CLOCK] = runner.clock * frames * runner.per_farad
        return static, switching
