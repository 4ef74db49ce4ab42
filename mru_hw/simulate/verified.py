"""A behavioral run of a chip with some of its units verified in ngspice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from mru_hw.simulate.at_level import MappedNetwork, run_level
from mru_hw.simulate.result import Run
from mru_hw.simulate.verify import Choice, verify_units
from mru_hw.spice.options import Tolerances
from mru_hw.stimulus import Inputs
from mru_hw.technology.conditions import Conditions


def verified(
    chip: MappedNetwork,
    inputs: Inputs,
    choice: Choice,
    *,
    conditions: Conditions,
    die: int | None,
    first_sequence: int,
    tolerances: Tolerances,
    raw: Path | None,
    progress: Callable[[int], None] | None,
) -> Run:
    """Return the behavioral run, with what the chosen units did under its candidates.

    Parameters are those of `verify_units`; `die` is a seed.
    """
    run = run_level(
        chip,
        inputs,
        level="behavioral",
        conditions=conditions,
        die=die,
        first_sequence=first_sequence,
    )
    checked = verify_units(
        chip.design,
        chip.calibration,
        inputs,
        run.trace,
        choice,
        conditions=conditions,
        die=None if die is None else chip.die(die),
        first_sequence=first_sequence,
        tolerances=tolerances,
        raw=raw,
        progress=progress,
    )
    return dataclasses.replace(
        run,
        verification=checked,
        disagreements=checked.disagreements,
        endings=checked.endings,
    )
