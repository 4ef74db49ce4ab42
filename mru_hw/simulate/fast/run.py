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
        self.program, self.calibration, self.noise = program, calibration, noise
        dtype = program.net.dtype
        self.module: ModuleType = kernel(dtype.name)
        self.means = program.flow.design.spec.readout is ReadoutKind.MEAN
        self.keep = ALL if keep_all else SUMS if self.means else OUTPUTS
        self.tables = Tables.of(program.layout, self.keep, means=self.means)
        self.ws = workspace(self.tables.lines, LANES, dtype)
        self.record = workspace(2, LANES, np.float64)
        self.numbers = Constants.of(program, calibration)

    def start(self, d: int, sums: FastSums, offset: int = 0) -> FastRun:
        """Begin a die on a group of sequences; what ran before it has ended.

        Parameters
        ----------
        sums
            Of the group.
        offset
            Index in their file of the first of all sequences: it names the noise's draws.
        """
        if self.noise is None:
            return FastRun(self, d, sums, None)
        noise = self.noise.die(d, sums.group.rows + offset)
        self.module.hold(noise)
        return FastRun(self, d, sums, noise)

    @property
    def keeps(self) -> bool:
        """Whether signals are read frame by frame."""
        return self.keep != SUMS


class FastSums:
    """What all dies of a program sum over the frames of a group of sequences.

    Attributes
    ----------
    static, switching
        Supply current [A] of nodes and of units, (die, 2, sequence), and charge [F], (die,
        sequence), over the valid frames.
    mean
        Mean outputs, (die, class, sequence), where they decide.
    """

    def __init__(self, runner: FastProgram, group: SequenceGroup) -> None:
        program = runner.program
        self.group, self._runner = group, runner
        self.static = np.zeros((program.n_die, 2, LANES))
        self.switching = np.zeros((program.n_die, LANES))
        self.mean: Floats | None = None
        if runner.means:
            classes = program.flow.rows[program.flow.y].bus.size
            self.mean = np.empty((program.n_die, classes, LANES), program.net.dtype)

    def currents(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return static and switching supply current [A] summed over frames.

        (die, sequence, supply block) each.
        """
        program, calibration = self._runner.program, self._runner.calibration
        per_farad = calibration.v_dd / program.flow.design.timing.frame
        frames = self.group.lengths.astype(np.float64)
        static, switching = np.zeros((2, program.n_die, LANES, len(BLOCKS)))
        at = {name: BLOCKS.index(name) for name in BLOCKS}
        static[..., at["mirror"]], static[..., at["memory"]] = self.static.swapaxes(0, 1)
        static[..., at["bias"]] = program.bias_supply[:, None] * frames
        static[..., at["clock"]] = program.clock_supply[:, None] * frames
        still, clock = program.c_still.sum(), program.c_clock.sum()
        switching[..., at["memory"]] = (self.switching + still * frames) * per_farad
        switching[..., at["clock"]] = clock * frames * per_farad
        return static, switching


class FastRun:
    """One die on the sequences of a group, block of frames after block.

    Attributes
    ----------
    output, candidates, states
        Of the last block, (unit, time, sequence), where they are kept.
    """

    def __init__(self, runner: FastProgram, d: int, sums: FastSums, noise: Noise | None) -> None:
        flow = runner.program.flow
        self._runner, self._d, self._sums, self._noise = runner, d, sums, noise
        self.lengths = sums.group.lengths
        dtype = runner.program.net.dtype
        numbers, tables = runner.numbers, runner.tables
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
            self._sums.static[d],
            self._sums.switching[d],
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

    def end(self) -> None:
        """Write the mean output of each sequence, where it decides."""
        runner, numbers, d = self._runner, self._runner.numbers, self._d
        if self._sums.mean is None:
            return
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
            self._sums.mean[d],
        )
