"""Runs dies of a program through the compiled kernel."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.blocks import SequenceBlock, SequenceGroup
from mru_hw.simulate.fast.lane_layout import Lanes
from mru_hw.simulate.fast.noise_layout import Noise
from mru_hw.simulate.fast.noise_tables import NoiseTables
from mru_hw.simulate.fast.source import LANES, kernel
from mru_hw.simulate.fast.tables import Constants, Tables, workspace
from mru_hw.simulate.program import Program
from mru_hw.simulate.supply import BLOCKS
from mru_hw.technology.calibration import Calibration

SUMS, ALL, OUTPUTS = range(3)
"""What is kept: sums of the last row, every signal, or the outputs alone."""
ENDLESS = np.iinfo(np.int64).max
"""Frames that no run has."""


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
    n_points
        Runs of each die that differ in the scale of their noise.
    """

    def __init__(
        self,
        program: Program,
        calibration: Calibration,
        *,
        keep_all: bool,
        noise: NoiseTables | None = None,
        n_points: int = 1,
    ) -> None:
        self.program, self.calibration, self.noise = program, calibration, noise
        self.n_points, self.dtype = n_points, program.net.dtype
        self.module: ModuleType = kernel(self.dtype.name)
        self.means = program.flow.design.spec.readout is ReadoutKind.MEAN
        self.keep = kept(program, keep_all=keep_all)
        self.tables = Tables.of(program.layout, self.keep, means=self.means)
        self.ws = workspace(self.tables.lines, LANES, self.dtype)
        self.record = workspace(2, LANES, np.float64)
        self.numbers = Constants.of(program, calibration)
        features = int(self.tables.keep[4])
        self.cells = np.concatenate([self.numbers.count, np.zeros(features, self.dtype)])

    def start(self, d: int, sums: FastSums, offset: int = 0) -> FastRun:
        """Begin a die on sequences; what ran before it has ended.

        Parameters
        ----------
        sums
            Of the sequences.
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

    def lanes(
        self,
        sums: FastSums,
        d: int,
        first: NDArray[np.int64],
        stride: int,
        order: NDArray[np.int64],
    ) -> Lanes:
        """Return lanes without work, and all sequences that wait for one.

        Parameters
        ----------
        first, stride
            Columns of the inputs at which the sequences begin, and from a frame to the next.
        order
            In which they are begun.
        """
        n_points, n = self.n_points, len(self.cells)
        # A sequence begins when no points wait, so those that do are of as many as there are lanes.
        room = LANES * n_points if n_points > 1 else 1
        own = {name: np.zeros(LANES, np.int64) for name in _BY_LANE}
        lengths = sums.group.lengths[: len(sums.group.rows)]
        features = int(self.tables.keep[4])
        return Lanes(
            **own,
            beginning=np.array([0, stride]),
            totals=np.zeros((3, LANES)),
            loudest=np.zeros(LANES, self.dtype),
            first=first,
            lengths=lengths,
            order=order,
            queue=np.array([0, 0, 0, (1 << n_points) - 1, n_points]),
            waiting=np.zeros((room, 3), np.int64),
            waiting_totals=np.zeros((room, 3)),
            waiting_lines=np.zeros((room, n), self.dtype),
            line=np.zeros((n, LANES), self.dtype),
            line_totals=np.zeros((3, LANES)),
            totals_out=sums.totals[d],
            features_out=np.zeros((features, n_points, len(lengths)), self.dtype),
        )


_BY_LANE = ("sequence", "frame", "left", "points", "leave", "at", "taken")


def kept(program: Program, *, keep_all: bool) -> int:
    """Return what runs of a program keep: `SUMS`, `ALL` or `OUTPUTS`."""
    if keep_all:
        return ALL
    return SUMS if program.flow.design.spec.readout is ReadoutKind.MEAN else OUTPUTS


class FastSums:
    """What all dies of a program sum over the frames of sequences.

    Attributes
    ----------
    totals
        (die, 3, point, sequence) over the valid frames: supply current [A] of nodes and of units,
        charge [F].
    mean
        Mean outputs, (die, class, point, sequence), where they decide.
    """

    def __init__(self, runner: FastProgram, group: SequenceGroup) -> None:
        program, shape = runner.program, (runner.n_points, len(group.rows))
        self.group, self._runner = group, runner
        self.totals = np.zeros((program.n_die, 3, *shape))
        self.mean: Floats | None = None
        if runner.means:
            classes = program.flow.rows[program.flow.y].bus.size
            self.mean = np.empty((program.n_die, classes, *shape), runner.dtype)

    def currents(self, point: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return static and switching supply current [A] summed over frames.

        (die, sequence, supply block) each.
        """
        program, calibration = self._runner.program, self._runner.calibration
        per_farad = calibration.v_dd / program.flow.design.timing.frame
        n = len(self.group.rows)
        frames = self.group.lengths[:n].astype(np.float64)
        static, switching = np.zeros((2, program.n_die, n, len(BLOCKS)))
        at = {name: BLOCKS.index(name) for name in BLOCKS}
        totals = self.totals[:, :, point]
        static[..., at["mirror"]], static[..., at["memory"]] = totals[:, 0], totals[:, 1]
        static[..., at["bias"]] = program.bias_supply[:, None] * frames
        static[..., at["clock"]] = program.clock_supply[:, None] * frames
        still, clock = program.c_still.sum(), program.c_clock.sum()
        switching[..., at["memory"]] = (totals[:, 2] + still * frames) * per_farad
        switching[..., at["clock"]] = clock * frames * per_farad
        return static, switching


