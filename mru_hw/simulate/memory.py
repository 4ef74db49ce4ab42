"""The memory of a bank on one die: from candidates to set cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design
from mru_hw.mapping.realised import realised_bank
from mru_hw.model.structure import CellKind
from mru_hw.simulate import levels
from mru_hw.simulate.array import Memory
from mru_hw.simulate.levels import Floats
from mru_hw.technology.calibration import Calibration


def nominal_low(design: Design, calibration: Calibration, memory: Memory) -> NDArray[np.float64]:
    """Return the constant (n_units,) by which a unit's output current exceeds h, in its unit.

    A ladder's output is ``alpha (s + K)`` and never negative, while the network's ``h = alpha s``:
    the constant is ``alpha K`` and the next layer's bias takes it off. Without mismatch; 0 of an
    FQ-BMRU.
    """
    return realised_bank(design, memory.bank, calibration).low * memory.biased


def initial_cells(memory: Memory) -> NDArray[np.int64]:
    """Set cells (n_units,) of the initial state."""
    bank = memory.bank
    if bank.cell is CellKind.CMRU:
        return bank.initial + bank.levels
    return (bank.initial > 0).astype(np.int64)


def step_memory(
    memory: Memory, c: Floats, up: Floats, down: Floats, before: levels.Levels
) -> levels.Levels:
    """Return the set cells, (time, 1, unit, sequence).

    Parameters
    ----------
    c
        Candidates (unit, time, sequence), in candidate units.
    up, down
        Thresholds, broadcast against c.
    before
        Set cells before the first frame, (unit, sequence) or one of both.
    """
    bank, start = memory.bank, before[None]
    if bank.cell is CellKind.FQ_BMRU:
        return levels.latch(c[None], down[None], up[None], start).astype(np.int8)
    steps = levels.signed_steps(c[None], up[None], down[None])
    if bank.cell is CellKind.BMRU:
        bits = levels.ladder(steps, 2 * start - 1, 1, size=2)
        return (bits + 1) // 2
    return levels.ladder(steps, start - bank.levels, bank.levels) + bank.levels
