"""The memory of a bank on one die: from candidates to set cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design
from mru_hw.mapping.realised import realised_bank
from mru_hw.model.memory.recurrence import Floats, Levels
from mru_hw.simulate.array import Memory
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
    return bank.memory.rank(bank.initial, bank.levels)


def step_memory(memory: Memory, c: Floats, up: Floats, down: Floats, before: Levels) -> Levels:
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
    bank = memory.bank
    start = bank.memory.level(before[None], bank.levels)
    levels = bank.memory.follow(c[None], up[None], down[None], start, bank.levels)
    return bank.memory.rank(levels, bank.levels)
