"""The level ``behavioral``, settled: calibrated cell laws, one solution a phase.

Within frame t, layer i's strobe comes at ``timing.strobes[i]``: before it the layer's state is
that of frame t-1, after it that of frame t. A candidate counts at its own layer's strobe, so it
sees the new states of the layers before it. The supply is the mean over these phases.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from mru_hw.mapping.design import Design
from mru_hw.simulate.blocks import group_sequences, keep_freed_memory
from mru_hw.simulate.compile import compile_dies
from mru_hw.simulate.decision_noise import NoiseLaw
from mru_hw.simulate.die_jobs import DieJob, run_compiled, run_numpy
from mru_hw.simulate.die_results import BehavioralRun, DieResults
from mru_hw.simulate.kernels import NUMBA, asked_kernel
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, NoiseKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseRun:
    """Device noise of a run: its seed and a factor on every sigma."""

    seed: int
    scale: float = 1.0


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
    seed, scale = (0, 0.0) if noise is None else (noise.seed, noise.scale)
    (found,) = simulate_noise(
        design,
        calibration,
        inputs,
        dies,
        seed=seed,
        scales=[scale],
        temperature=temperature,
        v_dd=v_dd,
        sequence_offset=sequence_offset,
        dtype=dtype,
        keep_all=keep_all,
        kernel=kernel,
    )
    return found


def simulate_noise(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    dies: Sequence[Die],
    *,
    seed: int,
    scales: Sequence[float],
    temperature: float | None = None,
    v_dd: float | None = None,
    sequence_offset: int = 0,
    dtype: DTypeLike = np.float64,
    keep_all: bool = True,
    kernel: str | None = None,
) -> list[BehavioralRun]:
    """Run dies on sequences at several scales of the same noise, each as if alone.

    The compiled kernel computes once what several of them share: as long as noise changes no
    decision, that is everything.

    Parameters
    ----------
    seed, scales
        Of the noise, and factors on every sigma, one a run; 0 is none.

    Raises
    ------
    UserError
        As `simulate_behavioral`, which says what the other parameters are.
    """
    compiled = asked_kernel(kernel) == NUMBA
    temperature = calibration.temperature if temperature is None else temperature
    keep_freed_memory()
    supply_v = design.technology.v_dd if v_dd is None else v_dd
    at_supply = calibration.at(supply_v, temperature=temperature, loops_only=design.loops_only)
    results = [DieResults(design, inputs, len(dies), dtype, keep_all=keep_all) for _ in scales]
    groups = list(group_sequences(inputs.lengths))
    law = NoiseLaw.of(design, at_supply, temperature, 1.0) if any(scales) else None
    done = 0
    # The compiled kernel counts set cells, and a stuck one breaks the count's code.
    for stuck, alike in itertools.groupby(dies, key=lambda die: bool(die.stuck)):
        run = run_compiled if compiled and not stuck else run_numpy
        own = list(alike)
        for program in compile_dies(design, at_supply, own, temperature=temperature, dtype=dtype):
            here = dies[done : done + program.n_die]
            keys = NoiseKey.of_dies(seed, [die.seed for die in here])
            job = DieJob(
                results=results,
                program=program,
                calibration=at_supply,
                first=done,
                dies=here,
                groups=groups,
                inputs=inputs,
                law=law,
                scales=scales,
                keys=keys,
                offset=sequence_offset,
            )
            run(job)
            done += program.n_die
    return [one.run(supply_v) for one in results]
