"""What dies gave on sequences: from blocks of signals to decisions, supply and traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.errors import LawError
from mru_hw.mapping.design import Design
from mru_hw.model.memory.recurrence import Floats
from mru_hw.simulate.blocks import SequenceBlock, SequenceGroup, add_valid
from mru_hw.simulate.kept import Kept
from mru_hw.simulate.readout import Tally, largest
from mru_hw.simulate.supply import BLOCKS, SupplyRecord
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs

Array = NDArray[np.float64]


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


def refuse_not_finite(run: BehavioralRun) -> None:
    """Raise `LawError` where the first die of a run has sequences that are no figures."""
    if not run.finite.all():
        row = int(np.argmin(run.finite[0]))
        raise LawError(
            f"Sequence {row} has outputs or supply currents that are not finite: its die or its "
            "conditions lie beyond what the laws of the circuits describe."
        )


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
