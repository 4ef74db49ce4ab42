"""The level ``behavioral``, settled: calibrated cell laws, one solution a phase.

Within frame t, layer i's strobe comes at ``timing.strobes[i]``: before it the layer's state is
that of frame t-1, after it that of frame t. A candidate counts at its own layer's strobe, so it
sees the new states of the layers before it. The supply is the mean over these phases.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.mapping.design import Design
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.blocks import (
    SequenceBlock,
    SequenceGroup,
    add_valid,
    group_sequences,
    keep_freed_memory,
)
from mru_hw.simulate.compile import compile_dies
from mru_hw.simulate.decision_noise import DecisionNoise, NoiseLaw, noise_gains
from mru_hw.simulate.die_run import DieRun
from mru_hw.simulate.kept import Kept
from mru_hw.simulate.kernels import NUMBA, asked_kernel
from mru_hw.simulate.program import Program
from mru_hw.simulate.readout import Tally, largest
from mru_hw.simulate.supply import BLOCKS, SupplyRecord
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, NoiseKey

Array = NDArray[np.float64]

TOGETHER_BYTES = 1 << 25
"""Inputs of a group of sequences that are cut into blocks once for many dies, at most [bytes]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseRun:
    """Device noise of a run: its seed and a factor on every sigma."""

    seed: int
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BehavioralRun:
    """Result of a behavioral run over several dies; every array has a leading die axis.

    Attributes
    ----------
    trace
        Decisions and, unless decisions alone were asked for, outputs, candidates and states.
        Energy is not priced here: it is NaN.
    supply
        What was drawn.
    finite
        (n_die, n_seq) whether outputs and supply currents are finite numbers; where not, the die
        or the conditions lie beyond what the laws mean, and nothing of it is a figure.
    """

    trace: Trace
    supply: SupplyRecord
    finite: NDArray[np.bool_]


class BlockSignals(Protocol):
    """What one die gave on one block: signals, (feature, time, sequence)."""

    output: Floats
    candidates: list[Floats]
    states: list[Floats]


class BlockRun(BlockSignals, Protocol):
    """The same, and supply currents (time, sequence, supply block)."""

    static: Array
    switching: Array


class DieResults:
    """What dies gave on sequences.

    Attributes
    ----------
    kept, decision, static, switching, finite
        Filled by `Gathered`: signals and decisions as a trace has them; mean supply current [A],
        (n_die, n_seq, supply block); whether outputs are finite.
    """

    def __init__(
        self, design: Design, inputs: Inputs, n_die: int, dtype: DTypeLike, *, keep_all: bool
    ) -> None:
        n_seq, n_time = inputs.x.shape[:2]
        self.readout, self._frame = design.spec.readout, design.timing.frame
        self._lengths = inputs.lengths
        self.kept = Kept.nothing()
        if keep_all:
            self.kept = Kept.empty(design.spec, (n_die, n_seq, n_time), dtype)
        self.decision = np.zeros((n_die, n_seq), dtype=np.int64)
        self.static = np.zeros((n_die, n_seq, len(BLOCKS)))
        self.switching = np.zeros_like(self.static)
        self.finite = np.ones((n_die, n_seq), dtype=np.bool_)

    def supplied(self, dies: slice, group: SequenceGroup, static: Array, switching: Array) -> None:
        """Store what dies drew.

        Parameters
        ----------
        static, switching
            Supply current [A] summed over the valid frames, (die, columns, supply block).
        """
        rows, n = group.rows, len(group.rows)
        frames = group.lengths[:n, None]
        self.static[dies, rows] = static[:, :n] / frames
        self.switching[dies, rows] = switching[:, :n] / frames

    def decided(self, dies: slice, group: SequenceGroup, mean: Floats) -> None:
        """Store decisions by the mean outputs, (die, class, columns)."""
        rows, n = group.rows, len(group.rows)
        self.decision[dies, rows] = largest(mean)[:, :n]
        self.finite[dies, rows] &= np.all(np.isfinite(mean[..., :n]), axis=1)

    def run(self, v_dd: float) -> BehavioralRun:
        """Return everything, drawn at a supply of `v_dd` [V]."""
        supply = SupplyRecord(
            static=self.static,
            switching=self.switching,
            duration=self._lengths.astype(np.float64) * self._frame,
            v_dd=v_dd,
        )
        priced = np.isfinite(self.static + self.switching).all(axis=2)
        return BehavioralRun(
            trace=self.kept.trace(self.decision), supply=supply, finite=self.finite & priced
        )