class FastRun:
    """One die on sequences: all of them at once, or a group's, block of frames after block.

    Attributes
    ----------
    output, candidates, states
        Of the last block, (unit, time, sequence), where they are kept.
    """

    def __init__(self, runner: FastProgram, d: int, sums: FastSums, noise: Noise | None) -> None:
        flow = runner.program.flow
        self._runner, self._d, self._sums, self._noise = runner, d, sums, noise
        self._classes = flow.rows[flow.y].bus.size
        self.output: Floats = np.zeros((0, 0, 0), runner.dtype)
        self.candidates: list[Floats] = []
        self.states: list[Floats] = []
        self._lanes: Lanes | None = None

    def add(self, block: SequenceBlock) -> None:
        """Run the next block of frames; as many sequences as lanes, which run side by side."""
        runner = self._runner
        n_time, width = block.x.shape[1:]
        if self._lanes is None:
            columns = np.arange(len(self._sums.group.rows))
            self._lanes = runner.lanes(self._sums, self._d, columns, width, columns)
        self._lanes.beginning[0] = block.start
        units = len(runner.numbers.count) if runner.keep == ALL else 0
        classes = 0 if runner.keep == SUMS else self._classes
        output = np.empty((classes, n_time, LANES), runner.dtype)
        candidates, states = (np.empty((units, n_time, LANES), runner.dtype) for _ in range(2))
        x = block.x.reshape(len(block.x), -1)
        self._run(x, self._lanes, n_time, output, candidates, states)
        if runner.keep == SUMS:
            return
        self.output = output
        banks = runner.program.flow.banks if runner.keep == ALL else ()
        self.candidates = [candidates[units.units] for units in banks]
        self.states = [states[units.units] for units in banks]

    def all(self, x: Floats) -> None:
        """Run all sequences, whose frames `x` has one after the other, (input, frame)."""
        lengths = self._sums.group.lengths
        first = np.cumsum(lengths) - lengths
        longest = np.argsort(-lengths, kind="stable")
        self._lanes = self._runner.lanes(self._sums, self._d, first, 1, longest)
        nothing = np.empty((0, 0, LANES), self._runner.dtype)
        self._run(x, self._lanes, ENDLESS, nothing, nothing, nothing)

    def _run(
        self,
        x: Floats,
        lanes: Lanes,
        most: int,
        output: Floats,
        candidates: Floats,
        states: Floats,
    ) -> None:
        runner, d = self._runner, self._d
        numbers, tables = runner.numbers, runner.tables
        runner.module.run(
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
            x,
            runner.cells,
            lanes,
            most,
            runner.ws,
            runner.record,
            tables.keep,
            output,
            candidates,
            states,
            self._noise,
        )

    def end(self) -> None:
        """Write the mean output of each sequence, where it decides."""
        runner, numbers, d = self._runner, self._runner.numbers, self._d
        if self._sums.mean is None or self._lanes is None:
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
            self._lanes,
            self._sums.mean[d],
        )
