"""One chip at one level of truth: the three levels, and what each gives beside its trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mru_hw.mapping import Design
from mru_hw.model.network import Model
from mru_hw.simulate.asked import (
    asked_seed,
    refuse_corner,
    refuse_currents,
    refuse_seeds,
    refuse_timing,
)
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.die_results import refuse_not_finite
from mru_hw.simulate.doubts import doubts, warning
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.kernels import asked_kernel, refuse_kernel
from mru_hw.simulate.result import Run
from mru_hw.simulate.supply import input_charge
from mru_hw.simulate.timed import simulate_timed
from mru_hw.simulate.trace import Trace
from mru_hw.spice.deck import Waves
from mru_hw.spice.options import Tolerances
from mru_hw.stimulus import Inputs, refuse_width
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die


class MappedNetwork(Protocol):
    """What a run needs of a chip."""

    @property
    def model(self) -> Model:
        """As it was trained."""

    @property
    def design(self) -> Design:
        """The circuit."""

    @property
    def calibration(self) -> Calibration:
        """The constants of its cell laws."""

    @property
    def mapped(self) -> Model:
        """What the design amounts to, in the network's own units."""

    def die(self, seed: int | None) -> Die:
        """Return a die; the nominal one for None."""


def run_level(
    chip: MappedNetwork,
    inputs: Inputs,
    *,
    level: str,
    conditions: Conditions,
    die: int | None = None,
    noise: int | None = None,
    timing: str = "settled",
    first_sequence: int = 0,
    tolerances: Tolerances = Tolerances.DEFAULT,
    progress: Callable[[int], None] | None = None,
    raw: Path | None = None,
    kernel: str | None = None,
) -> Run:
    """Run one chip.

    Parameters
    ----------
    level
        One of `mru_hw.simulate.asked.LEVELS`.
    timing
        One of `mru_hw.simulate.asked.TIMINGS`; ``timed`` at the level ``behavioral`` alone.
    die, noise
        Seeds; None is the nominal die and no noise.
    first_sequence
        Index in its file of the first sequence, which names the noise draws.
    tolerances
        How closely ngspice solves, at the level ``spice``.
    progress
        Told how many sequences more are done (level ``spice``).
    raw
        At the level ``spice``: a folder for each sequence's waves, ``sequence<number>.raw``.
    kernel
        Of the levels ``ideal`` and ``behavioral``, settled: one of
        `mru_hw.simulate.kernels.KERNELS`.

    Raises
    ------
    UserError
        The level does not know dies, noise or the conditions, the inputs do not fit the model, or
        the level's trace or ngspice's own run would be too large.
    """
    refuse_seeds(level, die=die, noise=noise)
    refuse_timing(timing, level)
    refuse_kernel(kernel, level, timing)
    refuse_corner(chip.design.technology, level, conditions.corner)
    refuse_width(inputs, chip.model.spec.n_in)
    refuse_currents(chip.design, inputs)
    about: dict[str, Any] = {
        "level": level,
        "timing": timing,
        "conditions": conditions,
        "die": die,
        "noise": None if noise is None else asked_seed("noise", noise),
        "seconds": inputs.lengths * chip.design.timing.frame,
        "labels": inputs.y,
    }
    if level == "ideal":
        ran = asked_kernel(kernel)
        trace = simulate_ideal(chip.mapped, inputs, kernel=ran)
        unpriced = np.full(inputs.n_seq, np.nan)
        run = Run(trace=trace, input_energy=unpriced, kernel=ran, **about)
    elif level == "spice":
        found = _spice(chip, inputs, conditions, die, tolerances, progress, raw, first_sequence)
        run = Run(**found, **about)
    else:
        found = _behavioral(chip, inputs, conditions, die, noise, timing, first_sequence, kernel)
        run = Run(**found, **about)
    _sign_states(chip, run.trace)
    return run