class Gathered:
    """What one die gave on sequences that share blocks, block of frames after block.

    Parameters
    ----------
    results
        Where it goes.
    die
        Number of the die.
    """

    def __init__(self, results: DieResults, die: int, group: SequenceGroup) -> None:
        self._results, self._die, self._group = results, die, group
        self._tally = Tally(results.readout, group.lengths)
        self._static = np.zeros((len(group.lengths), len(BLOCKS)))
        self._switching = np.zeros_like(self._static)

    def add(self, block: SequenceBlock, run: BlockRun) -> None:
        """Take the next block."""
        self.take(block, run)
        add_valid(self._static, run.static, block.valid)
        add_valid(self._switching, run.switching, block.valid)

    def take(self, block: SequenceBlock, run: BlockSignals) -> None:
        """Take the signals of the next block."""
        self._tally.add(run.output)
        n = len(block.rows)
        amiss = np.any(~np.isfinite(run.output) & block.valid, axis=(0, 1))
        self._results.finite[self._die, block.rows] &= ~amiss[:n]
        arrays = self._results.kept.arrays
        if not arrays:
            return
        n_time = len(block.valid)
        valid, frames = block.valid[:, :n].T[:, :, None], slice(block.start, block.start + n_time)
        signals = {"output": [run.output], "candidate": run.candidates, "state": run.states}
        for kind, layers in signals.items():
            for target, values in zip(arrays[kind], layers, strict=True):
                rows = np.where(valid, values[..., :n].transpose(2, 1, 0), np.nan)
                target[self._die, block.rows, frames] = rows

    def close(self) -> None:
        """Store what is known of whole sequences only: decisions, and means over their frames."""
        self.decide()
        die = slice(self._die, self._die + 1)
        self._results.supplied(die, self._group, self._static[None], self._switching[None])

    def decide(self) -> None:
        """Store the decisions by the signals that were taken."""
        rows = self._group.rows
        self._results.decision[self._die, rows] = self._tally.decide()[: len(rows)]


def simulate_behavioral(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    dies: Sequence[Die],
    *,
    temperature: float | None = None,
    v_dd: float | None = None,
    noise: NoiseRun | None = None,
    sequence_offset: int = 0,
    dtype: DTypeLike = np.float64,
    keep_all: bool = True,
    kernel: str | None = None,
) -> BehavioralRun:
    """Run dies on sequences.

    Parameters
    ----------
    design, calibration
        The chip and its technology's constants, at the process corner of the run.
    inputs
        Raw sequences; normalisation is the design's.
    dies
        Which dies; each is computed alone, so its bits do not depend on the others.
    temperature, v_dd
        [degC], [V]; the calibration's temperature and the technology's supply when None.
    noise
        Device noise, or none.
    sequence_offset
        Index of the first sequence in its file: it names the noise draws.
    dtype
        float64, or float32 for speed.
    keep_all
        Whether to return outputs, candidates and states too.
    kernel
        One of `mru_hw.simulate.kernels.KERNELS`; when None numba's where it is installed. Dies with
        stuck cells are numpy's with either.

    Raises
    ------
    UserError
        The trace is too large, or there is no such kernel.
    """
    compiled = asked_kernel(kernel) == NUMBA
    temperature = calibration.temperature if temperature is None else temperature
    keep_freed_memory()
    supply_v = design.technology.v_dd if v_dd is None else v_dd
    at_supply = calibration.at(supply_v, temperature=temperature, loops_only=design.loops_only)
    results = DieResults(design, inputs, len(dies), dtype, keep_all=keep_all)
    groups = list(group_sequences(inputs.lengths))
    law = None if noise is None else NoiseLaw.of(design, at_supply, temperature, noise.scale)
    done = 0
    # The compiled kernel counts set cells, and a stuck one breaks the count's code.
    for stuck, alike in itertools.groupby(dies, key=lambda die: bool(die.stuck)):
        run = _run_compiled if compiled and not stuck else _run_numpy
        own = list(alike)
        for program in compile_dies(design, at_supply, own, temperature=temperature, dtype=dtype):
            job = _Job(results, program, at_supply, done, groups, inputs)
            run(job, dies[done : done + program.n_die], law, noise, sequence_offset)
            done += program.n_die
    return results.run(supply_v)


