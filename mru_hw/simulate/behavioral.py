"""The level ``behavioral``, settled: calibrated cell laws, one solution a phase.

Within frame t, layer i's strobe comes at ``timing.strobes[i]``: before it the layer's state is
that of frame t-1, after it that of frame t. A candidate counts at its own layer's strobe, so it
sees the new states of the layers before it. The supply is the mean over these phases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from mru_hw.mapping.design import Design
from mru_hw.simulate.blocks import (
    Kept,
    SequenceBlock,
    block_rows,
    cut_block,
    keep_freed_memory,
)
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.decision_noise import DecisionNoise, NoiseLaw
from mru_hw.simulate.die_run import DieRun
from mru_hw.simulate.levels import Floats
from mru_hw.simulate.readout import decide_columns
from mru_hw.simulate.supply import BLOCKS, SupplyRecord
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die


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
    """

    trace: Trace
    supply: SupplyRecord


class DieResults:
    """What dies gave on sequences, block by block."""

    def __init__(
        self, design: Design, inputs: Inputs, n_die: int, dtype: DTypeLike, *, keep_all: bool
    ) -> None:
        n_seq, n_time = inputs.x.shape[:2]
        self._spec, self._inputs, self._frame = design.spec, inputs, design.timing.frame
        self._decision = np.zeros((n_die, n_seq), dtype=np.int64)
        self._static = np.zeros((n_die, n_seq, len(BLOCKS)))
        self._switching = np.zeros_like(self._static)
        self._kept = Kept(design, (n_die, n_seq, n_time), dtype) if keep_all else None

    def store(
        self,
        die: int,
        block: SequenceBlock,
        output: Floats,
        layers: list[tuple[Floats, Floats]],
        supply: tuple[Floats, Floats],
    ) -> None:
        """Store a block: outputs, candidates and states, static and switching supply current."""
        rows, n = block.rows, len(block.rows)
        decided = decide_columns(output, block.lengths, self._spec.readout)
        self._decision[die, rows] = decided[:n]
        self._static[die, rows], self._switching[die, rows] = (part[:n] for part in supply)
        if self._kept is not None:
            self._kept.store(die, block, output, layers)

    def run(self, v_dd: float) -> BehavioralRun:
        """Return everything, drawn at a supply of `v_dd` [V]."""
        kept = self._kept
        trace = Trace(
            decision=self._decision,
            energy_J=np.full(self._decision.shape, np.nan),
            output=None if kept is None else kept.output,
            candidates=() if kept is None else tuple(kept.candidates),
            states=() if kept is None else tuple(kept.states),
        )
        supply = SupplyRecord(
            static=self._static,
            switching=self._switching,
            duration=self._inputs.lengths.astype(np.float64) * self._frame,
            v_dd=v_dd,
        )
        return BehavioralRun(trace=trace, supply=supply)


def simulate_behavioral(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    dies: Sequence[Die],
    *,
    temperature: float = 27.0,
    v_dd: float | None = None,
    noise: NoiseRun | None = None,
    sequence_offset: int = 0,
    dtype: DTypeLike = np.float64,
    keep_all: bool = True,
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
        [degC], [V]; the technology's own supply unless given.
    noise
        Device noise, or none.
    sequence_offset
        Index of the first sequence in its file: it names the noise draws.
    dtype
        float64, or float32 for speed.
    keep_all
        Whether to return outputs, candidates and states too.
    """
    keep_freed_memory()
    supply_v = design.technology.v_dd if v_dd is None else v_dd
    at_supply = calibration.at(supply_v, temperature=temperature, loops_only=design.loops_only)
    order = np.argsort(inputs.lengths, kind="stable")
    results = DieResults(design, inputs, len(dies), dtype, keep_all=keep_all)
    blocks = [cut_block(inputs, rows, design, dtype) for rows in block_rows(order)]
    law = None if noise is None else NoiseLaw.of(design, at_supply, temperature, noise.scale)
    for d, die in enumerate(dies):
        array = compile_die(design, at_supply, die, temperature=temperature, dtype=dtype)
        drawn = None
        if law is not None and noise is not None:
            drawn = DecisionNoise(law=law, seed=noise.seed, die=die.seed, offset=sequence_offset)
        for block in blocks:
            run = DieRun(array=array, block=block, calibration=at_supply, noise=drawn)
            run.all_layers()
            layers = list(zip(run.candidates, run.states, strict=True))
            supply = run.mean(run.static), run.mean(run.switching)
            results.store(d, block, run.output, layers, supply)
    return results.run(supply_v)