def _sign_states(chip: MappedNetwork, trace: Trace) -> None:
    """Give h the sign of a unit's alpha: as a current it has none, and the output's weights do."""
    for i, bank in enumerate(chip.design.banks):
        negative = bank.memory.gain(chip.model.tensors[f"layers.{i}.alpha"]) < 0
        if negative.any():
            trace.states[i][..., negative] = 0 - trace.states[i][..., negative]


def _behavioral(
    chip: MappedNetwork,
    inputs: Inputs,
    conditions: Conditions,
    die: int | None,
    noise: int | None,
    timing: str,
    first_sequence: int,
    kernel: str | None,
) -> dict[str, Any]:
    delivered = conditions.v_dd * input_charge(chip.design, inputs)
    calibration = chip.calibration.at(
        conditions.v_dd,
        temperature=conditions.temperature,
        corner=conditions.corner,
        loops_only=chip.design.loops_only,
    )
    if timing == "timed":
        run = simulate_timed(
            chip.design,
            calibration,
            inputs,
            [chip.die(die)],
            temperature=conditions.temperature,
            v_dd=conditions.v_dd,
            noise=None if noise is None else NoiseRun(seed=noise),
            sequence_offset=first_sequence,
        )
        ran = None
    else:
        ran = asked_kernel(kernel)
        run = simulate_behavioral(
            chip.design,
            calibration,
            inputs,
            [chip.die(die)],
            temperature=conditions.temperature,
            v_dd=conditions.v_dd,
            noise=None if noise is None else NoiseRun(seed=noise),
            sequence_offset=first_sequence,
            kernel=ran,
        )
    refuse_not_finite(run)
    supply = run.supply.single_die()
    priced = energy(supply)
    return {
        "trace": dataclasses.replace(run.trace.single_die(), energy_J=priced.total),
        "input_energy": delivered,
        "supply": supply,
        "energy_by_block": {
            name: static + switching for name, (static, switching) in priced.blocks.items()
        },
        "switching_by_block": {name: switching for name, (_, switching) in priced.blocks.items()},
        "kernel": ran,
        "warning": warning([doubts(chip.design, calibration, settled=timing == "settled")]),
    }


def _spice(
    chip: MappedNetwork,
    inputs: Inputs,
    conditions: Conditions,
    die: int | None,
    tolerances: Tolerances,
    progress: Callable[[int], None] | None,
    raw: Path | None,
    first_sequence: int,
) -> dict[str, Any]:
    from mru_hw.simulate.disagreement import explain, step_rules
    from mru_hw.simulate.spice_level import simulate_spice
    from mru_hw.simulate.spice_size import refuse_long
    from mru_hw.spice.chip import refuse_without_circuit
    from mru_hw.spice.rawfile import raw_path, write_raw

    refuse_without_circuit(chip.design)
    refuse_long(chip.design, inputs)

    def keep(row: int, waves: Waves) -> None:
        if raw is not None and waves.vectors:
            number = first_sequence + row
            title = f"design {chip.design.digest()}, sequence {number}"
            write_raw(raw_path(raw, number), waves, title)

    result = simulate_spice(
        chip.design,
        chip.calibration,
        inputs,
        conditions=conditions,
        die=None if die is None else chip.die(die),
        tolerances=tolerances,
        progress=progress,
        keep=keep,
    )
    rules = step_rules(chip.mapped, chip.design, chip.calibration, chip.die(die), conditions)
    reference = simulate_ideal(chip.mapped, inputs)
    found = tuple(
        dataclasses.replace(wrong, sequence=first_sequence + wrong.sequence)
        for wrong in explain(result, chip.mapped, chip.design, rules, inputs, reference)
    )
    endings = tuple(
        dataclasses.replace(ending, sequence=first_sequence + ending.sequence)
        for ending in result.endings()
    )
    return {
        "trace": result.trace,
        "input_energy": result.input_energy,
        "energy_by_block": result.energy_by_block,
        "unresolved": result.unresolved,
        "disagreements": found,
        "endings": endings,
    }
