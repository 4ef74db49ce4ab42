"""A walk of the nominal die over sequences, without noise, for what is written down on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from mru_hw.mapping.design import Design
from mru_hw.simulate.blocks import group_sequences
from mru_hw.simulate.compile import compile_dies
from mru_hw.simulate.die_run import DieRun
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import nominal_die

Run = TypeVar("Run", bound=DieRun)


def nominal_runs(
    kind: type[Run],
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    *,
    temperature: float,
    v_dd: float,
) -> Iterator[Run]:
    """Yield a run for each block of sequences, to be walked by whoever takes it before the next.

    Parameters
    ----------
    kind
        What the runs are.
    calibration
        The constants at the process corner.
    temperature, v_dd
        [degC], [V].
    """
    constants = calibration.at(v_dd, temperature=temperature, loops_only=design.loops_only)
    (program,) = compile_dies(
        design, constants, [nominal_die(design)], temperature=temperature, dtype=np.float64
    )
    (array,) = program.dies()
    for group in group_sequences(inputs.lengths):
        held = None
        for block in group.blocks(inputs, design, np.float64):
            run = kind(array=array, block=block, calibration=constants, noise=None, held=held)
            yield run
            held = run.held