@dataclass(frozen=True, slots=True)
class _Job:
    """A program on all sequences; its first die is the run's die number `first`."""

    results: DieResults
    program: Program
    calibration: Calibration
    first: int
    groups: Sequence[SequenceGroup]
    inputs: Inputs

    def blocks(self, group: SequenceGroup) -> Iterable[SequenceBlock]:
        """Cut a group into blocks of frames; those of short sequences may be gone through again."""
        design, dtype = self.program.flow.design, self.program.net.dtype
        cut = group.blocks(self.inputs, design, dtype)
        size = int(group.lengths.max()) * len(group.lengths) * self.inputs.x.shape[2] * 8
        return list(cut) if self.program.n_die > 1 and size <= TOGETHER_BYTES else cut


def _run_numpy(
    job: _Job, dies: Sequence[Die], law: NoiseLaw | None, noise: NoiseRun | None, offset: int
) -> None:
    keys = () if noise is None else NoiseKey.of_dies(noise.seed, [die.seed for die in dies])
    for d, (die, array) in enumerate(zip(dies, job.program.dies(), strict=True)):
        gains = () if noise is None else noise_gains(array)
        for group in job.groups:
            drawn = None
            if law is not None and noise is not None:
                drawn = DecisionNoise(
                    law=law,
                    gains=gains,
                    key=keys[d],
                    sequences=group.rows + offset,
                    lazy=not job.results.kept.arrays,
                )
            gathered, held = Gathered(job.results, job.first + d, group), None
            for block in job.blocks(group):
                run = DieRun(
                    array=array,
                    block=block,
                    calibration=job.calibration,
                    noise=drawn,
                    held=held,
                    stuck=die.stuck,
                )
                run.all_layers()
                gathered.add(block, run)
                held = run.held
            gathered.close()


def _run_compiled(
    job: _Job, dies: Sequence[Die], law: NoiseLaw | None, noise: NoiseRun | None, offset: int
) -> None:
    from mru_hw.simulate.fast.noise_tables import NoiseTables
    from mru_hw.simulate.fast.run import FastProgram, FastSums

    keep_all, tables = bool(job.results.kept.arrays), None
    if law is not None and noise is not None:
        keys = NoiseKey.of_dies(noise.seed, [die.seed for die in dies])
        tables = NoiseTables(job.program, law, keys, lazy=not keep_all)
    fast = FastProgram(job.program, job.calibration, keep_all=keep_all, noise=tables)
    together = slice(job.first, job.first + job.program.n_die)
    for group in job.groups:
        blocks: Iterable[SequenceBlock] = ()
        sums = FastSums(fast, group)
        for d in range(job.program.n_die):
            if not isinstance(blocks, list) or not blocks:
                blocks = job.blocks(group)
            run = fast.start(d, sums, offset)
            gathered = Gathered(job.results, job.first + d, group) if fast.keeps else None
            for block in blocks:
                run.add(block)
                if gathered is not None:
                    gathered.take(block, run)
            run.end()
            if gathered is not None and sums.mean is None:
                gathered.decide()
        if sums.mean is not None:
            job.results.decided(together, group, sums.mean)
        job.results.supplied(together, group, *sums.currents())
